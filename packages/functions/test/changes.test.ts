/** The stream's function with the store behind a proxy that fails as stores do. */

import { history } from "@stockwire/core/changes/log";
import { newId } from "@stockwire/core/id";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FaultyProxy, faultyProxy } from "../../core/test/support/fault-proxy.ts";
import type * as Changes from "../src/handlers/changes.ts";

let proxy: FaultyProxy;
let handler: typeof Changes.handler;

beforeAll(async () => {
  proxy = await faultyProxy(process.env["DYNAMODB_ENDPOINT"] ?? "");
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    LOG_LEVEL: "silent",
  });
  ({ handler } = await import("../src/handlers/changes.ts"));
});
afterEach(() => proxy.decide(() => "none"));
afterAll(() => proxy.close());

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

test("a tombstone that cannot be read yet does not fail the change", async () => {
  const id = newId();
  const calls = failing("GetItem");
  expect(await handler({ Records: [created(id), deleted(id)] })).toEqual({ batchItemFailures: [] });
  expect(calls()).toBeGreaterThan(6);
  expect(await opsOf(id)).toEqual(["create", "delete"]);
});

test("an unreadable record fails alone; the records before it are in the log", async () => {
  const [first, after] = [newId(), newId()];
  const poison = created(newId(), "seven");
  const Records = [created(first), poison, created(after)];
  expect(await handler({ Records })).toEqual({
    batchItemFailures: [{ itemIdentifier: poison.dynamodb.SequenceNumber }],
  });
  expect(await opsOf(first)).toEqual(["create"]);
  expect(await opsOf(after)).toEqual([]);
});
