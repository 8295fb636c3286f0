/**
 * The DynamoDB client. Every call ends: a store that does not answer is an error, not a hang, and a
 * call that would wait long for a socket is refused.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { AppError } from "../error.ts";

export interface ClientOptions {
  region: string;
  /** Of an engine that speaks DynamoDB's protocol; by default the region's own endpoint. */
  endpoint?: string | undefined;
  /** By default the SDK's provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** Ms for one attempt; by default 1 100. */
  timeout?: number | undefined;
}

/** Concurrent calls of a client; further calls wait. */
const MAX_SOCKETS = 128;
/** Ms that a call may wait. */
const MAX_WAIT = 1_000;

/**
 * Creates a client whose calls end after one attempt; dynamodb.ts repeats them. Everything that the SDK would otherwise look up in files and in the environment is set
 * here, since those lookups make the first call of a cold start slower.
 */
export function createClient({
  region,
  endpoint,
  credentials,
  timeout = 1_100,
}: ClientOptions): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
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
  return shedding(
    DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
  );
}

type Send = (...args: unknown[]) => Promise<unknown>;

/**
 * Makes calls wait for a free socket in their order, before they cost any CPU. A call that has
 * waited too long is refused as `unavailable` without being sent, so that overload is answered
 * quickly and does not become a longer queue.
 */
function shedding(client: DynamoDBDocumentClient): DynamoDBDocumentClient {
  const send = client.send.bind(client) as Send;
  let free = MAX_SOCKETS;
  const waiting: (() => void)[] = [];
  const sendInTurn: Send = async (...args) => {
    const since = Date.now();
    if (free > 0) free--;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      if (Date.now() - since > MAX_WAIT) {
        throw new AppError("unavailable", "The store is overloaded; try again");
      }
      return await send(...args);
    } finally {
      const next = waiting.shift(); // it takes over this socket
      if (next) next();
      else free++;
    }
  };
  client.send = sendInTurn as typeof client.send;
  return client;
}
