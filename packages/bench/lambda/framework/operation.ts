/**
 * What every handler of the comparison does: the SDK with its defaults, and the same calls to as many
 * partitions as Stockwire makes for the same requests.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";
import { randomUUID } from "node:crypto";

/** Status and body of an answer. */
export interface Outcome {
  status: number;
  body: object;
}

const TableName = process.env["DATA_TABLE"];
const SHARDS = Number(process.env["PLAIN_SHARDS"] ?? 4);
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));

const pkOf = (shard: number) => `PLAIN${SHARDS}#${shard}`;
const keyOf = (id: string) => ({ pk: pkOf(parseInt(id.slice(-4), 16) % SHARDS), sk: id });

const bodyOf = (record: Record<string, unknown>) => {
  const { pk: _, sk, ...rest } = record;
  return { id: sk, ...rest };
};

export async function get(id: string): Promise<Outcome> {
  const { Item } = await client.send(
    new GetCommand({ TableName, Key: keyOf(id), ConsistentRead: true }),
  );
  return Item
    ? { status: 200, body: bodyOf(Item) }
    : { status: 404, body: { error: "Item not found" } };
}

export async function list(limit: number): Promise<Outcome> {
  // The same limit for each partition as in Stockwire.
  const share = (limit + 1) / SHARDS;
  const Limit = SHARDS === 1 ? limit + 1 : Math.ceil(share + 2 * Math.sqrt(share) + 1);
  const pages = await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) =>
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": pkOf(shard) },
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit,
        }),
      ),
    ),
  );
  const items = pages
    .flatMap(({ Items = [] }) => Items)
    .toSorted((a, b) => (String(a["sk"]) < String(b["sk"]) ? 1 : -1))
    .slice(0, limit)
    .map(bodyOf);
  return { status: 200, body: { items, count: items.length } };
}

export async function create(body: Record<string, unknown>): Promise<Outcome> {
  if (typeof body["name"] !== "string" || body["name"] === "" || "id" in body) {
    return { status: 400, body: { error: "Invalid item" } };
  }
  const at = new Date().toISOString();
  const Item = { ...body, ...keyOf(randomUUID()), createdAt: at, updatedAt: at };
  const ConditionExpression = "attribute_not_exists(pk)";
  await client.send(new PutCommand({ TableName, Item, ConditionExpression }));
  return { status: 201, body: bodyOf(Item) };
}
