/** Readers see the log in order and without a gap, from any cursor that is still valid. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Feed } from "../../src/catalog/index.ts";
import type { NewChange } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import {
  changesAfter,
  cursorBefore,
  heads,
  history,
  newestChanges,
  reset,
} from "../../src/changes/log.ts";
import * as SignedToken from "../../src/store/signed-token.ts";
import { newId } from "../../src/id.ts";
import { latest, poll } from "../../src/changes/long-poll.ts";
import * as Offset from "../../src/changes/offset.ts";
import type { Client } from "../../src/store/client.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { parse, type Topic } from "../../src/changes/topic.ts";
import { type Command, intercepted } from "../support/intercept.ts";
import { newChange, soon, versions } from "../support/log.ts";
import { ownLog } from "../support/own-table.ts";
import { failure, SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: Client;
beforeAll(async () => {
  log = await ownLog("read");
});
beforeEach(() => {
  client = log.open();
  reset();
});
afterAll(() => log.drop());

const DAY = 24 * 60 * 60 * 1000; // ms

const topic = (text: string): Topic => {
  const parsed = parse(text);
  if (parsed === undefined) throw new Error(`${text} is not a topic`);
  return parsed;
};

const headOf = async (feed: Feed) => (await heads([feed])).seqs[feed] ?? 0;

/** Passes all later calls through `around`. */
function through(around: (command: Command, send: () => Promise<unknown>) => Promise<unknown>) {
  const { changes, connections } = log;
  const between = intercepted(client, around);
  DynamoDB.configure({ client: between, tableName, changes, connections, shards: SHARDS });
}

const isIndex = ({ input }: Command) => input["IndexName"] === "gsi1";

/** Makes the index lack some numbers, as one that is behind. */
const hiding = (hidden: ReadonlySet<number>) =>
  through(async (command, send) => {
    const answer = (await send()) as { Items?: { seq: number }[] };
    if (!isIndex(command)) return answer;
    return { ...answer, Items: answer.Items?.filter(({ seq }) => !hidden.has(seq)) };
  });

describe("changes after a seq", () => {
  test("are returned in pages, in order, and `more` is true until the last page", async () => {
    const start = await headOf("users");
    const appended = await append(versions(25, { feed: "users" }), soon());
    const pages: number[][] = [];
    for (let seq = start, end = false; !end;) {
      const { changes, more } = await changesAfter("users", seq, 10);
      pages.push(changes.map((one) => one.seq));
      seq += changes.length;
      end = !more;
    }
    expect(pages.flat()).toEqual(appended.map(({ seq }) => seq));
    expect(await changesAfter("users", start + 24, 10)).toMatchObject({
      changes: [{ version: 25 }],
    });
  });

  test("end before the first number that the index lacks, and continue once it has it", async () => {
    const start = await headOf("users");
    await append(versions(6, { feed: "users" }), soon());
    for (let missing = 1; missing <= 6; missing++) {
      hiding(new Set([start + missing]));
      const { changes, more } = await changesAfter("users", start, 100);
      expect(changes.map(({ seq }) => seq - start)).toEqual(
        [1, 2, 3, 4, 5, 6].slice(0, missing - 1),
      );
      expect(more).toBe(false);
    }
    hiding(new Set());
    expect((await changesAfter("users", start, 100)).changes).toHaveLength(6);
  });

  test("are those that were appended, with the partitions of their filters", async () => {
    const start = await headOf("items");
    const one = newChange({
      was: "TYPE#a",
      is: "TYPE#b",
      clientRef: "tab",
      data: { "": null, é: 1e21 },
    });
    await append([one], soon());
    expect((await changesAfter("items", start, 1)).changes).toMatchObject([
      { ...one, seq: start + 1 },
    ]);
  });
});

