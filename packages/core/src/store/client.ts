/**
 * The DynamoDB client. Every call ends: a store that does not answer is an error, not a hang, and a
 * call that would wait long for a socket is refused. A call is one attempt; dynamodb.ts repeats it.
 */

import type { OpenTransport } from "../aws/client.ts";
import { AppError } from "../error.ts";
import { Semaphore } from "../semaphore.ts";
import { createSmallClient } from "./protocol/client.ts";
import type { Operation, Operations } from "./protocol/message.ts";

export interface ClientOptions {
  region: string;
  /** Of an engine that speaks DynamoDB's protocol; by default the region's own endpoint. */
  endpoint?: string | undefined;
  /** By default those of the environment; with `DYNAMODB_CLIENT=sdk`, of the SDK's provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** Ms for one attempt; by default 1 100. */
  timeout?: number | undefined;
  /** How the small client sends requests; by default with node:http. It selects the small client. */
  transport?: OpenTransport | undefined;
}

export interface CallOptions {
  requestTimeout?: number; // ms, instead of the client's
  abortSignal?: AbortSignal;
}

export interface Client {
  /**
   * Makes one attempt of a call, with plain values for items. Rejects with the SDK's errors: those of
   * DynamoDB by their name with `$fault`, network errors with their code, and TimeoutError.
   */
  send<Name extends Operation>(
    operation: Name,
    input: Operations[Name]["input"],
    options?: CallOptions,
  ): Promise<Operations[Name]["output"]>;
  /** Closes the connections that are kept alive. */
  close(): void;
}

/** Concurrent calls of a client; further calls wait. */
const MAX_SOCKETS = 128;
/** Ms that a call may wait. */
const MAX_WAIT = 1_000;

let standardTransport: OpenTransport | undefined;

/**
 * Sets how small clients send requests that are created later. The laptop does so before it imports the
 * handlers, because its engine needs no TLS.
 */
export function useTransport(transport: OpenTransport | undefined): void {
  standardTransport = transport;
}

/**
 * Creates the client that `DYNAMODB_CLIENT` names: `small` (default) or `sdk`. A bundle replaces
 * the variable by its value at build time (esbuild-options.ts), so that only one of them is in it.
 */
export function createClient(options: ClientOptions): Client {
  return shedding(
    options.transport === undefined && process.env["DYNAMODB_CLIENT"] === "sdk"
      ? later(import("./sdk-client.ts").then((sdk) => sdk.createSdkClient(options, MAX_SOCKETS)))
      : createSmallClient({ transport: standardTransport, ...options }, MAX_SOCKETS),
  );
}

/** The SDK is loaded only where it is chosen; calls wait for it. */
const later = (loading: Promise<Client>): Client => ({
  send: async (...args) => (await loading).send(...args),
  close: () => void loading.then((client) => client.close()),
});

/**
 * Makes calls wait for a free socket in their order, before they cost any CPU. A call that has
 * waited too long is refused as `unavailable` without being sent, so that overload is answered
 * quickly and does not become a longer queue.
 */
function shedding(client: Client): Client {
  const sockets = new Semaphore(MAX_SOCKETS);
  return {
    send(...args) {
      const since = Date.now();
      return sockets.run(() => {
        if (Date.now() - since > MAX_WAIT) {
          throw new AppError("unavailable", "The store is overloaded; try again");
        }
        return client.send(...args);
      });
    },
    close: () => client.close(),
  };
}
