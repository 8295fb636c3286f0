import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";

export interface ClientOptions {
  region: string;
  /** Of an engine that speaks DynamoDB's protocol; the region's own endpoint if absent. */
  endpoint?: string | undefined;
  /** The SDK's default provider chain if absent. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** Ms that one attempt may take; 1 500. */
  timeout?: number | undefined;
}

/** Calls in flight to one endpoint; more wait for a socket. */
const MAX_SOCKETS = 128;

/**
 * A DynamoDB client that never hangs: silence ends after three attempts, about 5 s unless told. All that the
 * SDK would otherwise look up in files and the environment at the first call is given here.
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
      // Without it `requestTimeout` only warns, and a silent server holds the call for ever.
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    }),
  });
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
