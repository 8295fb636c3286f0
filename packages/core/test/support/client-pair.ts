/**
 * The SDK's client and the small one before a server that answers as a test says, and what the store
 * makes of the answers.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Client, ClientOptions } from "../../src/store/client.ts";
import { createSmallClient } from "../../src/store/protocol/client.ts";
import { call, forgetSilence, ReplyLost } from "../../src/store/retry.ts";
import { createSdkClient } from "../../src/store/sdk-client.ts";

export interface Received {
  headers: IncomingMessage["headers"];
  body: string;
}

/** Answers a request, the first of a call or a repetition. */
export type Respond = (response: ServerResponse, received: Received) => unknown;

const MAX_SOCKETS = 16;

export interface Pair {
  endpoint: string;
  /** The requests since `answer`. */
  received: Received[];
  /** Sets how all later requests are answered, and forgets those that were received. */
  answer(respond: Respond): void;
  sdk: Client;
  small: Client;
  close(): void;
}

export const createPair = (options: ClientOptions) => ({
  sdk: createSdkClient(options, MAX_SOCKETS),
  small: createSmallClient(options, MAX_SOCKETS),
});

/** Starts the server and connects both clients to it. */
export async function startPair(options: Partial<ClientOptions> = {}): Promise<Pair> {
  let respond: Respond = (response) => response.end("{}");
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const received = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      pair.received.push(received);
      respond(response, received);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
  const clients = createPair({ region: "eu-west-1", endpoint, credentials, ...options });
  const pair: Pair = {
    endpoint,
    received: [],
    answer(to) {
      respond = to;
      pair.received = [];
    },
    ...clients,
    close() {
      clients.sdk.close();
      clients.small.close();
      server.close();
      server.closeAllConnections();
    },
  };
  return pair;
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
