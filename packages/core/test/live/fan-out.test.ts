import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Change, NewChange } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import * as Connection from "../../src/live/connection.ts";
import { broadcast, deliver, type Delivery, sendAll } from "../../src/live/fan-out.ts";
import { eventFrames } from "../../src/live/protocol.ts";
import { newId } from "../../src/id.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { connectionOf, rowsWith, topicsOf } from "../support/live.ts";
import { newChange, soon, versions } from "../support/log.ts";
import { type Management, management } from "../support/management.ts";
import { ownLog } from "../support/own-table.ts";
import { SHARDS, tableName } from "../support/store.ts";

vi.mock(import("../../src/live/protocol.ts"), { spy: true });

let log: Awaited<ReturnType<typeof ownLog>>;
let sockets: Management;
beforeAll(async () => {
  log = await ownLog("delivery");
  sockets = await management();
});
/** 100 failures, and the sends that are in flight by then. */
const MAX_ATTEMPTS = 100 + 64;

/** Subscribers of the current test. They are removed after it, since all tests share the feeds. */
let subscribed: string[] = [];
beforeEach(() => {
  log.open();
  sockets.reset();
  vi.mocked(eventFrames).mockClear();
});
afterEach(async () => {
  for (const id of subscribed) await Connection.forget(id);
  subscribed = [];
});
afterAll(async () => {
  await sockets.close();
  await log.drop();
});

async function subscriber(texts: string[], given: Partial<Connection.Connection> = {}) {
  const connection = connectionOf({ endpoint: sockets.endpoint, ...given });
  subscribed.push(connection.id);
  await Connection.subscribe(connection, topicsOf(...texts));
  return connection.id;
}

const appendAndDeliver = async (changes: readonly NewChange[], options = {}) =>
  deliver(await append(changes, soon()), options);

const eventsOf = (frames: readonly string[]) =>
  frames.flatMap((frame) => (JSON.parse(frame) as { events: Change[] }).events);
const receivedBy = (id: string) => eventsOf(sockets.frames(id));
const product = (given: Partial<NewChange> = {}) => newChange({ feed: "products", ...given });

describe("a change is sent", () => {
  test("once to each subscriber of its feed, its record or a filter that it was or is in", async () => {
    const feed = await subscriber(["products"]);
    const record = await subscriber(["products/one"]);
    const was = await subscriber(["products?category=Pens"]);
    const is = await subscriber(["products?category=Books"]);
    const all = await subscriber(["products", "products/one", "products?category=Pens"]);
    const other = await subscriber(["products/two", "products?category=Hats", "users"]);
    const counts = await appendAndDeliver([
      product({ id: "one", was: "CATEGORY#pens", is: "CATEGORY#books" }),
    ]);
    const ops = (id: string) => receivedBy(id).map(({ op }) => op);
    expect([feed, record, was, is, all, other].map(ops)).toEqual([
      ["update"],
      ["update"],
      ["leave"],
      ["enter"],
      ["update"],
      [],
    ]);
    expect(counts).toEqual({ sent: 5, gone: 0, failed: 0, queued: 0 });
  });

  test("to each connection through its own endpoint", async () => {
    const elsewhere = await management();
    try {
      const here = await subscriber(["products"]);
      const there = await subscriber(["products"], { endpoint: elsewhere.endpoint });
      expect(await appendAndDeliver([product()])).toMatchObject({ sent: 2 });
      expect([sockets.recipients(), elsewhere.recipients()]).toEqual([[here], [there]]);
    } finally {
      await elsewhere.close();
    }
  });

  test("in frames that are built once for all subscribers to the same topics", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) ids.push(await subscriber(["products"]));
    const alone = await subscriber(["products", "products/one"]);
    await appendAndDeliver([product({ id: "one" }), product()]);
    expect(eventFrames).toHaveBeenCalledTimes(2);
    expect(new Set(ids.map((id) => sockets.frames(id).join())).size).toBe(1);
    expect(receivedBy(alone)).toHaveLength(2);
  });

  test("in the order of its feed, in several frames one after another", async () => {
    const id = await subscriber(["products"]);
    await appendAndDeliver(versions(250, { feed: "products" }));
    expect(sockets.frames(id).length).toBeGreaterThan(2);
    expect(receivedBy(id).map(({ version }) => version)).toEqual(
      Array.from({ length: 250 }, (_, n) => n + 1),
    );
    // Frames can overtake each other, so no cursor of theirs would be safe to resume from.
    for (const frame of sockets.frames(id)) {
      expect(Object.keys(JSON.parse(frame) as object)).toEqual(["type", "events"]);
    }
  });

  test("to no connection whose token has expired", async () => {
    const ended = await subscriber(["products"], { authExpiresAt: Date.now() - 1 });
    const lasting = await subscriber(["products"], { authExpiresAt: Date.now() + 60_000 });
    await appendAndDeliver([product()]);
    expect(receivedBy(ended)).toEqual([]);
    expect(receivedBy(lasting)).toHaveLength(1);
  });
});

