/**
 * The SDK's client and the small one before a server that answers as a test says, and what the store
 * makes of the answers.
 */

import type { Client, ClientOptions } from "../../src/store/client.ts";
import { createSmallClient } from "../../src/store/protocol/client.ts";
import { call, forgetSilence, ReplyLost } from "../../src/store/retry.ts";
import { createSdkClient } from "../../src/store/sdk-client.ts";
import { type Server, startServer } from "./server.ts";

const MAX_SOCKETS = 16;

export interface Pair extends Server {
  sdk: Client;
  small: Client;
}

export const createPair = (options: ClientOptions) => ({
  sdk: createSdkClient(options, MAX_SOCKETS),
  small: createSmallClient(options, MAX_SOCKETS),
});

/** Starts the server and connects both clients to it. */
export async function startPair(options: Partial<ClientOptions> = {}): Promise<Pair> {
  const server = await startServer();
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
  const { endpoint, close } = server;
  const clients = createPair({ region: "eu-west-1", endpoint, credentials, ...options });
  return Object.assign(server, clients, {
    close() {
      clients.sdk.close();
      clients.small.close();
      close();
    },
  });
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What a call resolves to, or what retry.ts and dynamodb.ts read of its error. */
export async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    const { $metadata: _, ...result } = (await work) as Record<string, unknown>;
    return { result };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { name, message, $fault, $metadata, code, Item, CancellationReasons } = error as Error &
      Record<string, unknown>;
    const { httpStatusCode, requestId, clockSkewCorrected } = ($metadata ?? {}) as {
      [member: string]: unknown;
    };
    const metadata = { httpStatusCode, requestId, clockSkewCorrected };
    // The words for a reply that cannot be read are the client's own.
    const text = $fault === undefined ? undefined : message;
    const members = { text, $fault, code, Item, CancellationReasons };
    return plain({ name, hasReply: "$response" in error, ...members, metadata });
  }
}

/** How a call of the store ends, and after how many attempts. */
export async function storeCall(
  attempt: Parameters<typeof call>[0],
  limits?: Parameters<typeof call>[1],
): Promise<unknown> {
  forgetSilence();
  let attempts = 0;
  const applied: boolean[] = [];
  const work = call((options, mayBeApplied) => {
    attempts++;
    applied.push(mayBeApplied);
    return attempt(options, mayBeApplied);
  }, limits);
  try {
    await work;
    return { attempts, applied };
  } catch (error) {
    const { name, code, old, mayBeApplied } = error as Error & Record<string, unknown>;
    const isLost = error instanceof ReplyLost;
    return plain({ attempts, applied, name, code, isLost, old, mayBeApplied });
  }
}
