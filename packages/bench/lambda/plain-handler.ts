/**
 * The handler that Stockwire is compared with, as many projects have one: a switch, and the SDK with
 * its defaults. It makes the same calls to as many partitions for the same requests.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";
import { randomUUID } from "node:crypto";

interface Event {
  rawPath: string;
  body?: string;
  queryStringParameters?: Record<string, string>;
  pathParameters?: Record<string, string>;
  requestContext: { http: { method: string } };
}

const TableName = process.env["DATA_TABLE"];
const SHARDS = Number(process.env["PLAIN_SHARDS"] ?? 4);
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));

const pkOf = (shard: number) => `PLAIN${SHARDS}#${shard}`;
const keyOf = (id: string) => ({ pk: pkOf(parseInt(id.slice(-4), 16) % SHARDS), sk: id });

const respond = (statusCode: number, body: unknown) => ({
  statusCode,
  headers: { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" },
  body: JSON.stringify(body),
});

const bodyOf = (record: Record<string, unknown>) => {
  const { pk: _, sk, ...rest } = record;
  return { id: sk, ...rest };
};

export const handler = async (event: Event) => {
  const { method } = event.requestContext.http;
  const id = event.pathParameters?.["id"] ?? "";
  const path = id === "" ? event.rawPath : event.rawPath.replace(id, "{id}");
  try {
    switch (`${method} ${path}`) {
      case "GET /items":
        return await list(Number(event.queryStringParameters?.["limit"] ?? 20));
      case "GET /items/{id}":
        return await get(id);
      case "POST /items":
        return await create(JSON.parse(event.body ?? "{}") as Record<string, unknown>);
      default:
        return respond(404, { error: "Not found" });
    }
  } catch (error) {
    console.error(error);
    return respond(500, { error: "Internal server error" });
  }
};

async function get(id: string) {
  const { Item } = await client.send(
    new GetCommand({ TableName, Key: keyOf(id), ConsistentRead: true }),
  );
  return Item ? respond(200, bodyOf(Item)) : respond(404, { error: "Item not found" });
}

async function list(limit: number) {
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
  return respond(200, { items, count: items.length });
}

async function create(body: Record<string, unknown>) {
  if (typeof body["name"] !== "string" || body["name"] === "" || "id" in body) {
    return respond(400, { error: "Invalid item" });
  }
  const at = new Date().toISOString();
  const Item = { ...body, ...keyOf(randomUUID()), createdAt: at, updatedAt: at };
  const ConditionExpression = "attribute_not_exists(pk)";
  await client.send(new PutCommand({ TableName, Item, ConditionExpression }));
  return respond(201, bodyOf(Item));
}
