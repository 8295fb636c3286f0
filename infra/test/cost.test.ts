/** The estimated bill: its measured units, its arithmetic, and the prices in the guide. */

import * as Append from "@stockwire/core/changes/append";
import { createClient } from "@stockwire/core/store/client";
import * as Inventory from "@stockwire/core/catalog/inventory";
import { newId } from "@stockwire/core/id";
import * as Product from "@stockwire/core/catalog/product";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { meter } from "../../packages/bench/meter.ts";
import { ALARM_METRICS, bill, examples, PARTNER_ALARM_METRICS, type Usage } from "../cost/bill.ts";
import { streamHour, units } from "../cost/measured.ts";
import { cacheHour, price, READ_ON } from "../cost/price.ts";
import { settingsOf } from "../stage.ts";
import { root } from "./platform.ts";
import { all, one, stack } from "./stack.ts";

const client = createClient({
  region: "us-east-1",
  endpoint: process.env["DYNAMODB_ENDPOINT"] ?? "",
});

beforeAll(() =>
  DynamoDB.configure({
    client,
    tableName: process.env["DATA_TABLE"] ?? "",
    changes: process.env["CHANGES_TABLE"] ?? "",
    shards: 4,
  }),
);
afterAll(() => client.close());

const by = () => ({ actor: "cost", requestId: newId(), at: new Date().toISOString() });

test("requests and changes consume the units that the bill assumes", async () => {
  const input = Product.Create.parse({ name: "Lamp", price: 9, category: "l", initialQuantity: 9 });
  const { id } = (await Product.create(input, by())).value;
  const cost = meter(client);
  expect(await cost(() => Product.get(id))).toMatchObject(units.read);
  const sale = Inventory.Adjust.parse({ delta: -1, reason: "sold" });
  expect(await cost(() => Inventory.adjust(id, sale, by()))).toMatchObject(units.write);
  const at = new Date().toISOString();
  const change = (version: number) => ({
    feed: "items",
    id,
    version,
    op: "update",
    at,
    actor: "cost",
    requestId: "r",
    changed: [],
    before: {},
    data: { id, version },
  });
  const append = (version: number) =>
    Append.append([change(version)] as never, Date.now() + 10_000);
  await append(1);
  expect(await cost(() => append(2))).toMatchObject({ writes: units.change.writes });
});

const usage: Usage = {
  requests: 1e6,
  writes: 20,
  connections: 1_000,
  listeners: 10,
  storage: 1,
  memory: 1024,
  provisioned: 0,
  routes: 0,
  traced: 0,
  machineClients: 0,
  tokens: 0,
  users: 0,
  freeTier: false,
};
const usdOf = (component: string, more: Partial<Usage> = {}) =>
  bill({ ...usage, ...more }).find((line) => line.component === component)?.usd ?? 0;

test("the three original examples have their documented totals", () => {
  const totals = examples.map(({ name, total }) => [name, Number(total.toFixed(2))]);
  expect(totals).toEqual([
    ["Low", 0],
    ["Medium", 3.2], // about 3
    ["High", 32],
  ]);
});

test("the bill multiplies requests, messages and minutes by their prices", () => {
  expect(usdOf("HTTP API")).toBeCloseTo(1);
  expect(usdOf("HTTP API", { freeTier: true })).toBeCloseTo(1); // new accounts get credits instead
  expect(usdOf("Live API: connections")).toBeCloseTo(1_000 * 730 * 60 * 0.25e-6);
  expect(usdOf("DynamoDB: writes")).toBeCloseTo(200_000 * (1 + units.change.writes) * 0.625e-6);
});

