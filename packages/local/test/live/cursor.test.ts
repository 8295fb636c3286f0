/** Resuming from a cursor: live, by long poll, and after reading a list. */

import * as SignedToken from "@stockwire/core/store/signed-token";
import { newId } from "@stockwire/core/id";
import * as Offset from "@stockwire/core/changes/offset";
import { beforeAll, describe, expect, test } from "vitest";
import { type Frame, type LiveClient, send, until } from "./client.ts";
import { waitForChanges, email, liveSuite } from "./suite.ts";

const CURSOR_SECRET = "the cursor secret of these tests, long enough";
const DAY = 24 * 60 * 60 * 1000; // ms

const { api, create, laptop, subscriber, open, subscribe, tables } = liveSuite("cursor", {
  CURSOR_SECRET,
});

beforeAll(() => {
  SignedToken.configure(CURSOR_SECRET);
  Offset.configure(30, `${tables.env["STOCKWIRE_TABLE_PREFIX"]}Changes`);
});

const changesSince = async (topic: string, since: string, more = "") =>
  (await api("GET", `/changes?topic=${topic}&since=${encodeURIComponent(since)}${more}`)).json;

describe("resuming from a cursor", () => {
  test("a client that was away gets the missed changes, then caught_up", async () => {
    const client = await subscriber("items", "users");
    const { cursor } = await client.request({ action: "subscribe", topics: ["items", "users"] });
    await create("/items", { n: 0 });
    await waitForChanges(client, 1);
    await client.close();
    const items = [];
    for (let n = 0; n < 120; n++) items.push({ n });
    for (const part of [items.slice(0, 100), items.slice(100)]) {
      await api("POST", "/items/batch", { items: part });
    }
    const user = await create("/users", { name: "Una", email: email() });
    const probe = await subscriber("users");
    await create("/users", { name: "Ida", email: email() });
    await waitForChanges(probe, 1);

    const again = await open();
    await subscribe(again, ["items", "users"], cursor);
    const caughtUp = await again.next("caught_up");
    expect(again.frames.map(({ type }) => type)).toEqual([
      "subscribed",
      ...Array.from({ length: again.frames.length - 2 }, () => "events"),
      "caught_up",
    ]);
    const changes = again.changes();
    const ofItems = changes.filter(({ feed }) => feed === "items");
    expect(ofItems.map(({ seq }) => seq)).toEqual(ofItems.map((_, n) => ofItems[0]?.["seq"] + n));
    expect(ofItems).toHaveLength(121);
    expect(changes.find(({ feed }) => feed === "users")).toMatchObject({ id: user["id"] });

    const resumed = await open();
    await subscribe(resumed, ["items", "users"], caughtUp["cursor"]);
    await resumed.next("caught_up");
    expect(resumed.changes()).toEqual([]);
    for (const at of [0, 100, 119]) {
      const middle = await open();
      await subscribe(middle, ["items"], ofItems[at]?.["cursor"]);
      await middle.next("caught_up");
      expect(middle.changes()).toEqual(ofItems.slice(at + 1));
    }
    const filtered = await open();
    await subscribe(filtered, ["items?type=none", `items/${ofItems[9]?.["id"]}`], cursor);
    await filtered.next("caught_up");
    expect(filtered.changes()).toEqual([ofItems[9]]);
  });

  test("missed changes that cannot be read are a reset with a reason, and delivery continues", async () => {
    const head = (await api("GET", "/changes?topic=items")).json.cursor as string;
    const { seqs, at } = Offset.decode(head, "since");
    const foreign = Offset.encode({ seqs: { users: 0 }, at });
    const ahead = Offset.encode({ seqs: { items: (seqs["items"] ?? 0) + 1 }, at });
    const old = Offset.encode({ seqs, at: at - 31 * DAY });
    const kept = Offset.encode({ seqs, at: at - 29 * DAY });
    for (const [since, reason] of [
      [foreign, "not_in_cursor"],
      [ahead, "unknown_position"],
      [old, "cursor_expired"],
      [kept, undefined],
    ] as const) {
      const client = await open();
      const { cursor } = await subscribe(client, ["items"], since);
      await client.next("caught_up");
      const reset = client.frames.find(({ type }) => type === "reset");
      expect(reset?.["reason"]).toBe(reason);
      if (reset) expect(reset).toMatchObject({ topics: ["items"] });
      if (reset) expect(Offset.decode(reset["cursor"], "since").seqs).toEqual(seqs);
      expect(cursor).toBe(since); // it is safe to resume from until the reset has arrived
    }
    const partly = await open();
    await subscribe(partly, ["items", "users"], foreign);
    await partly.next("caught_up");
    expect(partly.frames.filter(({ type }) => type === "reset")).toMatchObject([
      { topics: ["items"], reason: "not_in_cursor" },
    ]);
    expect(partly.changes().every(({ feed }) => feed === "users")).toBe(true);
    for (const [since, status, code] of [
      [foreign, 400, "invalid_cursor"],
      [old, 410, "cursor_expired"],
      [ahead, 410, "cursor_expired"],
      [`${head}x`, 400, "invalid_cursor"],
      ["x", 400, "invalid_cursor"],
    ] as const) {
      const path = `/changes?topic=items&since=${encodeURIComponent(since)}`;
      const { status: answered, json } = await api("GET", path);
      expect([answered, json.code]).toEqual([status, code]);
    }
    const { json } = await api("GET", "/items?limit=1");
    const list = await open();
    const refused = await subscribe(list, ["items"], json.nextToken ?? "x");
    expect(refused).toMatchObject({ type: "error", code: "invalid_cursor" });
  });

  test("a client that is more than 10 000 changes behind gets a reset", async () => {
    const client = await subscriber("reservations");
    const pen = { name: "Pen", price: 1, category: "Pens", initialQuantity: 9 };
    const lines = [{ productId: (await create("/products", pen))["id"], quantity: 1 }];
    await create("/reservations", { lines });
    await waitForChanges(client, 1);
    const rows = await tables.rows("Changes");
    const head = rows.find(({ pk }) => pk === "HEAD#reservations") ?? {};
    const before = { seqs: { reservations: Number(head["seq"]) }, at: Date.now() };
    const seq = Number(head["seq"]) + 10_001;
    await tables.alter(head, { seq }, "Changes");
    const again = await open();
    await subscribe(again, ["reservations"], Offset.encode(before));
    expect(await again.next("reset")).toMatchObject({ reason: "too_far_behind" });
    const { cursor } = await again.next("caught_up");
    expect(Offset.decode(cursor, "since").seqs).toEqual({ reservations: seq });
    await create("/reservations", { lines });
    await waitForChanges(again, 1);
    expect(again.changes().map((change) => change["seq"])).toEqual([seq + 1]);
  });

  test("GET /changes answers as soon as there is a change, with the same content as the Live API", async () => {
    const type = newId();
    const client = await subscriber("items", `items?type=${type}`);
    const topics = ["items", `items?type=${type}`];
    const starts = await Promise.all(
      topics.map(
        async (topic) => (await api("GET", `/changes?topic=${encodeURIComponent(topic)}`)).json,
      ),
    );
    for (const start of starts) expect(start).toMatchObject({ events: [], more: false });
    const since = starts[0].cursor as string;
    const began = Date.now();
    const polls = topics.map((topic) => changesSince(encodeURIComponent(topic), since, "&wait=20"));
    const { id } = await create("/items", { type });
    const answers = await Promise.all(polls);
    expect(Date.now() - began).toBeLessThan(10_000);
    await waitForChanges(client, 1);
    for (const { events } of answers) expect(events).toEqual(client.changes());
    await api("PATCH", `/items/${id}`, { type: "another" });
    await api("DELETE", `/items/${id}`);
    await waitForChanges(client, 3);
    const all = await changesSince("items", since);
    expect(all.events).toEqual(client.changes());
    expect(await changesSince(`items?type=${type}`, since)).toMatchObject({
      events: [{ op: "create" }, { op: "leave" }],
    });
    expect((await changesSince(`items/${id}`, since)).events).toEqual(client.changes());
    const one = await changesSince("items", since, "&limit=1");
    expect([one.events, one.more]).toEqual([client.changes().slice(0, 1), true]);
    expect((await changesSince("items", one.cursor)).events).toEqual(client.changes().slice(1));
    const idle = Date.now();
    expect(await changesSince("items", all.cursor, "&wait=1")).toMatchObject({ events: [] });
    expect(Date.now() - idle).toBeGreaterThanOrEqual(950);
    for (const [topic, scope, status] of [
      ["users", "read:items", 403],
      ["reservations", "read:inventory", 403],
      ["reservations", "reserve:inventory", 200],
      ["nothing", "admin", 400],
    ] as const) {
      const answer = await send(laptop(), "GET", `/changes?topic=${topic}`, undefined, { scope });
      expect([topic, scope, answer.status]).toEqual([topic, scope, status]);
    }
  });
});

