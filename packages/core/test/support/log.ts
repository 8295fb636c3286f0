import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { expect, vi } from "vitest";
import type { NewChange, Feed } from "../../src/changes/change.ts";
import { newId } from "../../src/id.ts";

/** A change as a stream's record gives it. */
export const entry = (given: Partial<NewChange> = {}): NewChange => ({
  feed: "items",
  op: "update",
  id: newId(),
  version: 1,
  at: new Date().toISOString(),
  actor: "ana",
  requestId: newId(),
  changed: ["n"],
  before: { n: 0 },
  data: { n: 1 },
  ...given,
});

/** So many changes of one record, one version after another. */
export const versions = (count: number, given: Partial<NewChange> = {}): NewChange[] => {
  const id = newId();
  return Array.from({ length: count }, (_, n) => entry({ id, version: n + 1, ...given }));
};

/** The change log as another process has it: what it has seen is its own. */
export async function anotherLog() {
  vi.resetModules();
  return {
    Store: await import("../../src/store/dynamodb.ts"),
    ...(await import("../../src/changes/log.ts")),
  };
}

export const soon = () => Date.now() + 30_000;

interface Row {
  seq: number;
  change: string;
}

/**
 * What follows a number in a feed as the table itself has it, past all code of ours; its numbers
 * must have no gap, and end at the head.
 */
export async function feedIn(
  client: DynamoDBDocumentClient,
  TableName: string,
  feed: Feed,
  from: number,
): Promise<(NewChange & { seq: number })[]> {
  const rows: Row[] = [];
  for (let start: Record<string, unknown> | undefined; ;) {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new QueryCommand({
        TableName,
        IndexName: "gsi1",
        KeyConditionExpression: "gsi1pk = :feed AND gsi1sk > :place",
        ExpressionAttributeValues: { ":feed": feed, ":place": String(from).padStart(15, "0") },
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    rows.push(...(Items as Row[]));
    if (LastEvaluatedKey === undefined) break;
    start = LastEvaluatedKey;
  }
  const head = await headIn(client, TableName, feed);
  expect(rows.map(({ seq }) => seq)).toEqual(
    Array.from({ length: head - from }, (_, n) => from + n + 1),
  );
  return rows.map(({ change, seq }) => ({ ...(JSON.parse(change) as NewChange), seq }));
}

/** The last number of a feed, as the table has it. */
export async function headIn(client: DynamoDBDocumentClient, TableName: string, feed: Feed) {
  const Key = { pk: `HEAD#${feed}`, sk: "HEAD" };
  const { Item } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Number(Item?.["seq"] ?? 0);
}

/** What tells changes apart. */
export const nameOf = ({ feed, id, version }: NewChange): string => `${feed} ${id} ${version}`;