test("the bill has the Partner API's requests, cache, firewall and streams", () => {
  expect(usdOf("Partner API", { partnerRequests: 1e6 })).toBeCloseTo(3.5);
  expect(usdOf("Partner API: cache", { partnerRequests: 0, cacheSize: "0.5" })).toBeCloseTo(14.6);
  expect(usdOf("Partner API: firewall", { partnerRequests: 1e6, hasFirewall: true })).toBeCloseTo(
    7.6,
  );
  // They reach the same function and the same tables.
  const none = { partnerRequests: 0, writes: 0, connections: 0 };
  expect(usdOf("DynamoDB: reads", { ...none, partnerRequests: 1e6 })).toBeCloseTo(
    usdOf("DynamoDB: reads", { ...none, requests: 2e6 }),
  );
  const hour = (component: string) =>
    usdOf(component, { ...none, streamHours: 1_000 }) - usdOf(component, none);
  const total = ["Partner API", "Partner API: streams", "DynamoDB: reads", "Lambda: requests"]
    .map(hour)
    .reduce((sum, usd) => sum + usd, 0);
  expect(total / 1_000).toBeCloseTo(0.0081, 4); // docs/scale.md
  expect(streamHour.memory * 1024).toBe(128);
});

test("the cache's prices are for the sizes that a stage can have", () => {
  for (const size of cacheHour.keys()) {
    const set = { STOCKWIRE_PARTNER: "1", STOCKWIRE_PARTNER_CACHE: size };
    expect(settingsOf("dev", set).partner?.cacheSize).toBe(size);
  }
  expect(cacheHour.size).toBe(8);
});

test("the bill counts a ping a minute for each connection, and its answer", () => {
  const messages = (listeners: number) => usdOf("Live API: messages", { writes: 0, listeners });
  expect(messages(10)).toBeCloseTo(1_000 * 730 * 60 * 2 * 1e-6, 5);
  const invocations = bill({ ...usage, writes: 0 }).find((line) =>
    line.component.endsWith("requests"),
  );
  expect(invocations?.basis).toBe((1e6 + 1_000 * 730 * 60 + 730 * 60).toLocaleString("en"));
});

test("the bill has the users of the pool's tier, of which 10 000 are free", () => {
  expect(usdOf("Cognito: users", { users: 12_000 })).toBeCloseTo(66);
  expect(usdOf("Cognito: users", { users: 12_000, freeTier: true })).toBeCloseTo(11);
  const { userPoolTier } = one(stack("production"), "cognito/userPool", "UsersUserPool").inputs;
  expect(userPoolTier).toBe("LITE");
});

test("one in a hundred invocations is billed for the start of its environment", () => {
  const { basis = "" } = bill(usage).find(({ component }) => component === "Lambda: time") ?? {};
  const seconds = Number(/^[\d,]+/.exec(basis)?.[0].replaceAll(",", ""));
  const none = bill({ ...usage, requests: 0 }).find(
    ({ component }) => component === "Lambda: time",
  );
  const withoutRequests = Number(/^[\d,]+/.exec(none?.basis ?? "")?.[0].replaceAll(",", ""));
  // 0.8 reads of 8 ms, 0.2 writes of 12 ms with a change of 30 ms and 10 frames of 0.35 ms each.
  const warm = 0.8 * 8 + 0.2 * (12 + 30 + 10 * 0.35);
  expect((seconds - withoutRequests) / 1e3).toBeCloseTo(warm, 1);
  const cold = usdOf("Lambda: cold starts") - usdOf("Lambda: cold starts", { requests: 0 });
  const starts = 1.2 * 0.01 * 1e6; // 1.2 invocations a request
  expect(cold).toBeCloseTo(starts * 0.5 * 0.0000133334, 6);
  // What is free goes to the requests first.
  const free = { connections: 0, requests: 2e7, freeTier: true };
  expect(usdOf("Lambda: time", free)).toBe(0);
  const left = 2e7 * 0.0148 + 43_800 * 0.008; // GB s
  const started = (2e7 * 1.2 + 43_800) * 0.01 * 0.5;
  expect(usdOf("Lambda: cold starts", free)).toBeCloseTo(
    (left + started - 400_000) * 0.0000133334,
    1,
  );
});

