/** A follower gets what long polls would return, page by page, until it is stopped. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { follow } from "../../src/changes/follow.ts";
import type { ChangesPage } from "../../src/changes/long-poll.ts";
import { append } from "../../src/changes/append.ts";
import { heads, reset } from "../../src/changes/log.ts";
import * as Offset from "../../src/changes/offset.ts";
import { parse, type Topic } from "../../src/changes/topic.ts";
import type { Client } from "../../src/store/client.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { newChange, restorePoint, soon, versions } from "../support/log.ts";
import { ownLog } from "../support/own-table.ts";
import { failure, SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: Client;
beforeAll(async () => {
  log = await ownLog("follow");
});
beforeEach(() => {
  client = log.open();
  reset();
});
afterAll(() => log.drop());

const topic = (text: string) => parse(text) as Topic;
const now = async (feed: "users" | "items" | "products") => Offset.encode(await heads([feed]));

/** A follower of a topic that ends with its test. */
function following(text: string, since?: string, options: { until?: number; idle?: number } = {}) {
  const stop = new AbortController();
  const { until = soon(), idle = 20_000 } = options;
  const pages = follow(topic(text), since, { until, idle, signal: stop.signal });
  const next = async () => (await pages.next()).value as ChangesPage;
  return { pages, next, stop };
}

/** Counts the queries of the log. */
function counted() {
  const { changes, connections } = log;
  const counts = { queries: 0 };
  const around = async (
    { input }: { input: Record<string, unknown> },
    send: () => Promise<unknown>,
  ) => {
    if (input["IndexName"] === "gsi1") counts.queries++;
    return send();
  };
  const between = intercepted(client, around);
  DynamoDB.configure({ client: between, tableName, changes, connections, shards: SHARDS });
  return counts;
}

const versionsOf = ({ events }: ChangesPage) => events.map(({ version }) => version);

describe("a follower", () => {
  test("gets a first page immediately, then each change as it is appended", async () => {
    const { next, stop } = following("items");
    const first = await next();
    expect(first).toMatchObject({ events: [], more: false });
    for (const change of versions(3)) {
      const page = next();
      await append([change], soon());
      expect(versionsOf(await page)).toEqual([change.version]);
    }
    stop.abort();
  });

  test("begins after its cursor, and can continue from the cursor of any page", async () => {
    const since = await now("items");
    await append(versions(250), soon());
    const { next } = following("items", since);
    const [one, two] = [await next(), await next()];
    expect([one.events.length, two.events.length, one.more]).toEqual([100, 100, true]);
    const again = following("items", one.cursor);
    expect(versionsOf(await again.next())).toEqual(versionsOf(two));
    expect(versionsOf(await again.next())).toEqual(Array.from({ length: 50 }, (_, n) => n + 201));
  });

  test("holds pages of a bounded size", async () => {
    const since = await now("items");
    const data = { text: "x".repeat(20_000) };
    await append(versions(40, { data }), soon());
    const { next } = following("items", since);
    const sizes: number[] = [];
    for (let total = 0; total < 40; total += sizes.at(-1) ?? 0) {
      const page = await next();
      expect(JSON.stringify(page).length).toBeLessThan(320 * 1024);
      sizes.push(page.events.length);
    }
    expect(sizes.length).toBeGreaterThan(2);
  });

  test("reads no page before it is asked for", async () => {
    const since = await now("items");
    await append(versions(500), soon());
    const counts = counted();
    const { next } = following("items", since);
    expect(counts.queries).toBe(0);
    await next();
    await append([newChange()], soon());
    expect(counts.queries).toBe(1);
  });

  test("gets a page without changes, with a newer cursor, when there is no change for a while", async () => {
    const { next, stop } = following("users", undefined, { idle: 200 });
    await next();
    const waited = Date.now();
    const quiet = await next();
    expect(quiet.events).toEqual([]);
    expect(Date.now() - waited).toBeGreaterThanOrEqual(190);
    await append([newChange({ feed: "users" })], soon());
    stop.abort();
    const later = following("users", quiet.cursor);
    expect((await later.next()).events).toHaveLength(1);
  });

  test("ends at its time, also while changes are appended", async () => {
    const since = await now("items");
    await append(versions(300), soon());
    const { pages } = following("items", since, { until: Date.now() - 1 });
    const all: number[] = [];
    for await (const page of pages) all.push(...versionsOf(page));
    expect(all).toHaveLength(100); // the first page only
  });

  test("that is stopped ends soon and without an error", async () => {
    const { pages, next, stop } = following("users");
    await next();
    const waiting = pages.next();
    const stopped = Date.now();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(Date.now() - stopped).toBeLessThan(5_000);
  });

  test("learns from the first page that its cursor is not valid, and where it came from", async () => {
    const stop = new AbortController();
    const options = { until: soon(), idle: 1_000, signal: stop.signal };
    const foreign = await now("users");
    for (const [since, parameter] of [
      ["x", "Last-Event-ID"],
      [foreign, "since"],
    ] as const) {
      const pages = follow(topic("items"), since, { ...options, parameter });
      expect(await failure(pages.next())).toMatchObject({
        code: "invalid_cursor",
        errors: [{ parameter }],
      });
    }
  });

  test("learns that the log was replaced while it followed it", async () => {
    await append([newChange({ feed: "products" })], soon());
    const restore = await restorePoint(log.changes, "products");
    await append(versions(3, { feed: "products" }), soon());
    const { next, pages } = following("products", undefined, { idle: 100 });
    await next();
    await restore();
    expect(await failure(pages.next().then(() => pages.next()))).toMatchObject({
      code: "cursor_expired",
    });
  });
});
