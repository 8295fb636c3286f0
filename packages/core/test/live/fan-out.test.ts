import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Change, NewChange } from "../../src/changes/change.ts";
import { append } from "../../src/changes/log.ts";
import * as Connection from "../../src/live/connection.ts";
import { broadcast, deliver, type Delivery, sendAll } from "../../src/live/fan-out.ts";
import { eventFrames } from "../../src/live/protocol.ts";
import { newId } from "../../src/id.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { connectionOf, rowsWith, topicsOf } from "../support/live.ts";
import { entry, soon, versions } from "../support/log.ts";
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
/** Some more than the posts that are under way when an endpoint is given up. */
const TRIED_AT_MOST = 100 + 64;

/** Those that listen in a test end with it: a feed is everybody's. */
let listening: string[] = [];
beforeEach(() => {
  log.open();
  sockets.reset();
  vi.mocked(eventFrames).mockClear();
});
afterEach(async () => {
  for (const id of listening) await Connection.forget(id);
  listening = [];
});
afterAll(async () => {
  await sockets.close();
  await log.drop();
});

async function listener(texts: string[], given: Partial<Connection.Connection> = {}) {
  const connection = connectionOf({ endpoint: sockets.endpoint, ...given });
  listening.push(connection.id);
  await Connection.subscribe(connection, topicsOf(...texts));
  return connection.id;
}

const announce = async (entries: readonly NewChange[], port = {}) =>
  deliver(await append(entries, soon()), port);

const eventsOf = (frames: readonly string[]) =>
  frames.flatMap((frame) => (JSON.parse(frame) as { events: Change[] }).events);
const toldTo = (id: string) => eventsOf(sockets.frames(id));
const product = (given: Partial<NewChange> = {}) => entry({ feed: "products", ...given });

describe("a change is told", () => {
  test("to who listens to its feed, its record or a filter that it was or is in, once", async () => {
    const feed = await listener(["products"]);
    const record = await listener(["products/one"]);
    const was = await listener(["products?category=Pens"]);
    const is = await listener(["products?category=Books"]);
    const all = await listener(["products", "products/one", "products?category=Pens"]);
    const other = await listener(["products/two", "products?category=Hats", "users"]);
    const tally = await announce([
      product({ id: "one", was: "CATEGORY#pens", is: "CATEGORY#books" }),
    ]);
    const ops = (id: string) => toldTo(id).map(({ op }) => op);
    expect([feed, record, was, is, all, other].map(ops)).toEqual([
      ["update"],
      ["update"],
      ["leave"],
      ["enter"],
      ["update"],
      [],
    ]);
    expect(tally).toEqual({ sent: 5, gone: 0, failed: 0, queued: 0 });
  });

  test("S-226: through the endpoint that each connection came in by", async () => {
    const elsewhere = await management();
    try {
      const here = await listener(["products"]);
      const there = await listener(["products"], { endpoint: elsewhere.endpoint });
      expect(await announce([product()])).toMatchObject({ sent: 2 });
      expect([sockets.posted(), elsewhere.posted()]).toEqual([[here], [there]]);
    } finally {
      await elsewhere.close();
    }
  });

  test("in frames that are built once for all who listen to the same", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) ids.push(await listener(["products"]));
    const alone = await listener(["products", "products/one"]);
    await announce([product({ id: "one" }), product()]);
    expect(eventFrames).toHaveBeenCalledTimes(2);
    expect(new Set(ids.map((id) => sockets.frames(id).join())).size).toBe(1);
    expect(toldTo(alone)).toHaveLength(2);
  });

  test("in the order of its feed, several frames one after another", async () => {
    const id = await listener(["products"]);
    await announce(versions(250, { feed: "products" }));
    expect(sockets.frames(id).length).toBeGreaterThan(2);
    expect(toldTo(id).map(({ version }) => version)).toEqual(
      Array.from({ length: 250 }, (_, n) => n + 1),
    );
  });

  test("to nobody under a token that has ended", async () => {
    const ended = await listener(["products"], { authExpiresAt: Date.now() - 1 });
    const lasting = await listener(["products"], { authExpiresAt: Date.now() + 60_000 });
    await announce([product()]);
    expect(toldTo(ended)).toEqual([]);
    expect(toldTo(lasting)).toHaveLength(1);
  });
});

describe("a connection", () => {
  test("S-228: that is gone is forgotten at the first 410", async () => {
    const id = await listener(["products", "users", "products/one"]);
    sockets.answers(id, 410);
    expect(await announce(versions(150, { feed: "products" }))).toMatchObject({ sent: 0, gone: 1 });
    expect(sockets.posted()).toEqual([id]);
    expect(await rowsWith(log.open(), log.connections, id)).toEqual([]);
    expect(await announce([product({ id: "one" })])).toMatchObject({ sent: 0, gone: 0 });
  });

  test("A-24: that fails keeps nobody else waiting, and stays", async () => {
    const failing = await listener(["products"]);
    const others: string[] = [];
    for (let n = 0; n < 80; n++) others.push(await listener(["products"]));
    sockets.answers(failing, 500);
    const entries = versions(150, { feed: "products" });
    const tally = await announce(entries);
    expect(tally).toMatchObject({ gone: 0, failed: 1 });
    for (const id of others) expect(toldTo(id)).toHaveLength(150);
    // It sees a hole, not a frame that comes after one that it has not got.
    expect(new Set(sockets.frames(failing)).size).toBe(1);
    sockets.answers(failing, 200);
    sockets.reset();
    await announce([product()]);
    expect(toldTo(failing)).toHaveLength(1);
  });

  test("hears what is said on its channel, and nothing else", async () => {
    const here = newId();
    const there = newId();
    for (const id of [here, there]) {
      const key = `channel/${id}`;
      await Connection.subscribe(connectionOf({ id, endpoint: sockets.endpoint }), [
        { key, text: key },
      ]);
    }
    listening.push(here, there);
    expect(await broadcast(`channel/${here}`, "hi")).toMatchObject({ sent: 1 });
    expect([sockets.frames(here), sockets.frames(there)]).toEqual([["hi"], []]);
  });
});

