import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { Data, tables, type TableSpec } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDynamodb, type Engine } from "./dynamodb.ts";
import { LocalError } from "../error.ts";
import { createTables } from "./tables.ts";

let dataDir: string;
let engine: Engine;
let client: DynamoDBClient;
const names: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "stockwire-tables-"));
  engine = await startDynamodb({ dataDir, log: () => undefined });
  client = new DynamoDBClient(engine.clientConfig);
});

afterAll(async () => {
  for (const TableName of names) await client.send(new DeleteTableCommand({ TableName }));
  client.destroy();
  await engine.stop();
  await rm(dataDir, { recursive: true });
});

function naming(): (id: string) => string {
  const prefix = `${randomUUID()}-`;
  return (id) => {
    names.push(prefix + id);
    return prefix + id;
  };
}

test("tables are created as specified and can be used immediately", async () => {
  const nameOf = naming();
  expect(await createTables(client, tables, nameOf)).toEqual(tables.map((spec) => spec.id));

  const TableName = names.find((name) => name.endsWith("Data"));
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  expect(Table).toMatchObject({
    TableStatus: "ACTIVE",
    BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    GlobalSecondaryIndexes: [
      { IndexName: "gsi1", IndexStatus: "ACTIVE", Projection: { ProjectionType: "ALL" } },
    ],
  });
  const ttl = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  expect(ttl.TimeToLiveDescription).toMatchObject({
    TimeToLiveStatus: "ENABLED",
    AttributeName: "expiresAt",
  });

  const keys = { pk: { S: "p" }, sk: { S: "s" }, gsi1pk: { S: "g" }, gsi1sk: { S: "h" } };
  await client.send(new PutItemCommand({ TableName, Item: { ...keys, extra: { S: "all" } } }));
  const found = await client.send(
    new QueryCommand({
      TableName,
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :g",
      ExpressionAttributeValues: { ":g": { S: "g" } },
      Limit: 1,
    }),
  );
  expect(found.Items).toEqual([{ ...keys, extra: { S: "all" } }]);
});

test("existing tables and their items are not changed", async () => {
  const nameOf = naming();
  await createTables(client, [Data], nameOf);
  const TableName = names.find((name) => name.endsWith("Data"));
  const Item = { pk: { S: "p" }, sk: { S: "s" } };
  await client.send(new PutItemCommand({ TableName, Item }));

  expect(await createTables(client, [Data], () => TableName ?? "")).toEqual([]);
  const found = await client.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: "pk = :p",
      ExpressionAttributeValues: { ":p": { S: "p" } },
      Limit: 1,
    }),
  );
  expect(found.Items).toEqual([Item]);
});

test("of concurrent callers one creates each table, and all succeed", async () => {
  const name = naming()("Data");
  const created = await Promise.all(
    Array.from({ length: 8 }, () => createTables(client, [Data], () => name)),
  );
  expect(created.flat()).toEqual(["Data"]);
});

test("a table that has no TTL because of a crash after its creation gets it", async () => {
  const name = naming()("Data");
  const { ttl: _, ...unfinished } = Data;
  await createTables(client, [unfinished], () => name);
  expect(await createTables(client, [Data], () => name)).toEqual([]);
  const ttl = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  expect(ttl.TimeToLiveDescription?.TimeToLiveStatus).toBe("ENABLED");
});

const { stream: _, ...streamless } = Data;
const others: [string, TableSpec][] = [
  ["key", { ...Data, primaryIndex: { hashKey: "gsi1pk", rangeKey: "sk" } }],
  ["index", { ...Data, globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "sk" } } }],
  ["set of indexes", { ...Data, globalIndexes: { other: Data.globalIndexes.gsi1 } }],
  ["TTL attribute", { ...Data, ttl: "other" }],
  ["stream", streamless],
];

test.each(others)(
  "a table with another %s is refused with one clear line",
  async (_what, other) => {
    const name = naming()("Data");
    await createTables(client, [Data], () => name);
    const refused = createTables(client, [other], () => name);
    await expect(refused).rejects.toThrow(LocalError);
    await expect(refused).rejects.toThrow(/^table \S+ has other keys.*delete the data folder/);
  },
);

test("a table without a range key is refused too", async () => {
  const TableName = naming()("Data");
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    }),
  );
  await expect(createTables(client, [Data], () => TableName)).rejects.toThrow(LocalError);
});
