import * as SignedToken from "@stockwire/core/store/signed-token";
import { newId } from "@stockwire/core/id";
import * as Offset from "@stockwire/core/changes/offset";
import { beforeAll, describe, expect, test } from "vitest";
import { type Frame, type LiveClient, send, until } from "./client.ts";
import { come, email, liveSuite } from "./suite.ts";

/** Reading on from a cursor: live, by long poll, and after a list. */

const CURSOR_SECRET = "a secret of the tests, long enough for one";
const DAY = 24 * 60 * 60 * 1000; // ms

const { api, create, laptop, listening, open, subscribe, tables } = liveSuite("cursor", {
  CURSOR_SECRET,
});

beforeAll(() => SignedToken.configure(CURSOR_SECRET));

const changesSince = async (topic: string, since: string, more = "") =>
  (await api("GET", `/changes?topic=${topic}&since=${encodeURIComponent(since)}${more}`)).json;

describe("from a cursor on", () => {
  test("A-40: who was away is told what was missed, then that this was all", async () => {
    const client = await listening("items", "users");
    const { cursor } = await client.ask({ action: "subscribe", topics: ["items", "users"] });
    await create("/items", { n: 0 });
    await come(client, 1);
    await client.close();
    const items = [];
    for (let n = 0; n < 120; n++) items.push({ n });
    for (const part of [items.slice(0, 100), items.slice(100)]) {
      await api("POST", "/items/batch", { items: part });
    }
    const user = await create("/users", { name: "Una", email: email() });
    const witness = await listening("users");
    await create("/users", { name: "Ida", email: email() });
    await come(witness, 1);

    const again = await open();
    await subscribe(again, ["items", "users"], cursor);
    const caughtUp = await again.next("caught_up");
    expect(again.frames.map(({ type }) => type)).toEqual([
      "subscribed",
      ...Array.from({ length: again.frames.length - 2 }, () => "events"),
      "caught_up",
    ]);
    const events = again.events();
    const ofItems = events.filter(({ feed }) => feed === "items");
    expect(ofItems.map(({ seq }) => seq)).toEqual(ofItems.map((_, n) => ofItems[0]?.["seq"] + n));
    expect(ofItems).toHaveLength(121);
    expect(events.find(({ feed }) => feed === "users")).toMatchObject({ id: user["id"] });

    const resumed = await open();
    await subscribe(resumed, ["items", "users"], caughtUp["cursor"]);
    await resumed.next("caught_up");
    expect(resumed.events()).toEqual([]);
    for (const at of [0, 100, 119]) {
      const middle = await open();
      await subscribe(middle, ["items"], ofItems[at]?.["cursor"]);
      await middle.next("caught_up");
      expect(middle.events()).toEqual(ofItems.slice(at + 1));
    }
    const filtered = await open();
    await subscribe(filtered, ["items?type=none", `items/${ofItems[9]?.["id"]}`], cursor);
    await filtered.next("caught_up");
    expect(filtered.events()).toEqual([ofItems[9]]);
  });

  test("what can't be told is a reset with its reason, and delivery goes on", async () => {
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
      expect(Offset.decode(cursor, "since").seqs).toEqual(seqs);
    }
    const partly = await open();
    await subscribe(partly, ["items", "users"], foreign);
    await partly.next("caught_up");
    expect(partly.frames.filter(({ type }) => type === "reset")).toMatchObject([
      { topics: ["items"], reason: "not_in_cursor" },
    ]);
    expect(partly.events().every(({ feed }) => feed === "users")).toBe(true);
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

  test("who is more than 10 000 changes behind is told to read anew", async () => {
    const client = await listening("reservations");
    const pen = { name: "Pen", price: 1, category: "Pens", initialQuantity: 9 };
    const lines = [{ productId: (await create("/products", pen))["id"], quantity: 1 }];
    await create("/reservations", { lines });
    await come(client, 1);
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
    await come(again, 1);
    expect(again.events().map((event) => event["seq"])).toEqual([seq + 1]);
  });

  test("GET /changes answers as soon as something happens, with what the Live API tells", async () => {
    const type = newId();
    const client = await listening("items", `items?type=${type}`);
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
    await come(client, 1);
    for (const { events } of answers) expect(events).toEqual(client.events());
    await api("PATCH", `/items/${id}`, { type: "another" });
    await api("DELETE", `/items/${id}`);
    await come(client, 3);
    const all = await changesSince("items", since);
    expect(all.events).toEqual(client.events());
    expect(await changesSince(`items?type=${type}`, since)).toMatchObject({
      events: [{ op: "create" }, { op: "leave" }],
    });
    expect((await changesSince(`items/${id}`, since)).events).toEqual(client.events());
    const one = await changesSince("items", since, "&limit=1");
    expect([one.events, one.more]).toEqual([client.events().slice(0, 1), true]);
    expect((await changesSince("items", one.cursor)).events).toEqual(client.events().slice(1));
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
  test("each read of a list or a record has one, a 304 too; what is no read has none", async () => {
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
    for (const path of ["/health", "/me", "/changes?topic=items", "/users/nobody/history"]) {
      expect([path, (await api("GET", path)).headers.has("feed-cursor")]).toEqual([path, false]);
    }
  });

  test("a list and the events after its cursor are the state, whatever is written meanwhile", async () => {
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
      await until(() => client.events().some(({ id }) => id === marker["id"]), "the marker");
      await client.next("caught_up");
      const map = maps[n] ?? new Map<string, Frame>();
      // What is live already overtakes what was missed: the numbers are the order.
      const events = new Map(client.events().map((event) => [Number(event["seq"]), event]));
      const seqs = [...events.keys()].toSorted((a, b) => a - b);
      expect(seqs).toEqual(seqs.map((_, at) => (seqs[0] ?? 0) + at));
      for (const seq of seqs) {
        const { op, id, version, data } = events.get(seq) as Frame;
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
