/** The DynamoDB client. Every call ends: a store that does not answer is an error, not a hang. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";

export interface ClientOptions {
  region: string;
  /** Of an engine that speaks DynamoDB's protocol; by default the region's own endpoint. */
  endpoint?: string | undefined;
  /** By default the SDK's provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** Ms for one attempt; by default 1 500. */
  timeout?: number | undefined;
}

/** Concurrent calls to one endpoint; further calls wait for a socket. */
const MAX_SOCKETS = 128;

/**
 * Creates a client whose calls end after at most three attempts, about 5 s with the default
 * timeout. Everything that the SDK would otherwise look up in files and in the environment is set
 * here, since those lookups make the first call of a cold start slower.
 */
export function createClient({
  region,
  endpoint,
  credentials,
  timeout = 1_500,
}: ClientOptions): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    retryMode: "standard",
    maxAttempts: 3,
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
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    }),
  });
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
