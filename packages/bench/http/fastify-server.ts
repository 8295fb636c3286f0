import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { fastify } from "fastify";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { answer } from "../child.ts";

/** The server of section http that ours is compared with: Fastify and the SDK as they come. */

const TableName = process.env["DATA_TABLE"];
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const keyOf = (id: string) => ({ pk: "PLAIN1#0", sk: id });
const shown = (record: Record<string, unknown>) => {
  const { pk: _, sk, ...rest } = record;
  return { id: sk, ...rest };
};

const app = fastify();

app.get<{ Params: { id: string } }>("/items/:id", async ({ params }, reply) => {
  const Key = keyOf(params.id);
  const { Item } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Item ? shown(Item) : reply.code(404).send({ error: "Item not found" });
});

app.post<{ Body: Record<string, unknown> }>("/items", async ({ body }, reply) => {
  if (typeof body["name"] !== "string") return reply.code(400).send({ error: "Invalid item" });
  const at = new Date().toISOString();
  const Item = { ...body, ...keyOf(randomUUID()), createdAt: at, updatedAt: at };
  const ConditionExpression = "attribute_not_exists(pk)";
  await client.send(new PutCommand({ TableName, Item, ConditionExpression }));
  return reply.code(201).send(shown(Item));
});

async function start() {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { port: (app.server.address() as AddressInfo).port, token: "none" };
}

answer({ start, cpu: () => process.cpuUsage() });