describe("Feed-Cursor", () => {
  test("every read of a list or a record has one, also a 304, and no other answer", async () => {
    const { id } = await create("/products", {
      name: "Pen",
      price: 1,
      category: "P",
      initialQuantity: 3,
    });
    const user = await create("/users", { name: "Una", email: email() });
    const item = await create("/items", {});
    const held = await create("/reservations", { lines: [{ productId: id, quantity: 1 }] });
    for (const [feed, record] of [
      ["users", user["id"]],
      ["products", id],
      ["inventory", id],
      ["items", item["id"]],
      ["reservations", held["id"]],
    ]) {
      const list = await api("GET", `/${feed}?limit=1`);
      const one = await api("GET", `/${feed}/${record}`);
      const known = await api("GET", `/${feed}/${record}`, undefined, {
        "if-none-match": one.headers.get("etag") ?? "",
      });
      expect([feed, list.status, one.status, known.status]).toEqual([feed, 200, 200, 304]);
      for (const { headers } of [list, one, known]) {
        const { seqs } = Offset.decode(headers.get("feed-cursor") ?? "", "since");
        expect(Object.keys(seqs)).toContain(feed);
      }
    }
    for (const path of ["/health", "/me", "/changes?topic=items", "/users/none/history"]) {
      expect([path, (await api("GET", path)).headers.has("feed-cursor")]).toEqual([path, false]);
    }
  });

  test("a list and the changes after its cursor give the current state, despite concurrent writes", async () => {
    for (let n = 0; n < 40; n++) await create("/items", { n });
    let writing = true;
    const write = async () => {
      const mine: string[] = [];
      for (let n = 0; writing; n++) {
        if (n % 3 < 2) mine.push((await create("/items", { n }))["id"]);
        else if (n % 2) await api("PATCH", `/items/${mine.at(-1)}`, { n });
        else await api("DELETE", `/items/${mine.shift()}`);
      }
    };
    const writers = Promise.all(Array.from({ length: 2 }, write));
    const maps: Map<string, Frame>[] = [];
    const clients: LiveClient[] = [];
    for (let round = 0; round < 3; round++) {
      const map = new Map<string, Frame>();
      let since: string | undefined;
      let next = "";
      do {
        const { headers, json } = await api("GET", `/items?limit=50${next}`);
        since ??= headers.get("feed-cursor") ?? "";
        for (const record of json.items) map.set(record.id, record);
        next = json.nextToken === null ? "" : `&nextToken=${encodeURIComponent(json.nextToken)}`;
      } while (next !== "");
      const client = await open();
      await subscribe(client, ["items"], since);
      maps.push(map);
      clients.push(client);
    }
    writing = false;
    await writers;
    const marker = await create("/items", { marker: true });
    for (const [n, client] of clients.entries()) {
      await until(() => client.changes().some(({ id }) => id === marker["id"]), "the marker");
      await client.next("caught_up");
      const map = maps[n] ?? new Map<string, Frame>();
      // New changes can arrive before missed ones: seq gives the order.
      const bySeq = new Map(client.changes().map((change) => [Number(change["seq"]), change]));
      const seqs = [...bySeq.keys()].toSorted((a, b) => a - b);
      expect(seqs).toEqual(seqs.map((_, at) => (seqs[0] ?? 0) + at));
      for (const seq of seqs) {
        const { op, id, version, data } = bySeq.get(seq) as Frame;
        if ((map.get(id)?.["version"] ?? 0) > version) continue;
        if (op === "delete") map.delete(id);
        else map.set(id, data);
      }
      maps[n] = map;
    }
    const now = new Map<string, Frame>();
    for (let next = ""; ;) {
      const { json } = await api("GET", `/items?limit=100${next}`);
      for (const record of json.items) now.set(record.id, record);
      if (json.nextToken === null) break;
      next = `&nextToken=${encodeURIComponent(json.nextToken)}`;
    }
    for (const map of maps) expect(map).toEqual(now);
  });
});
