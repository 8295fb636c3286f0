/** A client that follows only the published rule loses nothing, under cuts, kills and a restore. */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { newId } from "@stockwire/core/id";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDynamodb } from "../../engine/dynamodb.ts";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { eventually, send, until } from "./client.ts";
import { follow, type ReferenceClient } from "./reference-client.ts";
import { type StoreProxy, storeProxy } from "./store-proxy.ts";

/** The laptop's data, a copy of them, and the laptop's own folder. */
let [data, copy, folder] = ["", "", ""];
let engine: Awaited<ReturnType<typeof startDynamodb>>;
let proxy: StoreProxy;
let laptop: RunningLaptop;
let port = "0";
const clients: ReferenceClient[] = [];

const startEngine = async () => {
  const env = { ...process.env, DYNAMODB_ENDPOINT: undefined };
  engine = await startDynamodb({ dataDir: data, env, log: () => undefined });
  return String(engine.endpoint);
};
const start = async () => {
  const own = { DYNAMODB_ENDPOINT: proxy.endpoint, STOCKWIRE_TABLE_PREFIX: "reference-" };
  const env = { ...own, DATA_TABLE: undefined };
  laptop = await startLaptop({ args: ["--no-seed", "--port", port], env, dataDir: folder });
  ({ port } = new URL(laptop.url));
};
beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), "stockwire-reference-"));
  [data = "", copy = "", folder = ""] = ["data", "copy", "laptop"].map((name) => join(root, name));
  proxy = await storeProxy(await startEngine());
  await start();
});
beforeEach(() => {
  /**
   * 30 ms pass between the end of `$connect`, when a connection can be found, and its 101: until then
   * the gateway answers 410 to frames for it.
   */
  proxy.after = (operation, body) =>
    operation === "BatchWriteItem" && body.includes('"CONNECTION"') ? pause(30) : undefined;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.stop();
  proxy.before = () => undefined;
});
afterAll(async () => {
  await laptop.close();
  proxy.close();
  await engine.stop();
  await rm(join(data, ".."), { recursive: true });
});

const open = () =>
  new WebSocket(`ws://127.0.0.1:${port}/live`, {
    headers: { authorization: `Bearer ${laptop.token({ sub: newId(), scope: "admin" })}` },
  });
const read = async () => {
  const { json, headers } = await send(laptop, "GET", "/items?limit=100");
  return { records: json.items, cursor: headers.get("feed-cursor") ?? "" };
};
/** Starts a client. `planted` changes the text of a frame before the client sees it. */
const following = (topic: string, cursor: string, planted = (frame: string) => frame) => {
  let caughtUp = 0; // frames
  const opening = () => {
    const socket = open();
    const emit = socket.emit.bind(socket);
    socket.emit = (event: string, value: unknown, ...more: unknown[]) => {
      if (event !== "message") return emit(event, value, ...more);
      const text = String(value);
      if (text.includes('"caught_up"')) caughtUp++;
      return emit(event, Buffer.from(planted(text)), ...more);
    };
    return socket;
  };
  const client = follow(opening, read, topic, cursor);
  clients.push(client);
  /** The second answer from now belongs to a subscribe frame that is sent from now on. */
  const subscribesAgain = async () => {
    const before = caughtUp;
    await until(() => caughtUp >= before + 2, "two more answers", 30_000);
  };
  return { topic, client, subscribesAgain };
};
const cursorNow = async () => (await send(laptop, "GET", "/changes?topic=items")).json.cursor;
const createItem = async (body: object = {}): Promise<string> =>
  (await send(laptop, "POST", "/items", body)).json.id;

