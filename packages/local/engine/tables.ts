/**
 * Creates DynamoDB tables from their specifications. An existing table is used only if it has the
 * specified shape: keys, indexes, stream and TTL. Its data are never changed or deleted.
 */

import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  type TableDescription,
} from "@aws-sdk/client-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError } from "../error.ts";

type Keys = TableSpec["primaryIndex"];

const READY_WITHIN = 120_000; // ms; local engines need no time, AWS about ten seconds

/**
 * Creates the missing tables, waits until all are active, and returns the ids of those that it
 * created. Safe to call from several processes at the same time. Throws LocalError if an existing
 * table has another shape than its specification.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
 */
export async function createTables(
  client: DynamoDBClient,
  specs: readonly TableSpec[],
  nameOf: (id: string) => string,
): Promise<string[]> {
  const created = await Promise.all(
    specs.map(async (spec) => {
      const name = nameOf(spec.id);
      const isNew = !(await describe(client, name)) && (await create(client, spec, name));
      const table = await untilActive(client, name);
      if (shapeOf(table) !== shapeOfSpec(spec)) throw shapeDiffers(name);
      // Not only for new tables: a crash can happen between the two calls.
      if (spec.ttl !== undefined) await enableTtl(client, name, spec.ttl);
      return isNew ? [spec.id] : [];
    }),
  );
  return created.flat();
}

/** False if another caller has created the table first. */
async function create(client: DynamoDBClient, spec: TableSpec, name: string): Promise<boolean> {
  const indexes = Object.entries(spec.globalIndexes).map(([index, keys]) => ({
    IndexName: index,
    KeySchema: keySchema(keys),
    Projection: { ProjectionType: "ALL" as const },
  }));
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: spec.fields.map((field) => ({
          AttributeName: field,
          AttributeType: "S",
        })),
        KeySchema: keySchema(spec.primaryIndex),
        ...(indexes.length > 0 && { GlobalSecondaryIndexes: indexes }),
        ...(spec.stream && {
          StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
        }),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
}

async function describe(
  client: DynamoDBClient,
  name: string,
): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function untilActive(client: DynamoDBClient, name: string): Promise<TableDescription> {
  const deadline = Date.now() + READY_WITHIN;
  for (let wait = 10; Date.now() < deadline; wait = Math.min(wait * 2, 1000)) {
    const table = await describe(client, name);
    const statuses = table?.GlobalSecondaryIndexes?.map((index) => index.IndexStatus) ?? [];
    const all = [table?.TableStatus, ...statuses];
    if (table && all.every((status) => status === "ACTIVE")) return table;
    await sleep(wait);
  }
  throw new LocalError(`table ${name} is not active after ${READY_WITHIN / 1000} s`);
}

async function enableTtl(client: DynamoDBClient, name: string, attribute: string): Promise<void> {
  if (await hasTtl(client, name, attribute)) return;
  try {
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { Enabled: true, AttributeName: attribute },
      }),
    );
  } catch (error) {
    // DynamoDB refuses to enable TTL twice; another caller may have been first.
    if (!(await hasTtl(client, name, attribute))) throw error;
  }
}

/** Throws LocalError if TTL is enabled with another attribute. */
async function hasTtl(client: DynamoDBClient, name: string, attribute: string) {
  const { TimeToLiveDescription: ttl } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: name }),
  );
  const on = ttl?.TimeToLiveStatus === "ENABLED" || ttl?.TimeToLiveStatus === "ENABLING";
  if (on && ttl.AttributeName !== attribute) throw shapeDiffers(name);
  return on;
}

function keySchema({ hashKey, rangeKey }: Keys): KeySchemaElement[] {
  return [
    { AttributeName: hashKey, KeyType: "HASH" },
    { AttributeName: rangeKey, KeyType: "RANGE" },
  ];
}

/** A text that is equal for tables of equal shape. */
function shapeOfSpec(spec: TableSpec): string {
  const indexes = Object.entries(spec.globalIndexes).map(
    ([name, keys]) => [name, keySchema(keys)] as const,
  );
  return shape(keySchema(spec.primaryIndex), indexes, spec.stream && "NEW_AND_OLD_IMAGES");
}

function shapeOf(table: TableDescription): string {
  const indexes = table.GlobalSecondaryIndexes?.map(
    (index) => [index.IndexName ?? "", index.KeySchema] as const,
  );
  const { StreamEnabled, StreamViewType } = table.StreamSpecification ?? {};
  return shape(table.KeySchema, indexes ?? [], StreamEnabled ? StreamViewType : undefined);
}

function shape(
  keys: KeySchemaElement[] | undefined,
  indexes: (readonly [string, KeySchemaElement[] | undefined])[],
  stream: string | undefined,
): string {
  const named = indexes.map(([name, schema]) => `${name}: ${flat(schema)}`);
  return JSON.stringify([flat(keys), named.toSorted((a, b) => (a < b ? -1 : 1)), stream]);
}

function flat(schema: KeySchemaElement[] = []): string {
  return schema.map((key) => `${key.KeyType} ${key.AttributeName}`).join(", ");
}

function shapeDiffers(name: string): LocalError {
  return new LocalError(
    `table ${name} has other keys, indexes, stream or TTL than this version: delete the data folder, or use another`,
  );
}