describe("the newest changes", () => {
  test("are the last of the feed in ascending order, and a reader continues after them", async () => {
    const [one, ...others] = await append(versions(8, { feed: "items" }), soon());
    const { events, cursor, more } = await latest(topic("items"), 5);
    expect(events.map(({ seq }) => seq)).toEqual(others.slice(2).map(({ seq }) => seq));
    expect(more).toBe(false);
    const [next] = await append([newChange({ feed: "items" })], soon());
    const page = await poll(topic("items"), cursor, { limit: 10, wait: 0 });
    expect(page.events.map(({ seq }) => seq)).toEqual([next?.seq]);
    const ofOne = await latest(topic(`items/${one?.id}`), 5);
    expect(ofOne.events.map(({ version }) => version)).toEqual([5, 6, 7, 8]);
  });

  test("have no gap: what follows a number that the index lacks is left for the next read", async () => {
    const appended = await append(versions(6, { feed: "users" }), soon());
    const seqs = appended.map(({ seq }) => seq);
    hiding(new Set([seqs[3] ?? 0]));
    const { events, cursor, more } = await latest(topic("users"), 6);
    expect(events.map(({ seq }) => seq).slice(-3)).toEqual(seqs.slice(0, 3));
    expect(more).toBe(true);
    hiding(new Set());
    const page = await poll(topic("users"), cursor, { limit: 10, wait: 0 });
    expect(page.events.map(({ seq }) => seq)).toEqual(seqs.slice(3));
  });

  test("that the index does not have at all yet are left for the next read", async () => {
    const [change] = await append([newChange({ feed: "users" })], soon());
    through(async (command, send) => (isIndex(command) ? { Items: [] } : send()));
    const { events, cursor } = await latest(topic("users"), 5);
    expect(events).toEqual([]);
    hiding(new Set());
    const page = await poll(topic("users"), cursor, { limit: 1_000, wait: 0 });
    expect(page.events.at(-1)?.seq).toBe(change?.seq);
  });

  test("begin after those that have expired", async () => {
    const appended = await append(versions(4, { feed: "users" }), soon());
    const seqs = appended.map(({ seq }) => seq);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    try {
      hiding(new Set([seqs[1] ?? 0]));
      const changes = await newestChanges("users", 4);
      expect(changes.map(({ seq }) => seq)).toEqual(seqs.slice(2));
    } finally {
      vi.useRealTimers();
    }
  });

  test("of a feed without changes give the cursor of its beginning", async () => {
    const own = topic("reservations");
    const { events, cursor } = await latest(own, 5);
    if ((await headOf("reservations")) === 0) expect(events).toEqual([]);
    const [next] = await append([newChange({ feed: "reservations" })], soon());
    const page = await poll(own, cursor, { limit: 10, wait: 0 });
    expect(page.events.map(({ seq }) => seq)).toEqual([next?.seq]);
  });
});

test("a cursor is not reused for long after the clock was set back", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    await cursorBefore(["items"]);
    vi.setSystemTime(Date.now() - 60_000);
    const [change] = await append([newChange()], soon());
    const { seqs } = Offset.decode(await cursorBefore(["items"]), "since");
    expect(seqs["items"]).toBe(change?.seq);
  } finally {
    vi.useRealTimers();
  }
});

