/** `GET /changes/stream`, as a host that can stream serves it: the app itself, without a gateway. */

import { append } from "@stockwire/core/changes/append";
import { heads, reset } from "@stockwire/core/changes/log";
import * as Offset from "@stockwire/core/changes/offset";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { intercepted } from "../../core/test/support/intercept.ts";
import { newChange, restorePoint, soon, versions } from "../../core/test/support/log.ts";
import { ownLog } from "../../core/test/support/own-table.ts";
import { SHARDS, tableName } from "../../core/test/support/store.ts";
import { createApp } from "../src/api/app.ts";
import { createChangeStream } from "../src/api/change-stream.ts";
import { createLog } from "../src/telemetry/log.ts";
import { createMeasure } from "../src/telemetry/metric.ts";
import { createEventReader, type StreamEvent } from "./event-stream.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: ReturnType<typeof log.open>;
beforeAll(async () => {
  log = await ownLog("change-stream");
});
beforeEach(() => {
  client = log.open();
  reset();
  lines.length = 0;
});
afterAll(() => log.drop());

const lines: string[] = [];
const appLog = createLog("info", "test", (line) => lines.push(line));
const settings = {
  about: { name: "stockwire", version: "0", commit: "0", stage: "test", runtime: "node" },
  log: appLog,
  measure: createMeasure("off", "test"),
  origins: ["*"],
  secure: false,
};

interface Given {
  scope?: string;
  exp?: number; // epoch s
  headers?: Record<string, string>;
  lifetime?: number; // ms
  heartbeat?: number; // ms
}

/** Sends a request. The same settings as on AWS, unless a test changes them. */
function send(query: string, given: Given = {}) {
  const { scope = "admin", exp, headers = {}, lifetime = 240_000, heartbeat = 15_000 } = given;
  const streamChanges = createChangeStream({ lifetime, heartbeat, log: appLog });
  const claims = { sub: "ana", scope, ...(exp && { exp: String(exp) }) };
  const app = createApp({ ...settings, streamChanges });
  return app.request(
    `/changes/stream?${query}`,
    { headers },
    { requestContext: { authorizer: { jwt: { claims } } } },
  );
}

/** Opens a stream, which is left when the test has finished. */
async function open(query: string, given: Given = {}) {
  const response = await send(query, given);
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (!reader) throw new Error("the answer has no body");
  onTestFinished(() => reader.cancel());
  const events = createEventReader();
  const decoder = new TextDecoder();
  const waiting: StreamEvent[] = [];
  /** Reads one chunk; false at the end. */
  const read = async () => {
    const { done, value } = await reader.read();
    if (!done) waiting.push(...events.push(decoder.decode(value, { stream: true })));
    return !done;
  };
  /** The next event, or undefined at the end. */
  const next = async () => {
    while (waiting.length === 0 && (await read()));
    return waiting.shift();
  };
  return { response, reader, events, read, next };
}

const now = async (feed: "users" | "items" | "products") => Offset.encode(await heads([feed]));

/** Passes all later calls of the store through `around`. */
function through(
  around: (input: Record<string, unknown>, send: () => Promise<unknown>) => Promise<unknown>,
) {
  const { changes, connections } = log;
  const between = intercepted(client, ({ input }, call) => around(input, call));
  DynamoDB.configure({ client: between, tableName, changes, connections, shards: SHARDS });
}