describe("more connections than are posted to at once", () => {
  const MESSAGE = 256 * 1024; // bytes; what SQS takes

  /** So many connections on topics of the test's own, as delivery finds them. */
  async function crowd(count: number, ...texts: string[]) {
    const ids = Array.from({ length: count }, () => newId());
    const rows = topicsOf(...texts).flatMap(({ key }) =>
      ids.map((id) => ({ put: { pk: `TOPIC#${key}`, sk: id, endpoint: sockets.endpoint } })),
    );
    await DynamoDB.writeAll(rows, "Connections");
    return ids;
  }

  /** What a queue would hold, as it would hold it. */
  const queue = () => {
    const messages: string[] = [];
    const enqueue = (parcels: readonly Delivery[]) => {
      messages.push(...parcels.map((parcel) => JSON.stringify(parcel)));
      return Promise.resolve();
    };
    return {
      messages,
      enqueue,
      parcels: () => messages.map((text) => JSON.parse(text) as Delivery),
    };
  };

  test("are left to the queue in parcels that fit it, and none misses anything", async () => {
    const id = newId();
    const one = await crowd(510, `products/${id}`);
    const other = await crowd(30, `products/${id}`, `products?category=${id}`);
    const { messages, enqueue, parcels } = queue();
    const data = { large: '"\u0001€'.repeat(2_500) };
    const is = `CATEGORY#${id}`;
    const entries = versions(60, { feed: "products", data }).map((each) => ({ ...each, id, is }));
    const tally = await announce(entries, { enqueue });
    expect(tally).toEqual({ sent: 0, gone: 0, failed: 0, queued: 540 });
    expect(sockets.posted()).toEqual([]);
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(MESSAGE);
    expect(messages.length).toBeGreaterThan(3);
    const framesOf = new Map<string, string[]>();
    for (const { ids, frames } of parcels()) {
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

  test("fit it too where they listen to many topics with long names", async () => {
    const { messages, enqueue, parcels } = queue();
    const Items = Array.from({ length: 501 }, () => ({ sk: newId(), endpoint: sockets.endpoint }));
    const { changes, connections } = log;
    const crowded = intercepted(log.open(), (command, send) =>
      command.constructor.name === "QueryCommand" && command.input["TableName"] === connections
        ? Promise.resolve({ Items })
        : send(),
    );
    DynamoDB.configure({ client: crowded, tableName, changes, connections, shards: SHARDS });
    const entries = Array.from({ length: 33 }, (_, n) => {
      const [was, is] = ["a", "b"].map((char) => `TYPE#${n}${char}${"\u0001".repeat(250)}`);
      return entry({ was, is, data: { text: '"'.repeat(4_000) } });
    });
    await announce(entries, { enqueue });
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(MESSAGE);
    const told = parcels().filter(({ ids }) => ids.includes(Items[0]?.sk ?? ""));
    expect(eventsOf(told.flatMap(({ frames }) => frames)).map(({ id }) => id)).toEqual(
      entries.map(({ id }) => id),
    );
  });

  test("a parcel is posted to each of its connections, and who is gone is forgotten", async () => {
    const id = newId();
    const [one = "", gone = ""] = await crowd(2, `products/${id}`);
    sockets.answers(gone, 410);
    const { endpoint } = sockets;
    const topics = [`products/${id}`];
    const parcel = { endpoint, ids: [one, gone], frames: ["a", "b"], topics };
    expect(await sendAll([parcel])).toEqual({ sent: 2, gone: 1, failed: 0, queued: 0 });
    expect(sockets.frames(one)).toEqual(["a", "b"]);
    expect(await rowsWith(log.open(), log.connections, gone)).toEqual([]);
  });

  test("an endpoint at which nobody answers holds nobody up for long", async () => {
    const ids = Array.from({ length: 400 }, () => newId());
    for (const id of ids) sockets.answers(id, 500);
    const parcel = { endpoint: sockets.endpoint, ids, frames: ["a"], topics: [] };
    expect(await sendAll([parcel])).toEqual({ sent: 0, gone: 0, failed: 400, queued: 0 });
    expect(new Set(sockets.posted()).size).toBeLessThanOrEqual(TRIED_AT_MOST);
  });

  test("without a queue all is posted at once", async () => {
    const id = newId();
    const ids = await crowd(520, `users/${id}`);
    const tally = await announce([entry({ feed: "users", id })]);
    expect(tally).toEqual({ sent: 520, gone: 0, failed: 0, queued: 0 });
    for (const to of ids) expect(toldTo(to)).toHaveLength(1);
  });
});
