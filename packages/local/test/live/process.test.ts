import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "node:net";
import { newId } from "@stockwire/core/id";
import { afterEach, expect, test } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, endClients, eventually, type LiveClient, send, until } from "./client.ts";
import { come } from "./suite.ts";
import { ownTables } from "./tables.ts";

/** Several processes on one engine, one that dies, and clients that go without a word. */

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  endClients();
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
  const rowsOf = async (id: string): Promise<number> =>
    (await tables.rows("Connections")).filter((row) => JSON.stringify(row).includes(id)).length;
  return { start, rowsOf };
}

const listening = async (laptop: RunningLaptop, ...topics: string[]) => {
  const token = laptop.token({ sub: newId(), scope: "admin" });
  const client = await connect(laptop, { token });
  expect(await client.ask({ action: "subscribe", topics })).toMatchObject({ type: "subscribed" });
  const { connectionId } = await client.ask({ action: "hello" });
  return { client, id: String(connectionId) };
};

const create = async (laptop: RunningLaptop, body: object = {}) => {
  const { status, json } = await send(laptop, "POST", "/items", body);
  expect(status).toBe(201);
  return String(json.id);
};

const comes = (client: LiveClient, id: string) =>
  until(() => client.events().some((event) => event["id"] === id), id);

test("what is written through one process reaches the clients of all, and so does a message", async () => {
  const { start } = tablesFor("pair");
  const [one, other] = [await start(), await start()];
  const { client: here } = await listening(one, "items");
  const { client: there } = await listening(other, "items");
  for (const laptop of [one, other]) {
    const id = await create(laptop);
    for (const client of [here, there]) await comes(client, id);
  }
  for (const [n, sender] of [here, there].entries()) {
    sender.send({ action: "message", message: `hello ${n}` });
    for (const client of [here, there]) {
      await until(() => client.frames.some(({ message }) => message === `hello ${n}`), "a message");
    }
  }
  expect(here.events()).toEqual(there.events());
  // A cursor of one is a cursor of the other: the first event once more.
  const since = here.events()[0]?.["cursor"];
  expect(await there.ask({ action: "subscribe", topics: ["items"], since })).toMatchObject({
    type: "subscribed",
    cursor: expect.any(String),
  });
  await until(() => there.frames.some(({ type }) => type === "caught_up"), "caught up");

  // The first reads the stream; with it dies its reader, and its clients can't be reached.
  one.kill("SIGKILL");
  await one.ended;
  const began = performance.now();
  for (let n = 0; n < 3; n++) await comes(there, await create(other));
  expect(performance.now() - began).toBeLessThan(10_000);
  expect([...new Set(there.events().map(({ seq }) => seq))]).toEqual([1, 2, 3, 4, 5]);
}, 60_000);

test("S-224, S-228: connections of a process that died are forgotten at the first delivery", async () => {
  const { start, rowsOf } = tablesFor("heir");
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-heir-"));
  closing.unshift(() => rm(dataDir, { recursive: true }));
  const doomed = await start([], dataDir);
  const { client, id } = await listening(doomed, "items", "users", "items?type=a");
  const { id: quiet } = await listening(doomed, "users");
  doomed.kill("SIGKILL");
  await doomed.ended;
  await until(() => client.closed, "the end of its connection");
  const heir = await start(["--port", new URL(doomed.url).port], dataDir);
  expect(await rowsOf(id)).toBeGreaterThan(0);
  const { client: alive, id: own } = await listening(heir, "items");
  await comes(alive, await create(heir));
  await eventually(async () => (await rowsOf(id)) === 0, "its rows to go");
  expect(await rowsOf(quiet)).toBeGreaterThan(0);
  alive.send({ action: "message", message: "anybody?" });
  await eventually(async () => (await rowsOf(quiet)) === 0, "those of the lobby to go");
  expect(await rowsOf(own)).toBeGreaterThan(0);
}, 60_000);

test("a client that resets its socket is forgotten, and nobody else notices", async () => {
  const { start, rowsOf } = tablesFor("reset");
  const laptop = await start();
  const { client: stays, id: own } = await listening(laptop, "items");
  const crowd = await Promise.all(
    Array.from({ length: 20 }, () => listening(laptop, "items", "users", "items?type=a")),
  );
  for (const { client } of crowd) {
    const { _socket: socket } = client.ws as unknown as { _socket: Socket };
    socket.resetAndDestroy();
  }
  await comes(stays, await create(laptop));
  for (const { id } of crowd)
    await eventually(async () => (await rowsOf(id)) === 0, "its rows to go");
  expect(await rowsOf(own)).toBeGreaterThan(0);
});

test("a client that stops reading delays nobody, and is cut off; then it goes on where it was", async () => {
  const { start, rowsOf } = tablesFor("slow");
  const laptop = await start();
  const { client: slow, id } = await listening(laptop, "items");
  const { client: quick } = await listening(laptop, "items");
  const first = await create(laptop);
  for (const client of [slow, quick]) await comes(client, first);
  slow.ws.pause();
  const batch = { items: Array.from({ length: 30 }, () => ({ text: "x".repeat(30_000) })) };
  let written = 1;
  let slowest = 0; // ms
  while ((await rowsOf(id)) > 0) {
    expect(written).toBeLessThan(2_000);
    expect((await send(laptop, "POST", "/items/batch", batch)).status).toBe(201);
    written += batch.items.length;
    const began = performance.now();
    await come(quick, written);
    slowest = Math.max(slowest, performance.now() - began);
  }
  expect(slowest).toBeLessThan(10_000);
  slow.ws.resume();
  await until(() => slow.closed, "to be told of its end");
  const has = slow.events();
  expect(has.length).toBeLessThan(written);
  expect(has.map(({ seq }) => seq)).toEqual(has.map((_, n) => n + 1));
  const { client: again } = await listening(laptop, "users");
  again.send({ action: "subscribe", topics: ["items"], since: has.at(-1)?.["cursor"] });
  await again.next("caught_up");
  expect([...has, ...again.events()]).toEqual(quick.events());
}, 60_000);
