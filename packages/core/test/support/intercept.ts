import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** A command of the SDK, as far as tests look into it. */
export interface Command {
  constructor: { name: string };
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows what it looks at
  input: Record<string, any>;
}

type Send = () => Promise<unknown>;

/** A client whose every call goes through `around`, which may hold, refuse or alter it. */
export const intercepted = (
  client: DynamoDBDocumentClient,
  around: (command: Command, send: Send) => Promise<unknown>,
): DynamoDBDocumentClient =>
  ({
    send: (command: Command) => around(command, () => client.send(command as never)),
  }) as unknown as DynamoDBDocumentClient;