test("it has the newest version of every record after cuts, kills and a restore from a copy", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await createItem({ n, type: "a" }));
  const [one = "", deleted = ""] = [ids[0], ids[4]];
  const cursor = await cursorNow();
  const topics = ["items", "items", "items?type=a", `items/${one}`];
  const followers = topics.map((topic) => following(topic, cursor));

  let writing = true;
  const write = async (n: number) => {
    for (let value = 0; writing; value++) {
      const id = ids[(value + n) % ids.length];
      await send(laptop, "PATCH", `/items/${id}`, { value, n }).catch(() => pause(50));
    }
  };
  /** Sends to the lobby, where each connection is already before its 101. */
  const talk = async () => {
    const connection = () => open().on("error", () => undefined); // "close" follows
    let socket = connection();
    for (; writing; await pause(20)) {
      if (socket.readyState === socket.CLOSED) socket = connection();
      if (socket.readyState !== socket.OPEN) continue;
      socket.send(JSON.stringify({ action: "message", message: "hi" }));
    }
    socket.terminate();
  };
  const cutSome = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await pause(Math.random() * 150);
      followers[n % followers.length]?.client.cut();
    }
  };
  let writers = Promise.all([write(1), write(2), talk()]);
  const pauseWriting = async () => {
    writing = false;
    await writers;
  };
  await cutSome(10);
  laptop.kill("SIGKILL");
  await laptop.ended;
  await start();
  await cutSome(10);
  await pauseWriting();
  const versions = async (of: readonly string[]) =>
    Promise.all(of.map(async (id) => (await send(laptop, "GET", `/items/${id}`)).json.version));
  const haveAll = async () => {
    for (const id of ids.slice(0, 4))
      await send(laptop, "PATCH", `/items/${id}`, { last: newId() });
    const current = await versions(ids.slice(0, 4));
    for (const { topic, client } of followers) {
      const hasNewest = (id: string, n: number) => client.versions.get(id)?.version === current[n];
      const wanted = topic.includes("/") ? [one] : ids.slice(0, 4);
      await until(() => wanted.every(hasNewest), `${topic} to have every record`, 30_000);
    }
  };
  await haveAll();
  expect(followers.map(({ client }) => client.resets)).toEqual([0, 0, 0, 0]);

  await laptop.close();
  await engine.stop();
  await cp(data, copy, { recursive: true });
  proxy.engine = await startEngine();
  await start();
  for (let n = 0; n < 10; n++) await send(laptop, "PATCH", `/items/${one}`, { lost: n });
  await haveAll(); // they have seen changes that the restore undoes
  await Promise.all(followers.map((each) => each.subscribesAgain())); // from cursors beyond the copy
  await laptop.close();
  await engine.stop();
  await rm(data, { recursive: true });
  await cp(copy, data, { recursive: true });
  proxy.engine = await startEngine();
  await start();
  writing = true;
  writers = Promise.all([write(3), write(4), talk()]);
  await cutSome(10);
  await pauseWriting();
  await send(laptop, "DELETE", `/items/${deleted}`);
  await haveAll();
  for (const { topic, client } of followers) {
    if (topic.includes("/")) continue;
    await until(() => client.versions.get(deleted)?.exists !== true, "the deletion", 30_000);
  }
  for (const { client } of followers) expect(client.resets).toBeGreaterThan(0);
}, 120_000);

test("it resumes from before a live frame that has overtaken the replay", async () => {
  const cursor = await cursorNow();
  const items = Array.from({ length: 90 }, (_, n) => ({ n }));
  for (let n = 0; n < 5; n++) await send(laptop, "POST", "/items/batch", { items });
  const isInLog = async () => {
    const { json } = await send(laptop, "GET", `/changes?topic=items&since=${cursor}`);
    return json.more || json.events.length === 90;
  };
  await eventually(isInLog, "the changes to be in the log");
  // Each page of a replay but its first one waits, so that live frames arrive in the middle of it.
  let first: string | undefined;
  const released = Promise.withResolvers<void>();
  proxy.before = (operation, body) => {
    if (operation !== "Query" || !body.includes('"gsi1"')) return undefined;
    const after: string = JSON.parse(body).ExpressionAttributeValues[":seq"].S;
    first ??= after;
    return after === first ? undefined : released.promise;
  };
  const client = following("items", cursor);
  // A frame with new changes has no cursor. This one gets the cursor of its newest change.
  const faulty = following("items", cursor, (text) => {
    const frame = JSON.parse(text);
    const newest = frame.type === "events" ? frame.events.at(-1).cursor : undefined;
    return newest === undefined
      ? text
      : JSON.stringify({ ...frame, cursor: frame.cursor ?? newest });
  });
  const both = [client, faulty].map((one) => one.client);
  await until(() => both.every(({ versions }) => versions.size > 0), "the first page");
  const live = await createItem();
  await until(() => both.every(({ versions }) => versions.has(live)), "the live frame");
  for (const { cut } of both) cut();
  released.resolve();
  await Promise.all([client, faulty].map((one) => one.subscribesAgain()));
  expect(client.client.versions.size).toBe(451);
  expect(faulty.client.versions.size).toBeLessThan(451);
}, 60_000);
