import { GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { expect, vi } from "vitest";
import type { Feed } from "../../src/catalog/index.ts";
import type { NewChange } from "../../src/changes/change.ts";
import { newId } from "../../src/id.ts";
import { documents } from "./store.ts";

/** Returns a change as it comes from a stream record. */
export const newChange = (given: Partial<NewChange> = {}): NewChange => ({
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

/** Returns changes of one record, one for each version. */
export const versions = (count: number, given: Partial<NewChange> = {}): NewChange[] => {
  const id = newId();
  return Array.from({ length: count }, (_, n) => newChange({ id, version: n + 1, ...given }));
};

/** Loads the change log again, as another process has it, with module state of its own. */
export async function anotherLog() {
  vi.resetModules();
  return {
    DynamoDB: await import("../../src/store/dynamodb.ts"),
    ...(await import("../../src/changes/append.ts")),
    ...(await import("../../src/changes/log.ts")),
  };
}

export const soon = () => Date.now() + 30_000;

interface Row {
  seq: number;
  change: string;
}

/**
 * Reads a feed after a seq directly from the table, and expects its numbers to have no gap and to
 * end at the head.
 */
export async function feedIn(
  TableName: string,
  feed: Feed,
  from: number,
): Promise<(NewChange & { seq: number })[]> {
  const rows: Row[] = [];
  for (let start: Record<string, unknown> | undefined; ;) {
    const { Items = [], LastEvaluatedKey } = await documents.send(
      new QueryCommand({
        TableName,
        IndexName: "gsi1",
        KeyConditionExpression: "gsi1pk = :feed AND gsi1sk > :seq",
        ExpressionAttributeValues: { ":feed": feed, ":seq": String(from).padStart(15, "0") },
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    rows.push(...(Items as Row[]));
    if (LastEvaluatedKey === undefined) break;
    start = LastEvaluatedKey;
  }
  const head = await headIn(TableName, feed);
  expect(rows.map(({ seq }) => seq)).toEqual(
    Array.from({ length: head - from }, (_, n) => from + n + 1),
  );
  return rows.map(({ change, seq }) => ({ ...(JSON.parse(change) as NewChange), seq }));
}

/** Reads the last seq of a feed directly from the table. */
export async function headIn(TableName: string, feed: Feed) {
  const Key = { pk: `HEAD#${feed}`, sk: "HEAD" };
  const { Item } = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Number(Item?.["seq"] ?? 0);
}

/** Returns a function that moves the head of a feed back to here, as a restore in place does. */
export async function restorePoint(TableName: string, feed: Feed): Promise<() => Promise<unknown>> {
  const { Item } = await documents.send(
    new GetCommand({ TableName, Key: { pk: `HEAD#${feed}`, sk: "HEAD" }, ConsistentRead: true }),
  );
  return () => documents.send(new PutCommand({ TableName, Item }));
}

/** Returns the identity of a change. */
export const nameOf = ({ feed, id, version }: NewChange): string => `${feed} ${id} ${version}`;
