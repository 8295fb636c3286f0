/**
 * The client of AWS's SDK. It is the reference for the small client of protocol/, and runs wherever
 * `DYNAMODB_CLIENT` is `sdk`.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Client, ClientOptions } from "./client.ts";
import type { Operation, Operations } from "./protocol/message.ts";

/** Creates a document client whose calls end after one attempt. */
export function createDocumentClient(
  { region, endpoint, credentials, timeout = 1_100 }: ClientOptions,
  maxSockets = 128,
): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    // Set here, because the SDK would otherwise look for them in files at the first call.
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    accountIdEndpointMode: "disabled",
    endpointDiscoveryEnabled: false,
    userAgentAppId: "stockwire",
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000, // ms
      requestTimeout: timeout,
      // Without this option `requestTimeout` only logs a warning, and a silent server hangs the
      // call.
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    }),
  });
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}

const COMMANDS = {
  GetItem: GetCommand,
  PutItem: PutCommand,
  UpdateItem: UpdateCommand,
  DeleteItem: DeleteCommand,
  Query: QueryCommand,
  BatchGetItem: BatchGetCommand,
  BatchWriteItem: BatchWriteCommand,
  TransactWriteItems: TransactWriteCommand,
} as const;

/** Creates the SDK's client in the form that the store calls. */
export function createSdkClient(options: ClientOptions, maxSockets?: number): Client {
  const documents = createDocumentClient(options, maxSockets);
  return {
    send<Name extends Operation>(
      operation: Name,
      input: Operations[Name]["input"],
      to?: { requestTimeout?: number; abortSignal?: AbortSignal },
    ) {
      const command = new COMMANDS[operation](input as never);
      return documents.send(command as never, to) as Promise<Operations[Name]["output"]>;
    },
    close: () => documents.destroy(),
  };
}