describe("a connection", () => {
  test("that is gone is removed at the first 410", async () => {
    const id = await subscriber(["products", "users", "products/one"]);
    sockets.respondWith(id, 410);
    expect(await appendAndDeliver(versions(150, { feed: "products" }))).toMatchObject({
      sent: 0,
      gone: 1,
    });
    expect(sockets.recipients()).toEqual([id]);
    expect(await rowsWith(log.connections, id)).toEqual([]);
    expect(await appendAndDeliver([product({ id: "one" })])).toMatchObject({ sent: 0, gone: 0 });
  });

  test("that is gone while its handshake can be in progress is kept, and gets later frames", async () => {
    const opened = async (connectedAt: number) => {
      const connection = connectionOf({ endpoint: sockets.endpoint, connectedAt });
      await Connection.open(connection);
      sockets.respondWith(connection.id, 410);
      subscribed.push(connection.id);
      return connection.id;
    };
    const handshaking = await opened(Date.now() - 5_000);
    const old = await opened(Date.now() - 65_000);
    const inTopic = await opened(Date.now() - 5_000);
    const connection = await Connection.find(inTopic);
    if (connection) await Connection.subscribe(connection, topicsOf("products"));
    await broadcast(Connection.LOBBY, "early");
    expect(await Connection.find(handshaking)).toMatchObject({ id: handshaking });
    expect(await rowsWith(log.connections, old)).toEqual([]);
    expect(await rowsWith(log.connections, inTopic)).toEqual([]);
    sockets.respondWith(handshaking, 200);
    sockets.reset();
    expect(await broadcast(Connection.LOBBY, "late")).toMatchObject({ sent: 1 });
    expect(sockets.recipients()).toEqual([handshaking]);
  });

  test("whose lobby row was written before its own is kept as well", async () => {
    const connection = connectionOf({ endpoint: sockets.endpoint });
    const lobby = { key: Connection.LOBBY, text: Connection.LOBBY };
    await Connection.subscribe(connection, [lobby]);
    subscribed.push(connection.id);
    sockets.respondWith(connection.id, 410);
    await broadcast(Connection.LOBBY, "early");
    expect(await rowsWith(log.connections, connection.id)).toHaveLength(2);
  });

  test("that fails does not delay the others, and is kept", async () => {
    const failing = await subscriber(["products"]);
    const others: string[] = [];
    for (let n = 0; n < 80; n++) others.push(await subscriber(["products"]));
    sockets.respondWith(failing, 500);
    const entries = versions(150, { feed: "products" });
    const counts = await appendAndDeliver(entries);
    expect(counts).toMatchObject({ gone: 0, failed: 1 });
    for (const id of others) expect(receivedBy(id)).toHaveLength(150);
    // It sees a gap: no frame follows one that it did not get.
    expect(new Set(sockets.frames(failing)).size).toBe(1);
    sockets.respondWith(failing, 200);
    sockets.reset();
    await appendAndDeliver([product()]);
    expect(receivedBy(failing)).toHaveLength(1);
  });

  test("gets the messages of its channel and no others", async () => {
    const here = newId();
    const there = newId();
    for (const id of [here, there]) {
      const key = `channel/${id}`;
      await Connection.subscribe(connectionOf({ id, endpoint: sockets.endpoint }), [
        { key, text: key },
      ]);
    }
    subscribed.push(here, there);
    expect(await broadcast(`channel/${here}`, "hi")).toMatchObject({ sent: 1 });
    expect([sockets.frames(here), sockets.frames(there)]).toEqual([["hi"], []]);
  });
});

