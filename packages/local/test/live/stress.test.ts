import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as SignedToken from "@stockwire/core/store/signed-token";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { endClients, type Frame, send, until } from "./client.ts";
import { collect } from "./collected.ts";
import { type Follower, follow } from "./follower.ts";
import { email } from "./suite.ts";
import { startWriters } from "./writers.ts";

/** Live clients, half of them the shipped one, among disconnects, slow readers and kills. */

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 8);
const FEEDS = ["users", "products", "inventory", "items", "reservations"] as const;
const CURSOR_SECRET = "a secret of the tests, long enough for one";
const CLIENTS = 20;

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  endClients();
});

const own = {
  DYNAMODB_ENDPOINT: undefined,
  STOCKWIRE_TABLE_PREFIX: undefined,
  DATA_TABLE: undefined,
};

/** All records of a feed, page after page. */
async function listed(laptop: RunningLaptop, feed: string): Promise<Frame[]> {
  const found: Frame[] = [];
  for (let next = ""; ;) {
    const { status, json } = await send(laptop, "GET", `/${feed}?limit=100${next}`);
    expect(status).toBe(200);
    found.push(...json.items);
    if (json.nextToken === null) return found;
    next = `&nextToken=${encodeURIComponent(json.nextToken)}`;
  }
}

const keyOf = (feed: string, record: Frame): string =>
  `${feed}/${feed === "inventory" ? (record["productId"] ?? record["id"]) : record["id"]}`;

/** Makes the last change of each feed, and gives the keys of the records. */
async function markEach(laptop: RunningLaptop): Promise<string[]> {
  const create = async (path: string, body: object) =>
    String((await send(laptop, "POST", path, body)).json.id);
  const pen = { name: "Mark", price: 1, category: "marks", initialQuantity: 1 };
  const lines = [{ productId: await create("/products", pen), quantity: 1 }];
  const reservation = await create("/reservations", { lines });
  const product = await create("/products", pen);
  return [
    `products/${product}`,
    `inventory/${product}`,
    `reservations/${reservation}`,
    `users/${await create("/users", { name: "Mark", email: email() })}`,
    `items/${await create("/items", {})}`,
  ];
}

/** The log of a feed by record is what each record's history says. */
async function expectHistories(laptop: RunningLaptop, feed: string, log: readonly Frame[]) {
  const records = Map.groupBy(log, ({ id }) => String(id));
  const queue = [...records].slice(-25).values();
  const worker = async () => {
    for (const [id, events] of queue) {
      const { json } = await send(laptop, "GET", `/${feed}/${id}/history?order=asc&limit=100`);
      const expected = events.slice(0, 100).map((event) => ({ ...event, cursor: undefined }));
      expect([feed, id, json.items]).toEqual([feed, id, expected]); // but for the cursors
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

test(`${CLIENTS} clients end with the state of the database after ${SECONDS} s of chaos`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-chaos-"));
  closing.push(() => rm(dataDir, { recursive: true, force: true }));
  const start = (port: string) =>
    startLaptop({ args: ["--no-seed", "--port", port], env: { ...own, CURSOR_SECRET }, dataDir });
  let laptop = await start("0");
  const { port } = new URL(laptop.url);
  closing.push(() => laptop.close());
  SignedToken.configure(CURSOR_SECRET);

  const followers = Array.from({ length: CLIENTS / 2 }, () => follow(() => laptop, FEEDS));
  const collected = Array.from({ length: CLIENTS / 2 }, () => collect(() => laptop));
  const clients = [...followers, ...collected];
  closing.push(() => clients.forEach((client) => client.stop()));
  await Promise.all(collected.map(({ ready }) => ready));
  const writers = startWriters(() => laptop, 6);
  const end = Date.now() + SECONDS * 1000;
  const random = (below: number) => Math.floor(Math.random() * below);
  let kills = 0;
  let cuts = 0;
  for (let nextKill = Date.now() + 1500; Date.now() < end;) {
    await pause(random(60));
    clients[random(CLIENTS)]?.cut(
      (["reset", "close", "stop reading"] as const)[random(3)] ?? "close",
    );
    cuts++;
    if (Date.now() < nextKill) continue;
    laptop.kill("SIGKILL");
    await laptop.ended;
    laptop = await start(port);
    kills++;
    nextKill = Date.now() + 1000 + random(4000);
  }
  await writers.stop();
  // Who stopped reading reads no more: it comes back, as after a night's sleep.
  for (const client of clients) client.cut("reset");
  const began = Date.now();
  // Each feed's last change: who has it, and all that its head counts, has all.
  const marks = await markEach(laptop);
  await until(
    () =>
      followers.every((follower) => follower.hasAll()) &&
      clients.every((client) => marks.every((mark) => client.has(mark))),
    "all to catch up",
    60_000,
  );
  const caughtUpIn = Date.now() - began; // ms

  const state = new Map<string, Frame>();
  for (const feed of FEEDS) {
    for (const record of await listed(laptop, feed)) state.set(keyOf(feed, record), record);
  }
  for (const client of clients) expect(client.records()).toEqual(state);
  const [first] = followers;
  for (const { logs } of followers) {
    for (const feed of FEEDS) expect(logs.get(feed)).toEqual(first?.logs.get(feed));
  }
  for (const feed of FEEDS) await expectHistories(laptop, feed, first?.logs.get(feed) ?? []);
  expect(kills).toBeGreaterThan(0);
  expect(state.size).toBeGreaterThan(0);
  if (process.env["CHAOS_SECONDS"] === undefined) return;
  const sum = (of: (follower: Follower) => number) => followers.reduce((n, one) => n + of(one), 0);
  const figures = {
    answers: Object.fromEntries(writers.answers),
    kills,
    cuts,
    connections: sum(({ connections }) => connections),
    changes: FEEDS.reduce((n, feed) => n + (first?.logs.get(feed)?.length ?? 0), 0),
    repeated: sum(({ repeated }) => repeated),
    asked: sum(({ asked }) => asked),
    caughtUpIn,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}, 300_000);
