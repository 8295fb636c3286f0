/** The stream's function with the store behind a proxy that fails as stores do. */

import { history } from "@stockwire/core/changes/log";
import { newId } from "@stockwire/core/id";
import { marshall } from "@aws-sdk/util-dynamodb";
import { hash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type FaultyProxy, faultyProxy } from "../../core/test/support/fault-proxy.ts";
import type * as Changes from "../src/handlers/changes.ts";

let proxy: FaultyProxy;
let handler: typeof Changes.handler;

/** A stand-in for SQS that records its messages, or fails. */
let sqs: Server;
let messages: string[] = [];
let queueFails = false;

beforeAll(async () => {
  sqs = createServer((request, response) => {
    void json(request).then((input) => {
      if (queueFails) return response.writeHead(500).end("{}");
      const { MessageBody } = input as { MessageBody: string };
      messages.push(MessageBody);
      const answer = { MessageId: newId(), MD5OfMessageBody: hash("md5", MessageBody) };
      return response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => sqs.listen(0, "127.0.0.1", resolve));
  const queue = `http://127.0.0.1:${(sqs.address() as AddressInfo).port}`;
  proxy = await faultyProxy(process.env["DYNAMODB_ENDPOINT"] ?? "");
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
    AWS_ENDPOINT_URL_SQS: queue,
    STREAM_DEAD_LETTERS_URL: `${queue}/1/dead-letters`,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    LOG_LEVEL: "silent",
  });
  ({ handler } = await import("../src/handlers/changes.ts"));
});
afterEach(() => {
  proxy.decide(() => "none");
  queueFails = false;
  messages = [];
});
afterAll(async () => {
  await proxy.close();
  sqs.closeAllConnections();
  sqs.close();
});

const image = (id: string, version: unknown) =>
  marshall({
    pk: "ITEM#0",
    sk: id,
    version,
    actor: "ana",
    requestId: newId(),
    createdAt: "2026-11-21T00:43:40.123Z",
    updatedAt: "2026-11-21T00:43:40.123Z",
    data: JSON.stringify({ n: version }),
  });
const created = (id: string, version: unknown = 1) => ({
  dynamodb: { SequenceNumber: newId(), NewImage: image(id, version) },
});
const deleted = (id: string) => ({
  dynamodb: { SequenceNumber: newId(), OldImage: image(id, 1) },
});
const opsOf = async (id: string) =>
  (await history("items", id, { limit: 10, order: "asc" })).items.map(({ op }) => op);

/** As many calls of an operation fail as three attempts of the SDK make, and three more. */
const failing = (operation: string) => {
  let calls = 0;
  proxy.decide((called) => (called === operation && ++calls <= 6 ? "server-error" : "none"));
  return () => calls;
};

test("a store that does not answer is waited for", async () => {
  const id = newId();
  const calls = failing("TransactWriteItems");
  expect(await handler({ Records: [created(id)] })).toEqual({ batchItemFailures: [] });
  expect(calls()).toBeGreaterThan(6);
  expect(await opsOf(id)).toEqual(["create"]);
});

test("a change is in the log before its subscribers are read, so that none of them misses it", async () => {
  const operations: string[] = [];
  proxy.decide((operation) => {
    operations.push(operation);
    return "none";
  });
  await handler({ Records: [created(newId())] });
  expect(operations).toContain("TransactWriteItems");
  expect(operations.indexOf("Query")).toBeGreaterThan(operations.lastIndexOf("TransactWriteItems"));
});

test("a store that stays away fails the batch, and makes no dead letter", async () => {
  const id = newId();
  await handler({ Records: [created(id)] });
  const { now } = Date;
  let later = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + later);
  proxy.decide((operation) => {
    if (operation !== "GetItem") return "none";
    later = 60_000; // longer than a batch waits
    return "server-error";
  });
  try {
    await expect(handler({ Records: [deleted(id)] })).rejects.toMatchObject({
      code: "unavailable",
    });
  } finally {
    vi.restoreAllMocks();
    proxy.decide(() => "none");
  }
  expect(messages).toEqual([]);
});