describe("a delivery to many connections", () => {
  const MESSAGE = 256 * 1024; // bytes; what SQS takes

  /** Stores subscriptions of new connections, as a delivery finds them. */
  async function crowd(count: number, ...texts: string[]) {
    const ids = Array.from({ length: count }, () => newId());
    const rows = topicsOf(...texts).flatMap(({ key }) =>
      ids.map((id) => ({ put: { pk: `TOPIC#${key}`, sk: id, endpoint: sockets.endpoint } })),
    );
    await DynamoDB.writeAll(rows, "Connections");
    return ids;
  }

  /** A queue that records its messages. */
  const queue = () => {
    const messages: string[] = [];
    const enqueue = (deliveries: readonly Delivery[]) => {
      messages.push(...deliveries.map((delivery) => JSON.stringify(delivery)));
      return Promise.resolve();
    };
    return {
      messages,
      enqueue,
      deliveries: () => messages.map((text) => JSON.parse(text) as Delivery),
    };
  };

  test("is queued in messages that fit the queue and contain every frame of every connection", async () => {
    const id = newId();
    const one = await crowd(510, `products/${id}`);
    const other = await crowd(30, `products/${id}`, `products?category=${id}`);
    const { messages, enqueue, deliveries } = queue();
    const data = { large: '"\u0001€'.repeat(2_500) };
    const is = `CATEGORY#${id}`;
    const entries = versions(60, { feed: "products", data }).map((each) => ({ ...each, id, is }));
    const counts = await appendAndDeliver(entries, { enqueue });
    expect(counts).toEqual({ sent: 0, gone: 0, failed: 0, queued: 540 });
    expect(sockets.recipients()).toEqual([]);
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(MESSAGE);
    expect(messages.length).toBeGreaterThan(3);
    const framesOf = new Map<string, string[]>();
    for (const { ids, frames } of deliveries()) {
      expect(ids.length).toBeLessThanOrEqual(500);
      for (const to of ids) framesOf.set(to, [...(framesOf.get(to) ?? []), ...frames]);
    }
    expect([...framesOf.keys()].toSorted()).toEqual([...one, ...other].toSorted());
    for (const frames of framesOf.values()) {
      expect(eventsOf(frames).map(({ version }) => version)).toEqual(
        entries.map(({ version }) => version),
      );
    }
  }, 60_000);

  test("is queued in messages that fit even with many topics of long names", async () => {
    const { messages, enqueue, deliveries } = queue();
    const Items = Array.from({ length: 501 }, () => ({ sk: newId(), endpoint: sockets.endpoint }));
    const { changes, connections } = log;
    const crowded = intercepted(log.open(), (command, send) =>
      command.operation === "Query" && command.input["TableName"] === connections
        ? Promise.resolve({ Items })
        : send(),
    );
    DynamoDB.configure({ client: crowded, tableName, changes, connections, shards: SHARDS });
    const entries = Array.from({ length: 33 }, (_, n) => {
      const [was, is] = ["a", "b"].map((char) => `TYPE#${n}${char}${"\u0001".repeat(250)}`);
      return newChange({ was, is, data: { text: '"'.repeat(4_000) } });
    });
    await appendAndDeliver(entries, { enqueue });
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(MESSAGE);
    const received = deliveries().filter(({ ids }) => ids.includes(Items[0]?.sk ?? ""));
    expect(eventsOf(received.flatMap(({ frames }) => frames)).map(({ id }) => id)).toEqual(
      entries.map(({ id }) => id),
    );
  });

  test("is sent to each of its connections, and removes those that are gone", async () => {
    const id = newId();
    const [one = "", gone = ""] = await crowd(2, `products/${id}`);
    sockets.respondWith(gone, 410);
    const { endpoint } = sockets;
    const topics = [`products/${id}`];
    const delivery = { endpoint, ids: [one, gone], frames: ["a", "b"], topics };
    expect(await sendAll([delivery])).toEqual({ sent: 2, gone: 1, failed: 0, queued: 0 });
    expect(sockets.frames(one)).toEqual(["a", "b"]);
    expect(await rowsWith(log.connections, gone)).toEqual([]);
  });

  test("stops sending to an endpoint after 100 consecutive failures", async () => {
    const ids = Array.from({ length: 400 }, () => newId());
    for (const id of ids) sockets.respondWith(id, 500);
    const delivery = { endpoint: sockets.endpoint, ids, frames: ["a"], topics: [] };
    expect(await sendAll([delivery])).toEqual({ sent: 0, gone: 0, failed: 400, queued: 0 });
    expect(new Set(sockets.recipients()).size).toBeLessThanOrEqual(MAX_ATTEMPTS);
  });

  test("is sent completely if there is no queue", async () => {
    const id = newId();
    const ids = await crowd(520, `users/${id}`);
    const counts = await appendAndDeliver([newChange({ feed: "users", id })]);
    expect(counts).toEqual({ sent: 520, gone: 0, failed: 0, queued: 0 });
    for (const to of ids) expect(receivedBy(to)).toHaveLength(1);
  });
});
