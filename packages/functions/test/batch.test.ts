/** Batches in front of a store that fails for some of their entries. */

import { createClient } from "@stockwire/core/store/client";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import * as SignedToken from "@stockwire/core/store/signed-token";
import { newId } from "@stockwire/core/id";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createApp } from "../src/api/app.ts";
import { createLog } from "../src/telemetry/log.ts";
import { createMeasure } from "../src/telemetry/metric.ts";

interface BatchAnswer {
  results: { index: number; status: number; record?: { id: string } }[];
}

const { DYNAMODB_ENDPOINT = "", DATA_TABLE = "", CHANGES_TABLE = "" } = process.env;
const about = { name: "stockwire", version: "0", commit: "0", stage: "test", runtime: "node" };
const app = createApp({
  about,
  log: createLog("silent", "test"),
  measure: createMeasure("off", "test"),
  origins: ["*"],
  secure: false,
});

/** Called with each input before it is sent, as JSON; what it throws is the store's answer. */
let beforeSend: (command: string) => Promise<void> | void = () => undefined;

beforeAll(() => {
  const client = createClient({
    region: "us-east-1",
    endpoint: DYNAMODB_ENDPOINT,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const send = client.send.bind(client);
  client.send = async (operation, input, options) => {
    await beforeSend(JSON.stringify(input));
    return send(operation, input, options);
  };
  DynamoDB.configure({
    client,
    tableName: DATA_TABLE,
    changes: CHANGES_TABLE,
    shards: 4,
  });
  SignedToken.configure("a secret of the tests, long enough for one");
});

afterEach(() => {
  beforeSend = () => undefined;
});

const post = async (body: unknown, key: string) => {
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  };
  const authorizer = { jwt: { claims: { sub: "ana", scope: "admin" } } };
  const answer = await app.request("/items/batch", init, { requestContext: { authorizer } });
  return { status: answer.status, json: (await answer.json()) as BatchAnswer };
};

const statusesOf = ({ json }: { json: BatchAnswer }) => json.results.map(({ status }) => status);

test("an entry that failed with 503 is created when the batch is repeated", async () => {
  const key = newId();
  const body = [{ entry: "sound" }, { entry: "unlucky" }];
  beforeSend = (command) => {
    if (command.includes("unlucky")) {
      throw Object.assign(new Error("the store is down"), { $fault: "server" });
    }
  };
  const first = await post(body, key);
  expect(statusesOf(first)).toEqual([201, 503]);

  beforeSend = () => undefined;
  const again = await post(body, key);
  expect(statusesOf(again)).toEqual([201, 201]);
  expect(again.json.results[0]).toEqual(first.json.results[0]);
  expect((await post(body, key)).json).toEqual(again.json);
});

test("no write of a batch goes on after its answer, if an entry fails unexpectedly", async () => {
  let writing = 0;
  beforeSend = async (command) => {
    if (command.includes("unlucky")) throw new Error("a bug");
    if (!command.includes("slow")) return;
    writing++;
    await new Promise((resolve) => setTimeout(resolve, 200));
    writing--;
  };
  const { status } = await post([{ entry: "unlucky" }, { entry: "slow" }], newId());
  expect([status, writing]).toEqual([500, 0]);
});
