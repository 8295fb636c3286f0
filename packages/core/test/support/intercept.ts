import type { Client } from "../../src/store/client.ts";
import type { Operation } from "../../src/store/protocol/message.ts";

/** A call of the store. */
export interface Command {
  operation: Operation;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows its calls
  input: Record<string, any>;
}

type Send = () => Promise<unknown>;

/** Returns a client that passes each call to `around`, which may delay, refuse or change it. */
export const intercepted = (
  client: Client,
  around: (command: Command, send: Send) => Promise<unknown>,
): Client => ({
  send: (operation, input, options) =>
    around({ operation, input }, () => client.send(operation, input, options)) as never,
  close: () => client.close(),
});
