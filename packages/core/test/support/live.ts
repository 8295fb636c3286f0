import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import type { Connection } from "../../src/live/connection.ts";
import { newId } from "../../src/id.ts";
import { parse, type Topic } from "../../src/changes/topic.ts";
import { documents } from "./store.ts";

/** Returns a connection as the handshake creates it. */
export const connectionOf = (given: Partial<Connection> = {}): Connection => ({
  id: newId(),
  endpoint: "http://127.0.0.1:1",
  sub: newId(),
  kind: "user",
  scopes: ["read:products"],
  connectedAt: Date.now(),
  ...given,
});

export const topicsOf = (...texts: string[]): Topic[] =>
  texts.map((text) => {
    const topic = parse(text);
    if (topic === undefined) throw new Error(`${text} is not a topic`);
    return topic;
  });

/** Returns all rows of a table that contain a text. */
export async function rowsWith(TableName: string, text: string) {
  const rows: Record<string, unknown>[] = [];
  for (let start: Record<string, unknown> | undefined; ;) {
    const { Items = [], LastEvaluatedKey } = await documents.send(
      new ScanCommand({
        TableName,
        ConsistentRead: true,
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    rows.push(...Items);
    if (LastEvaluatedKey === undefined) break;
    start = LastEvaluatedKey;
  }
  const plain = (_: string, value: unknown) => (value instanceof Set ? [...value] : value);
  return rows.filter((row) => JSON.stringify(row, plain).includes(text));
}
