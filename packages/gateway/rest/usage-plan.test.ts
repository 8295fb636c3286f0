import { spawnSync } from "node:child_process";
import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { serveRest } from "../test/fixture.ts";
import { type ApiKeyConfig, hashOf } from "./api-key.ts";
import type { UsagePlanConfig } from "./usage-plan.ts";
import { periodStart } from "./usage-plan.ts";
import { type UsageStore, openUsageFile } from "./usage.ts";

const ok = () => ({ statusCode: 200 });

async function open(plan: Partial<UsagePlanConfig>, more: object = {}) {
  const time = { now: Date.UTC(2026, 0, 31, 23, 59) };
  const keys: { list: ApiKeyConfig[] } = {
    list: [
      { id: "a", value: "key-a", enabled: true },
      { id: "b", valueHash: hashOf("key-b"), enabled: true, plans: ["basic"] },
    ],
  };
  const { send, log } = await serveRest({
    clock: () => time.now,
    apiKeys: () => keys.list,
    usagePlans: [{ name: "basic", keys: ["a"], stages: ["dev"], ...plan }],
    routes: ["/x", "/y"].map((path) => ({
      routeKey: `GET ${path}`,
      handler: ok,
      apiKeyRequired: true,
    })),
    ...more,
  });
  const get = async (key?: string, path = "/x") => {
    const headers = key === undefined ? [] : ([["x-api-key", key]] as const);
    const { status, body } = await send({ target: `/dev${path}`, headers });
    return body.length === 0 ? status : `${status} ${body.toString()}`;
  };
  return { time, keys, get, log };
}

const FORBIDDEN = '403 {"message":"Forbidden"}';
const THROTTLED = '429 {"message":"Too Many Requests"}';
const EXCEEDED = '429 {"message":"Limit Exceeded"}';

test("a key can be stored as its hash, name its plan, and expire", async () => {
  const { get, keys, time, log } = await open({});
  expect(await get("key-b")).toBe(200);
  expect(await get(hashOf("key-b"))).toBe(FORBIDDEN);
  expect(await get()).toBe(FORBIDDEN);
  expect(log.map(({ apiKeyId }) => apiKeyId)).toEqual(["b", undefined, undefined]);
  keys.list = [
    { id: "b", value: "key-b", enabled: true, plans: ["basic"], expiresAt: time.now + 1 },
  ];
  expect(await get("key-b")).toBe(200);
  expect(await get("key-a")).toBe(FORBIDDEN);
  time.now += 1;
  expect(await get("key-b")).toBe(FORBIDDEN);
});

test("a key whose end is no time is refused", async () => {
  const { get, keys } = await open({});
  const key = { id: "a", value: "key-a", enabled: true };
  keys.list = [{ ...key, expiresAt: Infinity }];
  expect(await get("key-a")).toBe(200);
  keys.list = [{ ...key, expiresAt: NaN }];
  expect(await get("key-a")).toBe(FORBIDDEN);
});

test("a key that is refused is looked for again, by a source that looks for changes now and then", async () => {
  const keys: ApiKeyConfig[] = [{ id: "a", value: "key-a", enabled: true }];
  const looks: boolean[] = [];
  const apiKeys = (fresh = false) => {
    looks.push(fresh);
    return fresh ? keys : [];
  };
  const { get } = await open({}, { apiKeys });
  expect([await get("key-a"), await get("key-b")]).toEqual([200, FORBIDDEN]);
  expect(looks).toEqual([false, true, false, true]);
});

test("a key of a plan for another stage is refused", async () => {
  const { get } = await open({ stages: ["production"] });
  expect(await get("key-a")).toBe(FORBIDDEN);
});

test("the throttle of a plan is for each key; a route can have its own", async () => {
  const { get, time } = await open({
    throttle: { rate: 1, burst: 2 },
    methodThrottles: { "GET /y": { rate: 1, burst: 1 } },
  });
  expect([await get("key-a"), await get("key-a"), await get("key-a")]).toEqual([
    200,
    200,
    THROTTLED,
  ]);
  expect(await get("key-b")).toBe(200);
  expect([await get("key-a", "/y"), await get("key-a", "/y")]).toEqual([200, THROTTLED]);
  time.now += 1000;
  expect([await get("key-a"), await get("key-a")]).toEqual([200, THROTTLED]);
});