test("a tombstone that cannot be read yet does not fail the change", async () => {
  const id = newId();
  const calls = failing("GetItem");
  expect(await handler({ Records: [created(id), deleted(id)] })).toEqual({ batchItemFailures: [] });
  expect(calls()).toBeGreaterThan(6);
  expect(await opsOf(id)).toEqual(["create", "delete"]);
});

test("a delivery that fails does not fail the batch, because its changes are in the log", async () => {
  const id = newId();
  proxy.decide((operation) => (operation === "Query" ? "server-error" : "none")); // of subscribers
  expect(await handler({ Records: [created(id)] })).toEqual({ batchItemFailures: [] });
  proxy.decide(() => "none");
  expect(await opsOf(id)).toEqual(["create"]);
});

test("an unreadable record goes to the dead letters, and those around it are in the log", async () => {
  const [first, after] = [newId(), newId()];
  const poison = created(newId(), "seven");
  const Records = [created(first), poison, created(after)];
  expect(await handler({ Records })).toEqual({ batchItemFailures: [] });
  expect(messages.map((text) => JSON.parse(text) as object)).toMatchObject([
    {
      requestContext: { condition: "UnreadableRecord" },
      responsePayload: { errorType: "TypeError" },
      payload: { Records: [{ dynamodb: poison.dynamodb }] },
    },
  ]);
  expect(await opsOf(first)).toEqual(["create"]);
  expect(await opsOf(after)).toEqual(["create"]);
});

test("a record that cannot be appended is a dead letter, once it is alone in its batch", async () => {
  const [first, huge] = [created(newId()), created(newId())];
  Object.assign(huge.dynamodb.NewImage, { sk: { S: "x".repeat(3_000) } }); // too long for a key
  await expect(handler({ Records: [first, huge] })).rejects.toThrow(/validation/i);
  expect(messages).toEqual([]);
  expect(await handler({ Records: [huge] })).toEqual({ batchItemFailures: [] });
  expect(messages).toHaveLength(1);
});

test("records from dead letters that fail again are reported, and sent to no queue", async () => {
  const [first, huge] = [created(newId()), created(newId())];
  const poison = created(newId(), "seven");
  expect(await handler({ Records: [first, poison], isRedrive: true })).toEqual({
    batchItemFailures: [{ itemIdentifier: poison.dynamodb.SequenceNumber }],
  });
  Object.assign(huge.dynamodb.NewImage, { sk: { S: "x".repeat(3_000) } });
  await expect(handler({ Records: [huge], isRedrive: true })).rejects.toThrow(/validation/i);
  expect(messages).toEqual([]);
});

test("a dead letter holds a record of up to 1 MB, and of a larger one its keys", async () => {
  const Keys = marshall({ pk: "ITEM#0", sk: "large" });
  for (const [bytes, isWhole] of [
    [900_000, true],
    [1_050_000, false],
  ] as const) {
    messages = [];
    const poison = created(newId(), "seven");
    Object.assign(poison.dynamodb, { Keys });
    Object.assign(poison.dynamodb.NewImage, { data: { S: "x".repeat(bytes) } });
    await handler({ Records: [poison] });
    const [record] = (
      JSON.parse(messages[0] ?? "") as { payload: { Records: { dynamodb: object }[] } }
    ).payload.Records;
    expect(record?.dynamodb).toMatchObject({ Keys });
    expect("NewImage" in (record?.dynamodb ?? {})).toBe(isWhole);
    expect(Buffer.byteLength(messages[0] ?? "")).toBeLessThan(1024 * 1024);
  }
});

test("an unreadable record that the queue does not take fails alone", async () => {
  const [first, after] = [newId(), newId()];
  const poison = created(newId(), "seven");
  queueFails = true;
  const Records = [created(first), poison, created(after)];
  expect(await handler({ Records })).toEqual({
    batchItemFailures: [{ itemIdentifier: poison.dynamodb.SequenceNumber }],
  });
  expect(await opsOf(first)).toEqual(["create"]);
  expect(await opsOf(after)).toEqual([]);
});
