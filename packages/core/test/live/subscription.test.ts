import { type DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Change, NewChange, Feed } from "../../src/changes/change.ts";
import { append, heads, type LoggedChange, reset } from "../../src/changes/log.ts";
import * as Connection from "../../src/live/connection.ts";
import { eventFrames, MAX_BYTES } from "../../src/live/protocol.ts";
import * as Offset from "../../src/changes/offset.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { MAX_REPLAY, subscribe, type SubscriptionFrame } from "../../src/live/subscription.ts";
import { intercepted } from "../support/intercept.ts";
import { connectionOf, rowsWith, topicsOf } from "../support/live.ts";
import { entry, soon, versions } from "../support/log.ts";
import { ownLog } from "../support/own-table.ts";
import { failure, SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: DynamoDBDocumentClient;
beforeAll(async () => {
  log = await ownLog("subscription");
});
beforeEach(() => {
  client = log.open();
  reset();
});
afterAll(() => log.drop());

interface EventsFrame {
  type: "events";
  events: Change[];
  cursor: string;
}
type Frame = SubscriptionFrame | EventsFrame;

const DAY = 24 * 60 * 60 * 1000; // ms

/** Subscribes a new connection, and gives all that it is told. */
async function listen(
  texts: string[],
  since?: string,
  port: Partial<Parameters<typeof subscribe>[3]> = {},
) {
  const connection = connectionOf();
  const frames: Frame[] = [];
  const sizes: number[] = [];
  await subscribe(connection, topicsOf(...texts), since, {
    tell: (frame) => (frames.push(frame), Promise.resolve(true)),
    send: (text) => {
      sizes.push(Buffer.byteLength(text));
      frames.push(JSON.parse(text) as EventsFrame);
      return Promise.resolve(true);
    },
    ...port,
  });
  const events = frames.flatMap((frame) => (frame.type === "events" ? frame.events : []));
  return { connection, frames, events, sizes, types: frames.map(({ type }) => type) };
}

const now = async (...feeds: Feed[]) => Offset.encode(await heads(feeds));
const seqsOf = (cursor: string) => Offset.decode(cursor, "since").seqs;
const versionsOf = (events: readonly Change[]) => events.map(({ version }) => version);

describe("who subscribes", () => {
  test("without a cursor is told where the feeds are, and nothing of before", async () => {
    await append(versions(3, { feed: "products" }), soon());
    const { types, frames, connection } = await listen(["products", "users"]);
    expect(types).toEqual(["subscribed"]);
    const [first] = frames as [Extract<SubscriptionFrame, { type: "subscribed" }>];
    expect(first.topics).toEqual(["products", "users"]);
    expect(seqsOf(first.cursor)).toEqual((await heads(["products", "users"])).seqs);
    expect((await Connection.topicsOf(connection.id)).map(({ text }) => text).toSorted()).toEqual([
      "products",
      "users",
    ]);
  });

  test("A-40: with one is told all that it missed, in order, and that it has caught up", async () => {
    const since = await now("products", "users");
    await append([...versions(3, { feed: "products" }), ...versions(2, { feed: "users" })], soon());
    const { types, frames, events } = await listen(["products", "users"], since);
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

  test("again from any frame's cursor, or any change's, is told what follows it", async () => {
    const since = await now("items");
    await append(versions(120, { data: { text: "x".repeat(900) } }), soon());
    const { events, frames } = await listen(["items"], since);
    const cursors = frames.flatMap((frame) => (frame.type === "events" ? [frame.cursor] : []));
    expect(cursors.length).toBeGreaterThan(3);
    for (const cursor of [...cursors, ...events.slice(0, 3).map((event) => event.cursor)]) {
      const rest = await listen(["items"], cursor);
      const seq = seqsOf(cursor)["items"] ?? 0;
      expect(rest.events).toEqual(events.filter((event) => event.seq > seq));
    }
  });

  test("to a record or a filter is told what concerns it, as what it is to it", async () => {
    const since = await now("inventory");
    const change = (given: Partial<NewChange>) => entry({ feed: "inventory", ...given });
    const one = change({ id: "one", was: "LEVEL#low", is: "LEVEL#out" });
    await append([change({}), one, change({ is: "LEVEL#low" })], soon());
    const ops = async (...texts: string[]) =>
      (await listen(texts, since)).events.map(({ id, op }) => [id === "one", op]);
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

  test("before the index has what the log has waits for it", async () => {
    const since = await now("products");
    const { changes, connections } = log;
    await append(versions(3, { feed: "products" }), soon());
    const { products: head = 0 } = (await heads(["products"])).seqs;
    let looks = 0;
    const behind = intercepted(client, async ({ input }, send) => {
      const answer = (await send()) as { Items?: { seq: number }[] };
      if (input["IndexName"] === undefined || ++looks > 3) return answer;
      return { ...answer, Items: answer.Items?.filter(({ seq }) => seq !== head - 1) };
    });
    DynamoDB.configure({ client: behind, tableName, changes, connections, shards: SHARDS });
    const { events, types } = await listen(["products"], since);
    expect(versionsOf(events)).toEqual([1, 2, 3]);
    expect(types.at(-1)).toBe("caught_up");
    expect(looks).toBeGreaterThan(3);
  });

  test("and goes away in between is told no more", async () => {
    const since = await now("items");
    await append(versions(250), soon());
    let sent = 0;
    const { types } = await listen(["items"], since, {
      send: () => Promise.resolve(++sent < 2),
    });
    expect(sent).toBe(2);
    expect(types).toEqual(["subscribed"]);
  });
});

describe("a reset says why the records must be read anew", () => {
  const resets = async (texts: string[], since: string) => {
    const { frames, events } = await listen(texts, since);
    expect(frames[0]?.type).toBe("subscribed");
    expect(frames.at(-1)?.type).toBe("caught_up");
    const told = frames.filter((frame) => frame.type === "reset");
    const cursor = told[0]?.cursor ?? "";
    return { told: told.map(({ topics, reason }) => [topics, reason]), events, cursor };
  };

  test("cursor_expired, of all topics", async () => {
    const at = Date.now() - 31 * DAY;
    const since = Offset.encode({ seqs: { products: 0, users: 0 }, at });
    const { told, events } = await resets(["products", "users/one"], since);
    expect(told).toEqual([
      [["products"], "cursor_expired"],
      [["users/one"], "cursor_expired"],
    ]);
    expect(events).toEqual([]);
  });

  test("not_in_cursor, and what is in it is replayed", async () => {
    const since = await now("products");
    await append(versions(2, { feed: "products" }), soon());
    const { told, events } = await resets(["users/one", "products", "users/two"], since);
    expect(told).toEqual([[["users/one", "users/two"], "not_in_cursor"]]);
    expect(versionsOf(events)).toEqual([1, 2]);
  });

  test("unknown_position, of a log that was lost", async () => {
    const seqs = { products: ((await heads(["products"])).seqs["products"] ?? 0) + 1 };
    const { told, events } = await resets(["products"], Offset.encode({ seqs, at: Date.now() }));
    expect(told).toEqual([[["products"], "unknown_position"]]);
    expect(events).toEqual([]);
  });

  test("too_far_behind, with a cursor from which it is not", async () => {
    await append([entry({ feed: "reservations" })], soon());
    const Item = { pk: "HEAD#reservations", sk: "HEAD", seq: MAX_REPLAY + 2 };
    await client.send(new PutCommand({ TableName: log.changes, Item }));
    const since = Offset.encode({ seqs: { reservations: 1 }, at: Date.now() });
    const { told, cursor, events } = await resets(["reservations"], since);
    expect(told).toEqual([[["reservations"], "too_far_behind"]]);
    expect(events).toEqual([]);
    const again = await resets(["reservations"], cursor);
    expect(again.told).toEqual([]);
  });

  test("a forged cursor is refused, and nothing is subscribed", async () => {
    const connection = connectionOf();
    const never = () => Promise.reject(new Error("nothing is told"));
    const port = { tell: never, send: never };
    const forged = subscribe(connection, topicsOf("products"), "forged", port);
    expect(await failure(forged)).toMatchObject({ code: "invalid_cursor" });
    expect(await rowsWith(client, log.connections, connection.id)).toEqual([]);
  });
});

describe("a frame", () => {
  test("has at most 100 changes and 32 KiB, and all frames have all changes", async () => {
    const since = await now("items");
    const sizes = [0, 10, 1_000, 10_000, 31_000];
    const batch = versions(400).map((one, n) => ({
      ...one,
      data: { text: "€".repeat(Math.floor((sizes[(n >> 5) % 5] ?? 0) / 3)) },
    }));
    await append(batch, soon());
    const { events, sizes: bytes } = await listen(["items"], since);
    expect(versionsOf(events)).toEqual(versionsOf(batch as unknown as Change[]));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(MAX_BYTES);
    const small = { id: "x", actor: "a", requestId: "r", before: undefined, data: undefined };
    const many = versions(250, small).map((one, n) => ({ ...one, seq: n + 1 }));
    const counts = eventFrames(many, () => true).map(
      (frame) => (JSON.parse(frame) as EventsFrame).events.length,
    );
    expect(counts).toEqual([100, 100, 50]);
  });

  test("keeps to its bytes whatever strings it is made of", () => {
    const unit = fc.constantFrom("a", "é", "€", "😀", "\u0001", '"', "\\", "\ud800");
    const text = fc.tuple(unit, fc.nat(2_500)).map(([u, n]) => u.repeat(n));
    const feed = fc.constantFrom<Feed>("users", "products", "inventory", "items", "reservations");
    const change = fc.record({ feed, text }).map(({ feed: of, text: data }) => ({
      ...entry({ feed: of, data: { data }, clientRef: "\u0001".repeat(64) }),
      seq: Number.MAX_SAFE_INTEGER,
    }));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 150, size: "max" }),
        (changes: LoggedChange[]) => {
          const frames = eventFrames(changes, () => true);
          const told = frames.flatMap((frame) => (JSON.parse(frame) as EventsFrame).events);
          expect(told.map(({ id }) => id)).toEqual(changes.map(({ id }) => id));
          for (const frame of frames) {
            expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(MAX_BYTES);
            const { events, cursor } = JSON.parse(frame) as EventsFrame;
            expect(events.length).toBeLessThanOrEqual(100);
            for (const { feed: of, seq } of events.slice(-1)) expect(seqsOf(cursor)[of]).toBe(seq);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
