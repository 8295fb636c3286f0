/** The server that section http compares with: Fastify and the SDK, both with their defaults. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { fastify } from "fastify";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { serve } from "../child.ts";

const TableName = process.env["DATA_TABLE"];
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const keyOf = (id: string) => ({ pk: "PLAIN1#0", sk: id });
const bodyOf = (record: Record<string, unknown>) => {
  const { pk: _, sk, ...rest } = record;
  return { id: sk, ...rest };
};

const app = fastify();

app.get<{ Params: { id: string } }>("/items/:id", async ({ params }, reply) => {
  const Key = keyOf(params.id);
  const { Item } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Item ? bodyOf(Item) : reply.code(404).send({ error: "Item not found" });
});

app.post<{ Body: Record<string, unknown> }>("/items", async ({ body }, reply) => {
  if (typeof body["name"] !== "string") return reply.code(400).send({ error: "Invalid item" });
  const at = new Date().toISOString();
  const Item = { ...body, ...keyOf(randomUUID()), createdAt: at, updatedAt: at };
  const ConditionExpression = "attribute_not_exists(pk)";
  await client.send(new PutCommand({ TableName, Item, ConditionExpression }));
  return reply.code(201).send(bodyOf(Item));
});

async function start() {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { port: (app.server.address() as AddressInfo).port, token: "none" };
}

serve({ start, cpu: () => process.cpuUsage() });
