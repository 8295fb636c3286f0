/** Several servers on one engine, servers that are killed, and clients that vanish. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "node:net";
import { newId } from "@stockwire/core/id";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, closeClients, eventually, type LiveClient, send, until } from "./client.ts";
import { waitForChanges } from "./suite.ts";
import { ownTables } from "./tables.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  closeClients();
  for (const close of closing.splice(0).toReversed()) await close();
});

function tablesFor(name: string) {
  const tables = ownTables(name);
  closing.push(() => tables.drop());
  const start = async (args: string[] = [], dataDir?: string): Promise<RunningLaptop> => {
    const laptop = await startLaptop({
      args: ["--no-seed", ...args],
      env: tables.env,
      ...(dataDir !== undefined && { dataDir }),
    });
    closing.push(() => laptop.close());
    return laptop;
  };
  return { start, rowsOf: rowsIn(tables) };
}

/** The number of rows that name a connection. */
const rowsIn =
  (tables: ReturnType<typeof ownTables>) =>
  async (id: string): Promise<number> =>
    (await tables.rows("Connections")).filter((row) => JSON.stringify(row).includes(id)).length;

const subscriber = async (laptop: RunningLaptop, ...topics: string[]) => {
  const token = laptop.token({ sub: newId(), scope: "admin" });
  const client = await connect(laptop, { token });
  expect(await client.request({ action: "subscribe", topics })).toMatchObject({
    type: "subscribed",
  });
  const { connectionId } = await client.request({ action: "hello" });
  return { client, id: String(connectionId) };
};

const create = async (laptop: RunningLaptop, body: object = {}) => {
  const { status, json } = await send(laptop, "POST", "/items", body);
  expect(status).toBe(201);
  return String(json.id);
};

const receives = (client: LiveClient, id: string) =>
  until(() => client.changes().some((change) => change["id"] === id), id);

test("a change or message from one server reaches the clients of all servers", async () => {
  const { start } = tablesFor("pair");
  // One sends to its own clients as well through signed requests.
  const [one, other] = [await start(["--posts", "http"]), await start()];
  const { client: here } = await subscriber(one, "items");
  const { client: there } = await subscriber(other, "items");
  for (const laptop of [one, other]) {
    const id = await create(laptop);
    for (const client of [here, there]) await receives(client, id);
  }
  for (const [n, sender] of [here, there].entries()) {
    sender.send({ action: "message", message: `hello ${n}` });
    for (const client of [here, there]) {
      await until(() => client.frames.some(({ message }) => message === `hello ${n}`), "a message");
    }
  }
  expect(here.changes()).toEqual(there.changes());
  // A cursor from one server is valid on the other.
  const since = here.changes()[0]?.["cursor"];
  expect(await there.request({ action: "subscribe", topics: ["items"], since })).toMatchObject({
    type: "subscribed",
    cursor: expect.any(String),
  });
  await until(() => there.frames.some(({ type }) => type === "caught_up"), "caught up");

  // The first server reads the stream. When it is killed, the other takes over.
  one.kill("SIGKILL");
  await one.ended;
  const began = performance.now();
  for (let n = 0; n < 3; n++) await receives(there, await create(other));
  expect(performance.now() - began).toBeLessThan(10_000);
  expect([...new Set(there.changes().map(({ seq }) => seq))]).toEqual([1, 2, 3, 4, 5]);
}, 60_000);

test("connections of a server that was killed are deleted at the first delivery", async () => {
  const { start, rowsOf } = tablesFor("takeover");
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-successor-"));
  closing.unshift(() => rm(dataDir, { recursive: true }));
  const first = await start([], dataDir);
  const { client, id } = await subscriber(first, "items", "users", "items?type=a");
  const { id: quiet } = await subscriber(first, "users");
  first.kill("SIGKILL");
  await first.ended;
  await until(() => client.closed, "its connection to close");
  const successor = await start(["--port", new URL(first.url).port], dataDir);
  expect(await rowsOf(id)).toBeGreaterThan(0);
  const { client: alive, id: own } = await subscriber(successor, "items");
  await receives(alive, await create(successor));
  await eventually(async () => (await rowsOf(id)) === 0, "its rows to be deleted");
  expect(await rowsOf(quiet)).toBeGreaterThan(0);
  alive.send({ action: "message", message: "hello" });
  await eventually(async () => (await rowsOf(quiet)) === 0, "the rows of the lobby to be deleted");
  expect(await rowsOf(own)).toBeGreaterThan(0);
}, 60_000);

describe("one server", () => {
  const tables = ownTables("one");
  const rowsOf = rowsIn(tables);
  let laptop: RunningLaptop;
  beforeAll(async () => {
    laptop = await startLaptop({ args: ["--no-seed"], env: tables.env });
  });
  afterAll(async () => {
    await laptop.close();
    await tables.drop();
  });

  test("a client that stops reading delays no other, is disconnected, and can resume", async () => {
    const { client: slow, id } = await subscriber(laptop, "items");
    const { client: quick } = await subscriber(laptop, "items");
    const first = await create(laptop);
    for (const client of [slow, quick]) await receives(client, first);
    slow.ws.pause();
    const batch = { items: Array.from({ length: 30 }, () => ({ text: "x".repeat(30_000) })) };
    let written = 1;
    let slowest = 0; // ms
    while ((await rowsOf(id)) > 0) {
      expect(written).toBeLessThan(2_000);
      expect((await send(laptop, "POST", "/items/batch", batch)).status).toBe(201);
      written += batch.items.length;
      const began = performance.now();
      await waitForChanges(quick, written);
      slowest = Math.max(slowest, performance.now() - began);
    }
    expect(slowest).toBeLessThan(10_000);
    slow.ws.resume();
    await until(() => slow.closed, "its connection to close");
    const has = slow.changes();
    expect(has.length).toBeLessThan(written);
    expect(has.map(({ seq }) => seq)).toEqual(has.map((_, n) => n + 1));
    const { client: again } = await subscriber(laptop, "users");
    again.send({ action: "subscribe", topics: ["items"], since: has.at(-1)?.["cursor"] });
    await again.next("caught_up");
    expect([...has, ...again.changes()]).toEqual(quick.changes());
  }, 60_000);

  test("the rows of a client that resets its socket are deleted, and other clients are not affected", async () => {
    const { client: remaining, id: own } = await subscriber(laptop, "items");
    const crowd = await Promise.all(
      Array.from({ length: 20 }, () => subscriber(laptop, "items", "users", "items?type=a")),
    );
    for (const { client } of crowd) {
      const { _socket: socket } = client.ws as unknown as { _socket: Socket };
      socket.resetAndDestroy();
    }
    await receives(remaining, await create(laptop));
    for (const { id } of crowd)
      await eventually(async () => (await rowsOf(id)) === 0, "its rows to be deleted");
    expect(await rowsOf(own)).toBeGreaterThan(0);
  });
});
