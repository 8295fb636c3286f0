import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Feed, FEEDS } from "../../src/catalog/index.ts";
import type { Change, NewChange } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import { heads, reset } from "../../src/changes/log.ts";
import type { LoggedChange } from "../../src/changes/log-row.ts";
import * as Connection from "../../src/live/connection.ts";
import { eventFrames, MAX_BYTES, type ServerFrame } from "../../src/live/protocol.ts";
import * as Offset from "../../src/changes/offset.ts";
import type { Client } from "../../src/store/client.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { MAX_REPLAY, subscribe, type SubscriptionFrame } from "../../src/live/subscription.ts";
import { intercepted } from "../support/intercept.ts";
import { connectionOf, rowsWith, topicsOf } from "../support/live.ts";
import { newChange, soon, versions } from "../support/log.ts";
import { ownLog } from "../support/own-table.ts";
import { failure, SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: Client;
beforeAll(async () => {
  log = await ownLog("subscription");
});
beforeEach(() => {
  client = log.open();
  reset();
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => log.drop());

type EventsFrame = Extract<ServerFrame, { type: "events" }>;
type Frame = SubscriptionFrame | EventsFrame;

const DAY = 24 * 60 * 60 * 1000; // ms

/** Subscribes a new connection, and returns all frames that it gets. */
async function subscribeNew(
  texts: string[],
  since?: string,
  sender: Partial<Parameters<typeof subscribe>[3]> = {},
) {
  const connection = connectionOf();
  const frames: Frame[] = [];
  const sizes: number[] = [];
  await subscribe(connection, topicsOf(...texts), since, {
    reply: (frame) => (frames.push(frame), Promise.resolve(true)),
    send: (text) => {
      sizes.push(Buffer.byteLength(text));
      frames.push(JSON.parse(text) as EventsFrame);
      return Promise.resolve(true);
    },
    ...sender,
  });
  const events = frames.flatMap((frame) => (frame.type === "events" ? frame.events : []));
  return { connection, frames, events, sizes, types: frames.map(({ type }) => type) };
}

const now = async (...feeds: Feed[]) => Offset.encode(await heads(feeds));
const seqsOf = (cursor: string) => Offset.decode(cursor, "since").seqs;
const versionsOf = (events: readonly Change[]) => events.map(({ version }) => version);

describe("a client that subscribes", () => {
  test("without a cursor gets the heads of the feeds and no earlier change", async () => {
    await append(versions(3, { feed: "products" }), soon());
    const { types, frames, connection } = await subscribeNew(["products", "users"]);
    expect(types).toEqual(["subscribed"]);
    const [first] = frames as [Extract<SubscriptionFrame, { type: "subscribed" }>];
    expect(first.topics).toEqual(["products", "users"]);
    expect(seqsOf(first.cursor)).toEqual((await heads(["products", "users"])).seqs);
    expect((await Connection.topicsOf(connection.id)).map(({ text }) => text).toSorted()).toEqual([
      "products",
      "users",
    ]);
  });

  test("with a cursor gets all changes after it, in order, and then caught_up", async () => {
    const since = await now("products", "users");
    await append([...versions(3, { feed: "products" }), ...versions(2, { feed: "users" })], soon());
    const { types, frames, events } = await subscribeNew(["products", "users"], since);
    expect(types).toEqual(["subscribed", "events", "events", "caught_up"]);
    expect(events.map(({ feed, version }) => `${feed} ${version}`)).toEqual([
      "products 1",
      "products 2",
      "products 3",
      "users 1",
      "users 2",
    ]);
    const [first, , , last] = frames as { cursor: string }[];
    expect(first?.cursor && seqsOf(first.cursor)).toEqual(seqsOf(since));
    expect(last?.cursor && seqsOf(last.cursor)).toEqual((await heads(["products", "users"])).seqs);
  });

  test("with the cursor of a frame or of a change gets what follows it", async () => {
    const since = await now("items");
    await append(versions(120, { data: { text: "x".repeat(900) } }), soon());
    const { events, frames } = await subscribeNew(["items"], since);
    const cursors = frames.flatMap((frame) =>
      frame.type === "events" ? [frame.cursor ?? ""] : [],
    );
    expect(cursors.length).toBeGreaterThan(3);
    for (const cursor of [...cursors, ...events.slice(0, 3).map((event) => event.cursor)]) {
      const rest = await subscribeNew(["items"], cursor);
      const seq = seqsOf(cursor)["items"] ?? 0;
      expect(rest.events).toEqual(events.filter((event) => event.seq > seq));
    }
  });

  test("with the cursor of a replayed frame gets what follows it in all feeds of the replay", async () => {
    const since = await now("users", "products", "items");
    await append(
      [...versions(150, { feed: "users" }), ...versions(150, { feed: "products" }), ...versions(3)],
      soon(),
    );
    const texts = ["users", "products", "items"];
    const { frames, events } = await subscribeNew(texts, since);
    const received = new Set<string>();
    const name = ({ feed, seq }: Change) => `${feed} ${seq}`;
    let some = 0;
    for (const frame of frames) {
      if (frame.type !== "events") continue;
      for (const event of frame.events) received.add(name(event));
      const rest = await subscribeNew(texts, frame.cursor);
      expect(rest.types).not.toContain("reset");
      expect(rest.events.map(name)).toEqual(events.map(name).filter((each) => !received.has(each)));
      some++;
    }
    expect(some).toBeGreaterThan(4);
  });

  test("in a long replay gets frames without changes that it can resume from", async () => {
    const since = await now("items");
    const changes = versions(350, { was: "TYPE#a" });
    await append(changes.toSpliced(340, 1, newChange({ is: "TYPE#b" })), soon());
    const real = Date.now;
    let ahead = 0; // ms
    vi.spyOn(Date, "now").mockImplementation(() => real() + ahead);
    const slow = intercepted(client, async ({ input }, send) => {
      const answer = await send();
      if (input["IndexName"] !== undefined) ahead += 6_000;
      return answer;
    });
    const { changes: table, connections } = log;
    const tables = { changes: table, connections };
    DynamoDB.configure({ client: slow, tableName, ...tables, shards: SHARDS });
    const { frames, types } = await subscribeNew(["items?type=b"], since);
    vi.restoreAllMocks();
    DynamoDB.configure({ client, tableName, ...tables, shards: SHARDS });
    expect(types.slice(0, 3)).toEqual(["subscribed", "events", "events"]);
    const empty = frames.filter((frame) => frame.type === "events" && frame.events.length === 0);
    expect(empty.length).toBeGreaterThan(1);
    for (const frame of empty) {
      const cursor = "cursor" in frame ? frame.cursor : undefined;
      expect((await subscribeNew(["items?type=b"], cursor)).events).toHaveLength(1);
      const all = await subscribeNew(["items"], cursor);
      expect(all.events).toHaveLength(
        (seqsOf(since)["items"] ?? 0) + 350 - (seqsOf(cursor ?? "")["items"] ?? 0),
      );
    }
  });

  test("to a record or a filter gets the changes that match, with the op for these topics", async () => {
    const since = await now("inventory");
    const change = (given: Partial<NewChange>) => newChange({ feed: "inventory", ...given });
    const one = change({ id: "one", was: "LEVEL#low", is: "LEVEL#out" });
    await append([change({}), one, change({ is: "LEVEL#low" })], soon());
    const ops = async (...texts: string[]) =>
      (await subscribeNew(texts, since)).events.map(({ id, op }) => [id === "one", op]);
    expect(await ops("inventory?level=low")).toEqual([
      [true, "leave"],
      [false, "enter"],
    ]);
    expect(await ops("inventory?level=low", "inventory?level=out")).toEqual([
      [true, "update"],
      [false, "enter"],
    ]);
    expect(await ops("inventory/one", "inventory?level=low")).toEqual([
      [true, "update"],
      [false, "enter"],
    ]);
  });

  test("waits for an index that is behind the log", async () => {
    const since = await now("products");
    const { changes, connections } = log;
    await append(versions(3, { feed: "products" }), soon());
    const { products: head = 0 } = (await heads(["products"])).seqs;
    let reads = 0;
    const behind = intercepted(client, async ({ input }, send) => {
      const answer = (await send()) as { Items?: { seq: number }[] };
      if (input["IndexName"] === undefined || ++reads > 3) return answer;
      return { ...answer, Items: answer.Items?.filter(({ seq }) => seq !== head - 1) };
    });
    DynamoDB.configure({ client: behind, tableName, changes, connections, shards: SHARDS });
    const { events, types } = await subscribeNew(["products"], since);
    expect(versionsOf(events)).toEqual([1, 2, 3]);
    expect(types.at(-1)).toBe("caught_up");
    expect(reads).toBeGreaterThan(3);
  });

  test("and disconnects during the replay gets no further frame", async () => {
    const since = await now("items");
    await append(versions(250), soon());
    let sent = 0;
    const { types } = await subscribeNew(["items"], since, {
      send: () => Promise.resolve(++sent < 2),
    });
    expect(sent).toBe(2);
    expect(types).toEqual(["subscribed"]);
  });
});

describe("a reset names the reason why the records must be read again:", () => {
  const resets = async (texts: string[], since: string) => {
    const { frames, events } = await subscribeNew(texts, since);
    expect(frames[0]?.type).toBe("subscribed");
    expect(frames.at(-1)?.type).toBe("caught_up");
    const sent = frames.filter((frame) => frame.type === "reset");
    const cursor = sent[0]?.cursor ?? "";
    return { reasons: sent.map(({ topics, reason }) => [topics, reason]), events, cursor };
  };

  test("cursor_expired for all topics", async () => {
    const at = Date.now() - 31 * DAY;
    const since = Offset.encode({ seqs: { products: 0, users: 0 }, at });
    const { reasons, events } = await resets(["products", "users/one"], since);
    expect(reasons).toEqual([
      [["products"], "cursor_expired"],
      [["users/one"], "cursor_expired"],
    ]);
    expect(events).toEqual([]);
  });

  test("with a cursor that still has the changes of the feeds that are not reset", async () => {
    const since = await now("products");
    await append([...versions(2, { feed: "products" }), ...versions(2, { feed: "users" })], soon());
    const { frames } = await subscribeNew(["users", "items", "products"], since);
    const own = frames.flatMap((frame) =>
      frame.type === "subscribed" || frame.type === "reset" ? [frame.cursor] : [],
    );
    const answers = await Promise.all(
      own.map((cursor) => subscribeNew(["users", "items", "products"], cursor)),
    );
    expect(answers.map(({ types }) => types.filter((type) => type === "reset").length)).toEqual([
      2, 1, 0,
    ]);
    for (const { events } of answers) expect(versionsOf(events)).toEqual([1, 2]);
  });

  test("not_in_cursor for feeds that the cursor lacks, while the others are replayed", async () => {
    const since = await now("products");
    await append(versions(2, { feed: "products" }), soon());
    const { reasons, events } = await resets(["users/one", "products", "users/two"], since);
    expect(reasons).toEqual([[["users/one", "users/two"], "not_in_cursor"]]);
    expect(versionsOf(events)).toEqual([1, 2]);
  });

  test("unknown_position for a cursor beyond the head", async () => {
    const seqs = { products: ((await heads(["products"])).seqs["products"] ?? 0) + 1 };
    const { reasons, events } = await resets(["products"], Offset.encode({ seqs, at: Date.now() }));
    expect(reasons).toEqual([[["products"], "unknown_position"]]);
    expect(events).toEqual([]);
  });

  test("cursor_expired if a change is missing in the log, while the other feeds are replayed", async () => {
    const since = await now("products", "users");
    const { changes, connections } = log;
    await append([...versions(3, { feed: "products" }), ...versions(2, { feed: "users" })], soon());
    const { products: head = 0 } = (await heads(["products"])).seqs;
    const holed = intercepted(client, async ({ input }, send) => {
      const answer = (await send()) as { Items?: { seq: number; gsi1pk: string }[] };
      if (input["IndexName"] === undefined) return answer;
      const isMissing = ({ seq, gsi1pk }: { seq: number; gsi1pk: string }) =>
        gsi1pk === "products" && seq === head - 1;
      return { ...answer, Items: answer.Items?.filter((item) => !isMissing(item)) };
    });
    DynamoDB.configure({ client: holed, tableName, changes, connections, shards: SHARDS });
    const { reasons, events } = await resets(["products", "users"], since);
    expect(reasons).toEqual([[["products"], "cursor_expired"]]);
    expect(events.map(({ feed, version }) => `${feed} ${version}`)).toEqual([
      "products 1",
      "users 1",
      "users 2",
    ]);
  });

  test("cursor_expired for a cursor of another log, unknown_position for one at another head", async () => {
    await append(versions(2, { feed: "products" }), soon());
    const offset = await heads(["products"]);
    const other = { ...offset, digests: { products: "another" } };
    expect((await resets(["products"], Offset.encode(other))).reasons).toEqual([
      [["products"], "unknown_position"],
    ]);
    await append(versions(2, { feed: "products" }), soon());
    const { reasons, events } = await resets(["products"], Offset.encode(other));
    expect(reasons).toEqual([[["products"], "cursor_expired"]]);
    expect(events).toEqual([]);
    expect((await resets(["products"], Offset.encode(offset))).events).toHaveLength(2);
  });

  test("too_far_behind, with a cursor that is not", async () => {
    await append([newChange({ feed: "reservations" })], soon());
    const Item = { pk: "HEAD#reservations", sk: "HEAD", seq: MAX_REPLAY + 2 };
    await client.send("PutItem", { TableName: log.changes, Item });
    const since = Offset.encode({ seqs: { reservations: 1 }, at: Date.now() });
    const { reasons, cursor, events } = await resets(["reservations"], since);
    expect(reasons).toEqual([[["reservations"], "too_far_behind"]]);
    expect(events).toEqual([]);
    const again = await resets(["reservations"], cursor);
    expect(again.reasons).toEqual([]);
  });

  test("a forged cursor is refused and nothing is subscribed", async () => {
    const connection = connectionOf();
    const never = () => Promise.reject(new Error("no frame is expected"));
    const sender = { reply: never, send: never };
    const forged = subscribe(connection, topicsOf("products"), "forged", sender);
    expect(await failure(forged)).toMatchObject({ code: "invalid_cursor" });
    expect(await rowsWith(log.connections, connection.id)).toEqual([]);
  });
});

describe("a frame", () => {
  test("has at most 100 changes and 32 KiB, and no change is left out", async () => {
    const since = await now("items");
    const sizes = [0, 10, 1_000, 10_000, 31_000];
    const batch = versions(400).map((one, n) => ({
      ...one,
      data: { text: "€".repeat(Math.floor((sizes[(n >> 5) % 5] ?? 0) / 3)) },
    }));
    await append(batch, soon());
    const { events, sizes: bytes } = await subscribeNew(["items"], since);
    expect(versionsOf(events)).toEqual(versionsOf(batch as unknown as Change[]));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(MAX_BYTES);
    const small = { id: "x", actor: "a", requestId: "r", before: undefined, data: undefined };
    const many = versions(250, small).map((one, n) => ({ ...one, seq: n + 1 }));
    const counts = eventFrames(many, () => true).map(
      (frame) => (JSON.parse(frame) as EventsFrame).events.length,
    );
    expect(counts).toEqual([100, 100, 50]);
  });

  test("has at most 32 KiB, whatever strings it contains", () => {
    const unit = fc.constantFrom("a", "é", "€", "😀", "\u0001", '"', "\\", "\ud800");
    const text = fc.tuple(unit, fc.nat(2_500)).map(([u, n]) => u.repeat(n));
    const feed = fc.constantFrom<Feed>("users", "products", "inventory", "items", "reservations");
    const change = fc.record({ feed, text }).map(({ feed: of, text: data }) => ({
      ...newChange({ feed: of, data: { data }, clientRef: "\u0001".repeat(64) }),
      seq: Number.MAX_SAFE_INTEGER,
    }));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 150, size: "max" }),
        (changes: LoggedChange[]) => {
          const seqs = Object.fromEntries(FEEDS.map((each) => [each, Number.MAX_SAFE_INTEGER]));
          const digests = Object.fromEntries(FEEDS.map((each) => [each, "12345678"]));
          const cursor = Offset.encode({ seqs, digests, at: Date.now() });
          const frames = eventFrames(
            changes.map((each) => ({ ...each, digest: "12345678" })),
            () => true,
            () => cursor,
          );
          const sent = frames.flatMap((frame) => (JSON.parse(frame) as EventsFrame).events);
          expect(sent.map(({ id }) => id)).toEqual(changes.map(({ id }) => id));
          for (const frame of frames) {
            expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(MAX_BYTES);
            const { events, ...rest } = JSON.parse(frame) as EventsFrame;
            expect(events.length).toBeLessThanOrEqual(100);
            expect(rest.cursor).toBe(cursor);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