test("the history of a record returns its versions in pages, newest or oldest first", async () => {
  const all = versions(23);
  const [{ id, feed }] = all as [NewChange];
  await append(versions(3), soon());
  await append(all, soon());
  for (const order of ["asc", "desc"] as const) {
    const pages: number[][] = [];
    let nextToken: string | undefined;
    do {
      const page = await history(feed, id, { limit: 10, order, nextToken });
      pages.push(page.items.map(({ version }) => version));
      nextToken = page.nextToken ?? undefined;
    } while (nextToken !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([10, 10, 3]);
    const numbers = all.map(({ version }) => version);
    expect(pages.flat()).toEqual(order === "asc" ? numbers : numbers.toReversed());
  }
  const { nextToken } = await history(feed, id, { limit: 10, order: "asc" });
  for (const [of, order] of [
    [newId(), "asc"],
    [id, "desc"],
  ] as const) {
    const foreign = history(feed, of, { limit: 10, order, nextToken: nextToken ?? "" });
    expect(await failure(foreign)).toMatchObject({ code: "invalid_cursor" });
  }
  expect(await history(feed, newId(), { limit: 10, order: "asc" })).toEqual({
    items: [],
    nextToken: null,
  });
});

describe("a cursor", () => {
  const seqs = { users: 3, items: 7 };

  test("is decoded to its offset for as long as the next changes are kept", () => {
    const at = Date.now();
    const cursor = Offset.encode({ seqs, at });
    expect(Offset.decode(cursor, "since", at + 30 * DAY)).toEqual({ seqs, at });
    expect(() => Offset.decode(cursor, "since", at + 30 * DAY + 1)).toThrow(
      expect.objectContaining({ code: "cursor_expired" }) as Error,
    );
    // A change outlives every cursor that leads to it.
    expect(Offset.expiryOf(at) * 1000).toBeGreaterThan(at + 31 * DAY);
  });

  test("expires after the configured number of days", () => {
    const at = Date.now();
    try {
      Offset.configure(1);
      expect(() => Offset.decode(Offset.encode({ seqs, at }), "since", at + DAY + 1)).toThrow(
        "no longer kept",
      );
      expect(Offset.expiryOf(at)).toBe(Math.ceil((at + 3 * DAY) / 1000));
    } finally {
      Offset.configure(30);
    }
  });

  test("that is forged, shortened, spelled differently or of another list is refused", async () => {
    const genuine = Offset.encode({ seqs, at: Date.now() });
    const flipped = Array.from(genuine, (char, n) => {
      const other = char === "A" ? "B" : "A";
      return genuine.slice(0, n) + other + genuine.slice(n + 1);
    });
    const foreign = SignedToken.encode(JSON.stringify([seqs, Date.now()]), "items desc");
    const forged = [...flipped, foreign, genuine.slice(0, -1), `${genuine}=`, "", "x", "\u{1F600}"];
    for (const cursor of forged) {
      expect(() => Offset.decode(cursor, "since")).toThrow(
        expect.objectContaining({ code: "invalid_cursor" }) as Error,
      );
    }
    const since = Offset.encode({ seqs: { users: 1 }, at: Date.now() });
    const asked = poll(topic("products"), since, { limit: 10, wait: 0 });
    expect(await failure(asked)).toMatchObject({
      code: "invalid_cursor",
      errors: [{ parameter: "since" }],
    });
  });

  test("for a read is reused for a second, so that many reads share one read of the heads", async () => {
    let calls = 0;
    through((_, send) => (calls++, send()));
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const first = await cursorBefore(["reservations"]);
      await append([newChange({ feed: "reservations" })], soon());
      calls = 0;
      const many = Array.from({ length: 50 }, () => cursorBefore(["reservations"]));
      expect(new Set(await Promise.all(many))).toEqual(new Set([first]));
      expect(calls).toBe(0);
      // The cursor is older than the change, which therefore follows it.
      const { events } = await poll(topic("reservations"), first, { limit: 10, wait: 0 });
      expect(events).toHaveLength(1);
      vi.advanceTimersByTime(1_001);
      const later = await cursorBefore(["reservations"]);
      const { events: none } = await poll(topic("reservations"), later, { limit: 10, wait: 0 });
      expect(none).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("for a read through an index is older than a change whose write has waited", async () => {
    await append(versions(120, { feed: "users" }), soon());
    const start = await headOf("users");
    const at = new Date(Date.now() - 20_000).toISOString(); // when its request began
    await append([newChange({ feed: "users", at })], soon());
    reset();
    const { seqs: found } = Offset.decode(await cursorBefore(["users"], true), "since");
    expect(found["users"]).toBeLessThanOrEqual(start);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      vi.advanceTimersByTime(6_000);
      let reads = 0;
      through((command, send) => (isIndex(command) && reads++, send()));
      const later = Offset.decode(await cursorBefore(["users"], true), "since");
      expect(later.seqs).toEqual({ users: start + 1 });
      expect(reads).toBe(0); // the head has not moved since
    } finally {
      vi.useRealTimers();
    }
  });

  test("for a read is not reused if the store did not answer", async () => {
    through(() => Promise.reject(Object.assign(new Error("busy"), { name: "TimeoutError" })));
    expect(await failure(cursorBefore(["users"]))).toMatchObject({ code: "unavailable" });
    log.open();
    const { seqs: now } = Offset.decode(await cursorBefore(["users"]), "since");
    expect(now).toEqual({ users: await headOf("users") });
  });
});

describe("a poll", () => {
  const now = async (feed: Feed) => Offset.encode(await heads([feed]));
  const kinds = async (text: string, since: string) => {
    const { events } = await poll(topic(text), since, { limit: 100, wait: 0 });
    return events.map(({ op }) => op);
  };

  test("returns available changes immediately, and whether there are more", async () => {
    const since = await now("products");
    await append(versions(5, { feed: "products" }), soon());
    const first = await poll(topic("products"), since, { limit: 3, wait: 20_000 });
    expect(first.events.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(first.more).toBe(true);
    const rest = await poll(topic("products"), first.cursor, { limit: 3, wait: 20_000 });
    expect(rest.events.map(({ version }) => version)).toEqual([4, 5]);
    expect(rest.more).toBe(false);
    // Each change has a cursor of its own.
    const [, second] = first.events;
    const again = await poll(topic("products"), second?.cursor, { limit: 1, wait: 0 });
    expect(again.events.map(({ version }) => version)).toEqual([3]);
  });

  test("waits until there is a change of its topic", async () => {
    const id = newId();
    const waiting: (() => void)[] = [];
    const nextRead = () => new Promise<void>((resolve) => void waiting.push(resolve));
    through(async (command, send) => {
      const answer = await send();
      if (isIndex(command)) waiting.shift()?.();
      return answer;
    });
    const first = nextRead();
    const started = Date.now();
    const answer = poll(topic(`users/${id}`), undefined, { limit: 10, wait: 20_000 });
    await first;
    const next = nextRead();
    await append([newChange({ feed: "users" })], soon()); // of another record
    await next;
    await append([newChange({ feed: "users", id })], soon());
    const { events, more } = await answer;
    expect(events.map((event) => event.id)).toEqual([id]);
    expect(more).toBe(false);
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test("returns a cursor to continue from if there is no change", async () => {
    const { events, cursor } = await poll(topic("users"), undefined, { limit: 10, wait: 200 });
    expect(events).toEqual([]);
    await append([newChange({ feed: "users" })], soon());
    expect(await kinds("users", cursor)).toEqual(["update"]);
  });

  test("ends before a change that the index lacks, and the next poll returns it", async () => {
    const since = await now("users");
    const start = await headOf("users");
    await append(versions(3, { feed: "users" }), soon());
    hiding(new Set([start + 2]));
    const first = await poll(topic("users"), since, { limit: 10, wait: 0 });
    expect(first.events.map(({ seq }) => seq)).toEqual([start + 1]);
    log.open();
    const rest = await poll(topic("users"), first.cursor, { limit: 10, wait: 0 });
    expect(rest.events.map(({ seq }) => seq)).toEqual([start + 2, start + 3]);
  });

  test("refuses a cursor beyond the head of the log", async () => {
    const seqs = { users: (await headOf("users")) + 1 };
    const lost = poll(topic("users"), Offset.encode({ seqs, at: Date.now() }), {
      limit: 10,
      wait: 0,
    });
    expect(await failure(lost)).toMatchObject({ code: "cursor_expired" });
  });

  test("with a small limit reads whole pages of the feed", async () => {
    const since = await now("products");
    await append(versions(250, { feed: "products" }), soon());
    let reads = 0;
    through((command, send) => (isIndex(command) && reads++, send()));
    const none = await poll(topic(`products/${newId()}`), since, { limit: 1, wait: 0 });
    expect(none).toMatchObject({ events: [], more: false });
    expect(reads).toBe(3);
    const one = await poll(topic("products"), since, { limit: 1, wait: 0 });
    expect(one.events).toHaveLength(1);
    expect(one.more).toBe(true);
    const next = await poll(topic("products"), one.cursor, { limit: 1, wait: 0 });
    expect(next.events.map(({ version }) => version)).toEqual([2]);
  });

  test("of a store that is slow returns a cursor in time, so that its client gets on", async () => {
    const since = await now("products");
    await append(versions(250, { feed: "products" }), soon());
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      through((command, send) => {
        if (isIndex(command)) vi.advanceTimersByTime(4_000);
        return send();
      });
      const other = topic(`products/${newId()}`);
      const first = await poll(other, since, { limit: 1, wait: 0 });
      expect(first).toMatchObject({ events: [], more: true });
      const seqOf = (cursor: string) => Offset.decode(cursor, "since").seqs["products"] ?? 0;
      expect(seqOf(first.cursor) - seqOf(since)).toBe(100);
    } finally {
      vi.useRealTimers();
    }
  });

  test("of a filter shows which updates moved a record into it and out of it", async () => {
    const since = await now("inventory");
    const level = (given: Partial<NewChange>) => newChange({ feed: "inventory", ...given });
    const [low, out] = ["LEVEL#low", "LEVEL#out"];
    await append(
      [
        level({ op: "create", is: low }),
        level({ was: low, is: low }),
        level({ was: low, is: out }),
        level({ was: out }),
        level({ op: "delete", was: low }),
        level({}),
      ],
      soon(),
    );
    expect(await kinds("inventory?level=low", since)).toEqual([
      "create",
      "update",
      "leave",
      "delete",
    ]);
    expect(await kinds("inventory?level=out", since)).toEqual(["enter", "leave"]);
    expect(await kinds("inventory", since)).toHaveLength(6);
  });
});

/** Advances the clock past the time for which an index may be behind. */
const later = () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.advanceTimersByTime(6_000);
};

describe("a change that is missing in the log", () => {
  afterEach(() => void vi.useRealTimers());

  test("is waited for while an index may be behind, and is cursor_expired afterwards", async () => {
    const start = await headOf("inventory");
    const since = Offset.encode(await heads(["inventory"]));
    await append(versions(4, { feed: "inventory" }), soon());
    const read = (from: string) => poll(topic("inventory"), from, { limit: 10, wait: 0 });
    hiding(new Set([start + 2]));
    const { events, cursor } = await read(since);
    expect(events).toHaveLength(1);
    expect(await read(cursor)).toMatchObject({ events: [], cursor });
    later();
    expect(await failure(read(cursor))).toMatchObject({ code: "cursor_expired" });
  });

  test("at the end of the log is cursor_expired as well", async () => {
    const start = await headOf("inventory");
    const since = Offset.encode(await heads(["inventory"]));
    await append(versions(2, { feed: "inventory" }), soon());
    hiding(new Set([start + 1, start + 2]));
    const read = () => poll(topic("inventory"), since, { limit: 10, wait: 0 });
    expect((await read()).events).toEqual([]);
    later();
    expect(await failure(read())).toMatchObject({ code: "cursor_expired" });
  });
});

describe("after a restore", () => {
  const read = (since: string) => poll(topic("reservations"), since, { limit: 100, wait: 0 });

  test("cursors of changes that were lost expire, and older ones continue", async () => {
    const feed = { feed: "reservations" } as const;
    await append(versions(2, feed), soon());
    const { changes: TableName } = log;
    const Key = { pk: "HEAD#reservations", sk: "HEAD" };
    const { Item: head } = await client.send("GetItem", { TableName, Key });
    const common = Offset.encode(await heads(["reservations"]));
    const lost = await append(versions(3, feed), soon());
    const cursors = (await read(common)).events.map(({ cursor }) => cursor);
    const end = Offset.encode(await heads(["reservations"]));

    for (const { id, version } of lost) {
      const change = { pk: `reservations#${id}`, sk: String(version).padStart(15, "0") };
      await client.send("DeleteItem", { TableName, Key: change });
    }
    await client.send("PutItem", { TableName, Item: head });
    reset();

    expect((await read(common)).events).toEqual([]);
    await append(versions(3, feed), soon()); // up to the same number
    expect(await failure(read(end))).toMatchObject({ code: "cursor_expired" });
    await append(versions(2, feed), soon()); // and beyond it
    for (const cursor of [...cursors, end]) {
      expect(await failure(read(cursor))).toMatchObject({ code: "cursor_expired" });
    }
    expect((await read(common)).events.map(({ version }) => version)).toEqual([1, 2, 3, 1, 2]);
  });

  test("into a table of another name all cursors expire", async () => {
    Offset.configure(30, "Changes");
    const cursor = Offset.encode(await heads(["reservations"]));
    expect((await read(cursor)).events).toEqual([]);
    Offset.configure(30, "Changes-restored");
    expect(await failure(read(cursor))).toMatchObject({ code: "cursor_expired" });
    Offset.configure(30);
  });
});
