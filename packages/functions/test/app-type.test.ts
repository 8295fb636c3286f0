/** `typeof app` is the type of the client: requests and answers are checked by tsc. */

import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { createClient } from "@stockwire/core/store/client";
import { hc } from "hono/client";
import { testClient } from "hono/testing";
import { expect, test } from "vitest";
import { type App, createApp } from "../src/api/app.ts";
import { createLog } from "../src/telemetry/log.ts";
import { createMeasure } from "../src/telemetry/metric.ts";

const { DYNAMODB_ENDPOINT = "", DATA_TABLE = "", CHANGES_TABLE = "" } = process.env;
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
DynamoDB.configure({
  client: createClient({ region: "us-east-1", endpoint: DYNAMODB_ENDPOINT, credentials }),
  tableName: DATA_TABLE,
  changes: CHANGES_TABLE,
  shards: 4,
});
SignedToken.configure("a secret of the tests, long enough for one");

const app = createApp({
  about: { name: "stockwire", version: "0", commit: "0", stage: "test", runtime: "node" },
  log: createLog("silent", "test"),
  measure: createMeasure("off", "test"),
  origins: ["*"],
  secure: false,
});
const env = { requestContext: { authorizer: { jwt: { claims: { sub: "ana", scope: "admin" } } } } };

test("the app's type gives clients routes, inputs and answers", async () => {
  const client = testClient(app, env);
  const answer = await client.items.$post({ json: { name: "Test Item" } });
  expect(answer.status).toBe(201);
  const made = await answer.json();
  const read = await client.items[":id"].$get({ param: { id: made.id } });
  expect((await read.json()).id).toBe(made.id);
  const remote = hc<App>("http://localhost", {
    fetch: (...args: Parameters<typeof fetch>) => app.request(args[0], args[1], env),
  });
  const users = await remote.users.$get({ query: { limit: "1" } });
  expect(await users.json()).toMatchObject({ count: expect.any(Number) });
  // @ts-expect-error -- an age is a number
  const refused = await client.users.$post({ json: { name: "Ana", email: "a@b.co", age: "18" } });
  expect(refused.status).toBe(400);
});
