import type { Faults } from "../../aws/reply.ts";

/**
 * Errors of DynamoDB whose fault the status does not say.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
export const FAULTS: Faults = {
  InternalServerError: "server",
  ConditionalCheckFailedException: "client",
  IdempotentParameterMismatchException: "client",
  InvalidEndpointException: "client",
  ItemCollectionSizeLimitExceededException: "client",
  LimitExceededException: "client",
  ProvisionedThroughputExceededException: "client",
  ReplicatedWriteConflictException: "client",
  RequestLimitExceeded: "client",
  ResourceInUseException: "client",
  ResourceNotFoundException: "client",
  ThrottlingException: "client",
  TransactionCanceledException: "client",
  TransactionConflictException: "client",
  TransactionInProgressException: "client",
};
