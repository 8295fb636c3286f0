/**
 * The `Feed-Cursor` of a read goes some seconds back in the log exactly if the read used an index
 * of the records. Each route says for which queries it does.
 */

import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { type Feed, FEEDS } from "@stockwire/core/catalog/index";
import { append } from "@stockwire/core/changes/append";
import { reset } from "@stockwire/core/changes/log";
import { newId } from "@stockwire/core/id";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Command, intercepted } from "../../core/test/support/intercept.ts";
import { newChange, soon } from "../../core/test/support/log.ts";
import { ownLog } from "../../core/test/support/own-table.ts";
import { SHARDS, tableName } from "../../core/test/support/store.ts";
import { createApp } from "../src/api/app.ts";
import { routes } from "../src/api/policy.ts";
import { createLog } from "../src/telemetry/log.ts";
import { createMeasure } from "../src/telemetry/metric.ts";

const about = { name: "stockwire", version: "0", commit: "0", stage: "test", runtime: "node" };
const app = createApp({
  about,
  log: createLog("silent", "test"),
  measure: createMeasure("off", "test"),
  origins: ["*"],
  secure: false,
});
const env = { requestContext: { authorizer: { jwt: { claims: { sub: "ana", scope: "admin" } } } } };
const email = `u${newId().replaceAll("-", "")}@example.com`;
const ids: Record<string, string> = {};
let log: Awaited<ReturnType<typeof ownLog>>;
let commands: Command[] = [];

const send = (path: string, body?: object) =>
  app.request(
    path,
    body && {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    },
    env,
  );
const create = async (feed: string, body: object) => {
  const { id } = (await (await send(`/${feed}`, body)).json()) as { id: string };
  ids[feed] = id;
  return id;
};

beforeAll(async () => {
  log = await ownLog("index-read");
  const client = log.open();
  const { changes, connections } = log;
  const recorded = intercepted(client, (command, pass) => {
    commands.push(command);
    return pass();
  });
  DynamoDB.configure({ client: recorded, tableName, changes, connections, shards: SHARDS });
  await create("users", { name: "Ana", email });
  const product = { name: "Pen", price: 1, category: "Pens", sku: email, initialQuantity: 2 };
  const productId = await create("products", product);
  ids["inventory"] = productId;
  await create("items", { type: "note" });
  await create("reservations", { lines: [{ productId, quantity: 1 }] });
});
afterAll(() => log.drop());

/** Queries of each list besides those of a page, each with what it reads the records through. */
const filters: Record<string, Record<string, "index" | "table">> = {
  users: { [`email=${email}`]: "table" },
  products: {
    "category=Pens": "index",
    [`sku=${email}`]: "table",
    [`sku=${email}&category=Pens`]: "table",
  },
  inventory: { "level=out": "index", "level=low": "index" },
  items: { "type=note": "index" },
  reservations: {
    "status=active": "index",
    "productId=PRODUCT": "table",
    "productId=PRODUCT&status=active": "index",
  },
};

test("all filters of all lists are here", () => {
  const PAGE = ["limit", "order", "nextToken"];
  for (const { path, query, feeds } of routes.filter(({ path: each }) => !each.includes("{"))) {
    if (feeds === undefined) continue;
    const known = Object.keys(query?.shape ?? {}).filter((name) => !PAGE.includes(name));
    const tried = Object.keys(filters[path.slice(1)] ?? {}).flatMap((text) => [
      ...new URLSearchParams(text).keys(),
    ]);
    expect([path, [...new Set(tried)].toSorted()]).toEqual([path, known.toSorted()]);
  }
});

const reads = [
  ...FEEDS.flatMap((feed) => [
    [`/${feed}`, "table"],
    [`/${feed}?limit=1&order=asc`, "table"],
    [`/${feed}/ID`, "table"],
    ...Object.entries(filters[feed] ?? {}).map(([query, source]) => [`/${feed}?${query}`, source]),
  ]),
  ["/products/ID?include=inventory", "table"],
] as [path: string, source: "index" | "table"][];

test.each(reads)("%s is read from the %s, and so is its cursor", async (pattern, source) => {
  const [, feed = ""] = /^\/(\w+)/.exec(pattern) ?? [];
  const path = pattern
    .replace("ID", () => ids[feed] ?? "")
    .replace("PRODUCT", () => ids["products"] ?? "");
  // A head that moved recently is walked back from; the cursor of the read before may be reused.
  await append([newChange({ feed: feed as Feed })], soon());
  reset();
  commands = [];
  const { status, headers } = await send(path);
  expect([path, status, headers.has("feed-cursor")]).toEqual([path, 200, true]);
  const throughIndex = commands.filter(({ input }) => input["IndexName"] === "gsi1");
  const of = (table: string) => throughIndex.some(({ input }) => input["TableName"] === table);
  expect([path, of(tableName), of(log.changes)]).toEqual([
    path,
    source === "index",
    source === "index",
  ]);
});
