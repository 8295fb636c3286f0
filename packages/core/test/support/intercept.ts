import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** The parts of an SDK command that tests use. */
export interface Command {
  constructor: { name: string };
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows its commands
  input: Record<string, any>;
}

type Send = () => Promise<unknown>;

/** Returns a client that passes each call to `around`, which may delay, refuse or change it. */
export const intercepted = (
  client: DynamoDBDocumentClient,
  around: (command: Command, send: Send) => Promise<unknown>,
): DynamoDBDocumentClient =>
  ({
    send: (command: Command) => around(command, () => client.send(command as never)),
  }) as unknown as DynamoDBDocumentClient;