describe("a stream", () => {
  test("of an empty log begins immediately, with a cursor to resume from", async () => {
    const { response, events, next } = await open("topic=reservations");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
      "x-request-id": expect.any(String),
    });
    expect(await next()).toEqual({
      name: "changes",
      data: { events: [], cursor: events.lastEventId, more: false },
    });
    expect([events.comments, events.retry]).toEqual([1, 1_000]);
    expect(events.lastEventId).toBeTruthy();
  });

  test("has each change, as GET /changes has it, and the cursor after it as its id", async () => {
    const { next, events } = await open("topic=items");
    const start = (await next())?.data as { cursor: string };
    for (const change of versions(3)) {
      const event = next();
      await append([change], soon());
      const { data } = (await event) ?? {};
      expect(data.events).toMatchObject([{ id: change.id, version: change.version }]);
      expect(events.lastEventId).toBe(data.cursor);
    }
    const answer = await createApp(settings).request(
      `/changes?topic=items&since=${start.cursor}`,
      {},
      { requestContext: { authorizer: { jwt: { claims: { sub: "ana", scope: "admin" } } } } },
    );
    const { events: polled } = (await answer.json()) as { events: unknown[] };
    const again = await open("topic=items", { headers: { "Last-Event-ID": start.cursor } });
    expect((await again.next())?.data.events).toEqual(polled);
  });

  test("resumes after Last-Event-ID, else after since", async () => {
    const since = await now("items");
    await append(versions(2), soon());
    const middle = await now("items");
    await append([newChange({ version: 3 })], soon());
    const versionsOf = async (headers: Record<string, string>) => {
      const { next } = await open(`topic=items&since=${since}`, { headers });
      return (await next())?.data.events.map(({ version }: { version: number }) => version);
    };
    expect(await versionsOf({})).toEqual([1, 2, 3]);
    expect(await versionsOf({ "Last-Event-ID": middle })).toEqual([3]);
  });

  test("that is quiet has comments, whose ids are cursors as well", async () => {
    const { next, read, events } = await open("topic=users", { heartbeat: 100 });
    const first = await next();
    await read();
    await read();
    expect(events.comments).toBe(3);
    expect(events.lastEventId).not.toBe(first?.data.cursor);
    await append([newChange({ feed: "users" })], soon());
    const again = await open("topic=users", {
      headers: { "Last-Event-ID": events.lastEventId ?? "" },
    });
    expect((await again.next())?.data.events).toHaveLength(1);
  });

  test("ends when its time is over, and says so", async () => {
    const { next } = await open("topic=users", { lifetime: 300, heartbeat: 100 });
    await next();
    expect(await next()).toEqual({ name: "end", data: { reason: "time_limit" } });
    expect(await next()).toBeUndefined();
    const line = lines.map((text) => JSON.parse(text) as object).at(-1);
    expect(line).toMatchObject({ message: "stream", reason: "time_limit", changes: 0 });
  });

  test("ends when the token expires, and says so; with an expired token it does not begin", async () => {
    const exp = Math.ceil(Date.now() / 1000) + 1;
    const { next } = await open("topic=users", { exp });
    await next();
    expect(await next()).toEqual({ name: "end", data: { reason: "token_expired" } });
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
    expect(Date.now()).toBeLessThan(exp * 1000 + 5_000); // earlier than its next comment
    const late = await send("topic=users", { exp });
    expect([late.status, await late.json()]).toMatchObject([401, { code: "unauthenticated" }]);
  });

  test("whose log is replaced says that changes are lost, and ends", async () => {
    await append([newChange({ feed: "products" })], soon());
    const restore = await restorePoint(log.changes, "products");
    await append(versions(3, { feed: "products" }), soon());
    const { next } = await open("topic=products", { heartbeat: 100 });
    await next();
    await restore();
    expect(await next()).toMatchObject({
      name: "reset",
      data: { status: 410, code: "cursor_expired", instance: "/changes/stream" },
    });
    expect(await next()).toEqual({ name: "end", data: { reason: "reset" } });
    expect(await next()).toBeUndefined();
  });

  test("that cannot be continued says why, ends, and can be resumed", async () => {
    const requestId = "request-of-this-test";
    const { next, events } = await open("topic=items", { headers: { "X-Request-Id": requestId } });
    await next();
    through(() => Promise.reject(Object.assign(new Error("busy"), { name: "TimeoutError" })));
    expect(await next()).toMatchObject({
      name: "error",
      data: { status: 503, code: "unavailable", requestId },
    });
    expect(await next()).toEqual({ name: "end", data: { reason: "error" } });
    expect(await next()).toBeUndefined();
    expect(lines.join("")).toContain("TimeoutError");
    log.open();
    await append([newChange()], soon());
    const headers = { "Last-Event-ID": events.lastEventId ?? "" };
    const again = await open("topic=items", { headers });
    expect((await again.next())?.data.events).toHaveLength(1);
  });

  test("reads nothing more after its reader has left", async () => {
    const { next, reader } = await open("topic=users");
    await next();
    let calls = 0;
    through((_, call) => (calls++, call()));
    const reading = next();
    await vi.waitFor(() => expect(calls).toBeGreaterThan(2), { timeout: 30_000 });
    const left = Date.now();
    await reader.cancel(); // resolves when nothing reads any more
    expect(Date.now() - left).toBeLessThan(5_000);
    expect(await reading).toBeUndefined();
    const ends = lines.filter((text) => text.includes('"message":"stream"'));
    expect(ends).toHaveLength(1);
    expect(JSON.parse(ends[0] ?? "")).toMatchObject({ reason: "left" });
  });

  test("reads no further than its reader", async () => {
    const since = await now("items");
    await append(versions(450), soon());
    let queries = 0;
    through((input, call) => {
      if (input["IndexName"] === "gsi1") queries++;
      return call();
    });
    const { next } = await open(`topic=items&since=${since}`, { lifetime: 240_000 });
    expect(queries).toBe(1);
    const read: number[] = [];
    while (read.length < 450) {
      for (let other = 0; other < 3; other++) await now("users"); // time for reads ahead, if any
      expect(queries).toBe(1 + Math.max(0, read.length / 100 - 1));
      const { data } = (await next()) ?? {};
      read.push(...data.events.map(({ version }: { version: number }) => version));
    }
    expect(read).toEqual(Array.from({ length: 450 }, (_, n) => n + 1));
  });
});

