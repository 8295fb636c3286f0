import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { Data } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cursorSecret } from "./cursor-secret.ts";
import { createTables } from "./engine/tables.ts";

const client = new DynamoDBClient({ endpoint: process.env["DYNAMODB_ENDPOINT"] ?? "" });
const TableName = `${randomUUID()}-Data`;

beforeAll(() => createTables(client, [Data], () => TableName));
afterAll(async () => {
  await client.send(new DeleteTableCommand({ TableName }));
  client.destroy();
});

test("concurrent callers and later ones get the same secret", async () => {
  const secrets = await Promise.all(
    Array.from({ length: 20 }, () => cursorSecret(client, TableName)),
  );
  expect(new Set([...secrets, await cursorSecret(client, TableName)]).size).toBe(1);
  expect(secrets[0]).toMatch(/^[\w-]{43}$/);
});