test("a quota counts what was admitted, for each key, until the month turns", async () => {
  const { get, time } = await open({
    throttle: { rate: 1, burst: 1 },
    quota: { limit: 2, period: "MONTH" },
  });
  expect([await get("key-a"), await get("key-a")]).toEqual([200, THROTTLED]);
  time.now += 1000;
  expect(await get("key-a")).toBe(200);
  time.now += 1000;
  expect([await get("key-a"), await get("key-b")]).toEqual([EXCEEDED, 200]);
  time.now = Date.UTC(2026, 1, 1);
  expect(await get("key-a")).toBe(200);
});

test.each([
  ["DAY", "2026-03-04"],
  ["WEEK", "2026-03-01"], // a Sunday
  ["MONTH", "2026-03-01"],
] as const)("the period %s starts on %s", (period, start) => {
  expect(periodStart(period, Date.UTC(2026, 2, 4, 12))).toBe(start);
});

function usagePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "stockwire-usage-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "usage.jsonl");
}

test("counts are in the file when a request is answered, also after kill -9", async () => {
  const path = usagePath();
  const url = new URL("usage.ts", import.meta.url).href;
  const program = `
    import { openUsageFile } from ${JSON.stringify(url)};
    const usage = openUsageFile(${JSON.stringify(path)});
    await Promise.all([1, 2, 3].map(() => usage.add("basic", "a", "2026-01-31")));
    process.kill(process.pid, "SIGKILL");`;
  const child = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program]);
  expect(child.signal).toBe("SIGKILL");
  const usage = openUsageFile(path);
  onTestFinished(() => usage.close());
  const { get } = await open({ quota: { limit: 4, period: "MONTH" } }, { usage });
  expect([await get("key-a"), await get("key-a"), await get("key-b")]).toEqual([
    200,
    EXCEEDED,
    200,
  ]);
});

test("a request is answered after it is counted in the file", async () => {
  const called = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const usage: UsageStore = {
    since: () => 0,
    days: () => new Map(),
    add: () => stored.promise,
  };
  const handler = () => {
    called.resolve();
    return ok();
  };
  const routes = [{ routeKey: "GET /x", handler, apiKeyRequired: true }];
  const { get } = await open({}, { usage, routes });
  const steps: string[] = [];
  const answer = get("key-a").then((status) => steps.push(`answered ${status}`));
  await called.promise;
  await get(); // by then an answer that does not wait would be here
  steps.push("stored");
  stored.resolve();
  await answer;
  expect(steps).toEqual(["stored", "answered 200"]);
});

test("a request that is admitted after the file was closed is written to no other file", async () => {
  const path = usagePath();
  const usage = openUsageFile(path);
  const { get } = await open({ quota: { limit: 9, period: "MONTH" } }, { usage });
  expect(await get("key-a")).toBe(200);
  const before = readFileSync(path, "utf8");
  usage.close();
  const other = openSync(`${path}.other`, "w+"); // gets the descriptor of the closed file
  onTestFinished(() => closeSync(other));
  expect(await get("key-a")).toBe(200);
  expect([readFileSync(path, "utf8"), readFileSync(`${path}.other`, "utf8")]).toEqual([before, ""]);
  usage.close();
});

test("a file whose last line was cut off keeps the others", async () => {
  const path = usagePath();
  const first = openUsageFile(path);
  await first.add("basic", "a", "2026-01-30");
  await first.add("basic", "a", "2026-01-31");
  first.close();
  appendFileSync(path, '["basic","a","2026-0');
  const second = openUsageFile(path);
  await second.add("basic", "a", "2026-01-31");
  second.close();
  const third = openUsageFile(path);
  expect([...third.days("basic", "a")]).toEqual([
    ["2026-01-30", 1],
    ["2026-01-31", 2],
  ]);
  expect(third.since("basic", "a", "2026-01-31")).toBe(2);
  third.close();
});