describe("before a stream begins,", () => {
  test("what GET /changes refuses is refused with the same status", async () => {
    const cursor = await now("items");
    const expired = Offset.encode({ seqs: { items: 1 }, at: 0 });
    const cases: [query: string, given: Given, status: number, code: string, parameter?: string][] =
      [
        ["topic=nothing", {}, 400, "invalid_parameter", "topic"],
        ["", {}, 400, "invalid_parameter", "topic"],
        ["topic=items&wait=1", {}, 400, "unknown_parameter", "wait"],
        ["topic=items&since=x", {}, 400, "invalid_cursor", "since"],
        [`topic=users&since=${cursor}`, {}, 400, "invalid_cursor", "since"],
        [
          "topic=items",
          { headers: { "Last-Event-ID": "x" } },
          400,
          "invalid_cursor",
          "Last-Event-ID",
        ],
        [
          "topic=items",
          { headers: { "Last-Event-ID": "" } },
          400,
          "invalid_cursor",
          "Last-Event-ID",
        ],
        ["topic=items", { scope: "read:users" }, 403, "insufficient_scope"],
        ["topic=reservations", { scope: "read:inventory" }, 403, "insufficient_scope"],
        [`topic=items&since=${expired}`, {}, 410, "cursor_expired"],
      ];
    for (const [query, given, status, code, parameter] of cases) {
      const response = await send(query, given);
      expect([query, response.status]).toEqual([query, status]);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({
        code,
        ...(parameter && { errors: [{ parameter }] }),
      });
    }
  });

  test("a host that cannot stream refuses with 406, but says first what else is wrong", async () => {
    const app = createApp(settings);
    const ask = (query: string, claims?: object) =>
      app.request(
        `/changes/stream?${query}`,
        {},
        claims ? { requestContext: { authorizer: { jwt: { claims: claims as never } } } } : {},
      );
    const claims = { sub: "ana", scope: "read:items" };
    const answer = await ask("topic=items", claims);
    expect([answer.status, await answer.json()]).toMatchObject([
      406,
      { code: "streaming_unavailable", detail: expect.stringContaining("GET /changes") },
    ]);
    expect((await ask("topic=users", claims)).status).toBe(403);
    expect((await ask("topic=items")).status).toBe(401);
  });
});
