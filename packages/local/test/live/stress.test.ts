/** Live clients, half of them the real client, with disconnects, slow readers and kill -9. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Offset from "@stockwire/core/changes/offset";
import * as SignedToken from "@stockwire/core/store/signed-token";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { onOwnEngine, type RunningLaptop, startLaptop } from "../laptop.ts";
import { closeClients, type Frame, send, until } from "./client.ts";
import { collect } from "./collected.ts";
import { type Follower, follow } from "./follower.ts";
import { email } from "./suite.ts";
import { startWriters } from "./writers.ts";

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 2);
const FEEDS = ["users", "products", "inventory", "items", "reservations"] as const;
const CURSOR_SECRET = "the cursor secret of these tests, long enough";
const CLIENTS = 20;

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  closeClients();
});

/** All records of a feed, read page by page. */
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

/** Makes the last change in each feed, and returns the keys of the records. */
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

/** Compares the log of a feed with the histories of its records. */
async function expectHistories(laptop: RunningLaptop, feed: string, log: readonly Frame[]) {
  const records = Map.groupBy(log, ({ id }) => String(id));
  const queue = [...records].slice(-25).values();
  const worker = async () => {
    for (const [id, changes] of queue) {
      const { json } = await send(laptop, "GET", `/${feed}/${id}/history?order=asc&limit=100`);
      const expected = changes.slice(0, 100).map((change) => ({ ...change, cursor: undefined }));
      expect([feed, id, json.items]).toEqual([feed, id, expected]); // histories have no cursors
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

test(`${CLIENTS} clients have the state of the database after ${SECONDS} s of failures`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-chaos-"));
  closing.push(() => rm(dataDir, { recursive: true, force: true }));
  const start = (port: string) =>
    startLaptop({
      args: ["--no-seed", "--port", port],
      env: { ...onOwnEngine, CURSOR_SECRET },
      dataDir,
    });
  let laptop = await start("0");
  const { port } = new URL(laptop.url);
  closing.push(() => laptop.close());
  SignedToken.configure(CURSOR_SECRET);
  Offset.configure(30, "stockwire-Changes");

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
  // Clients that stopped reading reconnect, like a computer after standby.
  for (const client of clients) client.cut("reset");
  const began = Date.now();
  // A client that has the last change of each feed, and all changes before it, has everything.
  const marks = await markEach(laptop);
  await until(
    () =>
      followers.every((follower) => follower.hasAll()) &&
      clients.every((client) => marks.every((mark) => client.has(mark))),
    "all clients to catch up",
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
  const sum = (count: (follower: Follower) => number) =>
    followers.reduce((n, one) => n + count(one), 0);
  const figures = {
    answers: Object.fromEntries(writers.answers),
    kills,
    cuts,
    connections: sum(({ connections }) => connections),
    changes: FEEDS.reduce((n, feed) => n + (first?.logs.get(feed)?.length ?? 0), 0),
    repeated: sum(({ repeated }) => repeated),
    catchUps: sum(({ catchUps }) => catchUps),
    caughtUpIn,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}, 300_000);
