import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTables } from "./tables.ts";
import { deleteExpired } from "./ttl.ts";

const { DYNAMODB_ENDPOINT = "" } = process.env;
const client = new DynamoDBClient({ endpoint: DYNAMODB_ENDPOINT });
const documents = DynamoDBDocumentClient.from(client);
const prefix = `${randomUUID()}-`;
const nameOf = (id: string) => prefix + id;
const spec = (id: string, ttl: object): TableSpec => ({
  id,
  fields: ["pk", "sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: {},
  ...ttl,
});
const specs = [spec("Mortal", { ttl: "expiresAt" }), spec("Immortal", {})];

beforeAll(() => createTables(client, specs, nameOf));
afterAll(async () => {
  for (const { id } of specs) await client.send(new DeleteTableCommand({ TableName: nameOf(id) }));
  client.destroy();
});

test("expired items are deleted page by page, and no others", async () => {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  const put = (id: string, sk: string, expiresAt?: unknown) =>
    documents.send(
      new PutCommand({
        TableName: nameOf(id),
        Item: { pk: "p", sk, ...(expiresAt !== undefined && { expiresAt }) },
      }),
    );
  for (let n = 0; n < 5; n++) await put("Mortal", `old ${n}`, second - n);
  await put("Mortal", "later", second + 1);
  await put("Mortal", "for ever");
  await put("Mortal", "no number", "2020-01-01");
  await put("Immortal", "old", second - 1);

  expect(await deleteExpired(client, specs, nameOf, now)).toBe(5);
  expect(await deleteExpired(client, specs, nameOf, now)).toBe(0);
  const has = async (id: string, sk: string) => {
    const Key = { pk: "p", sk };
    const command = new GetCommand({ TableName: nameOf(id), Key, ConsistentRead: true });
    return (await documents.send(command)).Item !== undefined;
  };
  expect(await has("Mortal", "old 0")).toBe(false);
  for (const sk of ["later", "for ever", "no number"]) expect(await has("Mortal", sk)).toBe(true);
  expect(await has("Immortal", "old")).toBe(true);
});

test("an item whose time is moved meanwhile is kept", async () => {
  const now = Date.now() - 3_600_000; // so that no item of the other test has expired
  const put = (expiresAt: number) => {
    const Item = { pk: "p", sk: "moved", expiresAt };
    return documents.send(new PutCommand({ TableName: nameOf("Mortal"), Item }));
  };
  await put(Math.floor(now / 1000) - 1);
  const racing = new DynamoDBClient({ endpoint: DYNAMODB_ENDPOINT });
  racing.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === "DeleteItemCommand") await put(Math.floor(now / 1000) + 60);
        return next(args);
      },
    { step: "initialize" },
  );
  expect(await deleteExpired(racing, specs, nameOf, now)).toBe(0);
  racing.destroy();
  const Key = { pk: "p", sk: "moved" };
  const command = new GetCommand({ TableName: nameOf("Mortal"), Key, ConsistentRead: true });
  expect((await documents.send(command)).Item).toBeDefined();
});
