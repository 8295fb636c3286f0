import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { Data } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cursorSecret } from "./cursor-secret.ts";
import { createTables } from "./tables.ts";

const client = new DynamoDBClient({ endpoint: process.env["DYNAMODB_ENDPOINT"] ?? "" });
const TableName = `${randomUUID()}-Data`;

beforeAll(() => createTables(client, [Data], () => TableName));
afterAll(async () => {
  await client.send(new DeleteTableCommand({ TableName }));
  client.destroy();
});

test("all who ask at once have the same secret, and so has who asks later", async () => {
  const secrets = await Promise.all(
    Array.from({ length: 20 }, () => cursorSecret(client, TableName)),
  );
  expect(new Set([...secrets, await cursorSecret(client, TableName)]).size).toBe(1);
  expect(secrets[0]).toMatch(/^[\w-]{43}$/);
});