test("the bill has what is provisioned: machine clients and the metrics of alarms", () => {
  expect(usdOf("Cognito: machine clients", { machineClients: 1, tokens: 730 })).toBeCloseTo(7.64);
  const watchedIn = (stage: string) =>
    all(stack(stage), "cloudwatch/metricAlarm").flatMap(({ inputs: { metricQueries } }) =>
      metricQueries ? metricQueries.filter((query: { metric?: object }) => query.metric) : [1],
    );
  expect(watchedIn("dev")).toHaveLength(ALARM_METRICS);
  expect(watchedIn("production")).toHaveLength(ALARM_METRICS + PARTNER_ALARM_METRICS);
  const clients = all(stack("production"), "cognito/userPoolClient").filter(({ inputs }) =>
    inputs["allowedOauthFlows"].includes("client_credentials"),
  );
  expect(clients).toHaveLength(1); // the default of the command
});

test("the table in docs/deploy.md has the prices of the bill", () => {
  const table = readFileSync(join(root, "docs/deploy.md"), "utf8");
  const million = (usd: number) => (usd * 1e6).toFixed(2);
  for (const cell of [
    million(price.httpRequest),
    million(price.restRequest),
    [...cacheHour.values()].slice(0, 4).join(" / "),
    `${million(price.liveMessage)} / ${million(price.connectionMinute)}`,
    million(price.lambdaRequest),
    price.lambdaGbSecond.toFixed(10),
    `${price.readUnit * 1e6} / ${price.writeUnit * 1e6}`,
    `${price.tableGb.toFixed(2)} / ${price.recoveryGb.toFixed(2)}`,
    [price.logGb, price.metric, price.alarm, price.dashboard]
      .map((usd) => usd.toFixed(2))
      .join(" / "),
  ]) {
    expect(table).toMatch(new RegExp(`\\| ${cell.replaceAll(".", "\\.")} +\\|`));
  }
  expect(table).toContain(READ_ON);
});

test("an idle small stage with an issuer of its own costs less than three dollars a month", () => {
  const idle = { ...usage, requests: 0, connections: 0, storage: 0, freeTier: true };
  const total = bill(idle).reduce((sum, { usd }) => sum + usd, 0);
  expect(total).toBeLessThan(3);
});

test("npm run cost prints a line per component and the sum", async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(root, "infra/cost/main.ts"), ...args]);
  const { stdout } = await run("--requests", "1000000", "--connections", "1000");
  expect(stdout).toMatch(/^HTTP API +1\.00 {2}1,000,000 requests$/m);
  expect(stdout).toMatch(/^USD a month +\d+\.\d\d/m);
  expect((await run("--seeds")).stdout).toMatch(/^Medium +1,000,000 +0\.20 +1\.00 +2\.00 +3\.20$/m);
  expect((await run("--help")).stdout).toContain("--requests");
  const { stdout: metrics } = await run();
  expect(metrics).toMatch(/^Metrics and alarms +1\d\d\.\d\d /m);
  expect(metrics).toMatch(/^Cognito: machine clients +7\.64 {2}1 clients, 730 tokens$/m);
  const { stdout: partner } = await run(
    "--partner",
    "1000000",
    "--cache",
    "1.6",
    "--streams",
    "730",
  );
  expect(partner).toMatch(/^Partner API +3\.54 {2}1,010,950 requests$/m);
  expect(partner).toMatch(/^Partner API: cache +27\.74 {2}1\.6 GB$/m);
  expect(stdout).not.toContain("Partner");
  await expect(run("--cache", "2")).rejects.toThrow("--cache must be one of 0.5, 1.6");
  await expect(run("--partner", "many")).rejects.toThrow("--partner must be a number");
  await expect(run("--writes", "200")).rejects.toThrow("--writes must be 100 at most");
  await expect(run("--traced", "101")).rejects.toThrow("--traced must be 100 at most");
  await expect(run("--requests", "many")).rejects.toThrow("--requests must be a number");
});
