/**
 * What a reply means: a result, or an error with the name and the members that the SDK's errors have,
 * so that retry.ts needs one set of rules for both clients.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */

import type { HttpReply } from "./http.ts";

/** What an error adds to `Error`, apart from the members of its reply, such as `Item`. */
export interface ErrorMembers {
  /** Whose fault it is. Absent if the reply could not be read. */
  $fault?: "client" | "server";
  $metadata: { httpStatusCode: number; requestId?: string; clockSkewCorrected?: boolean };
  /** The reply, not enumerable. */
  $response: { statusCode: number };
}

/** Errors that are the client's by their definition, whatever the status says. */
const CLIENT_ERRORS: ReadonlySet<string> = new Set([
  "ConditionalCheckFailedException",
  "IdempotentParameterMismatchException",
  "InvalidEndpointException",
  "ItemCollectionSizeLimitExceededException",
  "LimitExceededException",
  "ProvisionedThroughputExceededException",
  "ReplicatedWriteConflictException",
  "RequestLimitExceeded",
  "ResourceInUseException",
  "ResourceNotFoundException",
  "ThrottlingException",
  "TransactionCanceledException",
  "TransactionConflictException",
  "TransactionInProgressException",
]);

/** Returns the parsed body of a successful reply. Throws the error of any other. */
export function read(reply: HttpReply): unknown {
  const { status, body, broken } = reply;
  let parsed: unknown;
  try {
    if (broken) throw broken;
    verifyChecksum(reply);
    parsed = body.length === 0 ? {} : JSON.parse(body.toString());
  } catch (error) {
    throw unreadable(error, reply);
  }
  if (status < 300) return parsed;
  throw failure(isObject(parsed) ? parsed : {}, reply);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** DynamoDB sends the CRC32 of the body. The SDK does not compare it. */
function verifyChecksum({ headers, body }: HttpReply): void {
  const { "x-amz-crc32": expected, "content-encoding": encoding } = headers;
  if (typeof expected !== "string" || encoding !== undefined) return;
  const { crc32 } = process.getBuiltinModule("node:zlib");
  if (crc32(body) !== Number(expected)) throw new Error("the checksum of a reply is wrong");
}

const metadataOf = ({ status, headers }: HttpReply): ErrorMembers["$metadata"] => {
  const { "x-amzn-requestid": requestId } = headers;
  return { httpStatusCode: status, ...(typeof requestId === "string" && { requestId }) };
};

/** A reply that breaks off or is not JSON: the call may have been applied. */
function unreadable(cause: unknown, reply: HttpReply): Error {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return withResponse(Object.assign(error, { $metadata: metadataOf(reply) }), reply);
}

function failure(body: Record<string, unknown>, reply: HttpReply): Error {
  const name = codeOf(body, reply);
  const byStatus = reply.status < 500 ? "client" : "server";
  const $fault =
    name === "InternalServerError" ? "server" : CLIENT_ERRORS.has(name) ? "client" : byStatus;
  const { message, Message, ...members } = body;
  const text = message ?? Message;
  const error = new Error(typeof text === "string" && text !== "" ? text : "UnknownError");
  Object.assign(error, { ...members, name, $fault, $metadata: metadataOf(reply) });
  return withResponse(error, reply);
}

const withResponse = (error: Error, { status }: HttpReply): Error =>
  Object.defineProperty(error, "$response", { value: { statusCode: status }, configurable: true });

/** The name of an error: `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException` and the like. */
function codeOf(body: Record<string, unknown>, { headers }: HttpReply): string {
  const given = body["__type"] ?? body["code"] ?? headers["x-amzn-errortype"];
  if (typeof given !== "string" && typeof given !== "number") return "Unknown";
  const code = String(given).split(",")[0]?.split(":")[0] ?? "";
  return code.split("#")[1] ?? code;
}
