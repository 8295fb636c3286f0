/** The content of changes, received live and read from the history of a record. */

import { newId } from "@stockwire/core/id";
import { describe, expect, test } from "vitest";
import { send } from "./client.ts";
import { waitForChanges, email, liveSuite } from "./suite.ts";

const FEEDS = ["users", "products", "inventory", "items", "reservations"] as const;

const { api, create, laptop, open, subscriber } = liveSuite("log");

const without = (from: object, name: string) =>
  Object.fromEntries(Object.entries(from).filter(([each]) => each !== name));

describe("a change", () => {
  /** The members that every change of this caller has, and those of `more`. */
  const change = (more: object) => ({
    seq: expect.any(Number),
    cursor: expect.any(String),
    actor: "ana",
    requestId: expect.stringMatching(/^[\w-]{36}$/),
    changed: [],
    ...more,
  });

  test("of a user or an item describes its creation, update or deletion", async () => {
    const client = await subscriber("users", "items");
    const headers = { "x-request-id": newId(), "x-client-ref": "tab-7" };
    const una = (await api("POST", "/users", { name: "Una", email: email() }, headers)).json;
    const named = (await api("PATCH", `/users/${una.id}`, { name: "Ida", age: 30 })).json;
    await api("DELETE", `/users/${una.id}`);
    await waitForChanges(client, 3);
    const [created, changed, removed] = client.changes();
    const of = { feed: "users", id: una.id };
    expect(created).toEqual(
      change({
        ...of,
        op: "create",
        version: 1,
        at: una.createdAt,
        requestId: headers["x-request-id"],
        clientRef: "tab-7",
        data: una,
      }),
    );
    expect(changed).toEqual(
      change({
        ...of,
        op: "update",
        version: 2,
        at: named.updatedAt,
        changed: expect.toSatisfy((names: string[]) => names.toSorted().join() === "age,name"),
        before: { name: "Una" },
        data: named,
      }),
    );
    expect(removed).toEqual(
      change({ ...of, op: "delete", version: 3, at: expect.any(String), before: named }),
    );
    expect(Date.parse(removed?.["at"])).toBeGreaterThanOrEqual(Date.parse(named.updatedAt));

    const item = await create("/items", { type: "note", deep: { a: [1, null] }, n: 0.1 });
    const replaced = (await api("PUT", `/items/${item["id"]}`, { deep: { a: [1] } })).json;
    await waitForChanges(client, 5);
    expect(client.changes().slice(3)).toEqual([
      change({
        feed: "items",
        id: item["id"],
        op: "create",
        version: 1,
        at: item["createdAt"],
        data: item,
      }),
      change({
        feed: "items",
        id: item["id"],
        op: "update",
        version: 2,
        at: replaced.updatedAt,
        changed: expect.toSatisfy((names: string[]) => names.toSorted().join() === "deep,n,type"),
        before: { type: "note", deep: { a: [1, null] }, n: 0.1 },
        data: replaced,
      }),
    ]);
  });

  test("of products, inventory and reservations; inventory has the reason of a stock movement", async () => {
    const client = await subscriber("products", "inventory", "reservations");
    const product = await create("/products", {
      name: "Pen",
      price: 12.99,
      category: "Pens",
      initialQuantity: 10,
    });
    const { id } = product;
    const move = { delta: -1, reason: "sold", reference: "order 7" };
    await api("POST", `/inventory/${id}/adjustments`, move);
    const lines = [{ productId: id, quantity: 2 }];
    const held = await create("/reservations", { lines });
    const confirmed = (await api("POST", `/reservations/${held["id"]}/confirm`)).json;
    await waitForChanges(client, 7);
    const of = (feed: string) => client.changes().filter((each) => each["feed"] === feed);
    expect(of("products")).toEqual([
      change({
        feed: "products",
        id,
        op: "create",
        version: 1,
        at: product["createdAt"],
        data: product,
      }),
    ]);
    const levels = of("inventory");
    expect(levels.map(({ op, version }) => [op, version])).toEqual([
      ["create", 1],
      ["update", 2],
      ["update", 3],
      ["update", 4],
    ]);
    expect(levels[1]).toMatchObject({
      reason: "sold",
      reference: "order 7",
      before: { quantity: 10, available: 10 },
      data: { quantity: 9, available: 9 },
    });
    expect(levels[3]?.["data"]).toEqual((await api("GET", `/inventory/${id}`)).json);
    expect(of("reservations")).toEqual([
      change({
        feed: "reservations",
        id: held["id"],
        op: "create",
        version: 1,
        at: held["createdAt"],
        data: held,
      }),
      change({
        feed: "reservations",
        id: held["id"],
        op: "update",
        version: 2,
        at: confirmed.updatedAt,
        changed: expect.arrayContaining(["status"]),
        before: expect.objectContaining({ status: "active" }),
        data: confirmed,
      }),
    ]);
  });

  test("of more than 32 KiB has no data, and no frame exceeds the limit", async () => {
    const client = await subscriber("items");
    const sizes: number[] = [];
    client.ws.on("message", (data: Buffer) => sizes.push(data.length));
    const large = await create("/items", { text: "x".repeat(40_000) });
    const batch = Array.from({ length: 100 }, (_, n) => ({ n, text: "y".repeat(3_000) }));
    expect((await api("POST", "/items/batch", { items: batch })).status).toBe(201);
    await waitForChanges(client, 101);
    const [first, ...rest] = client.changes();
    expect(first).toEqual(
      change({
        feed: "items",
        id: large["id"],
        op: "create",
        version: 1,
        at: large["createdAt"],
        truncated: true,
      }),
    );
    expect(rest.map(({ data }) => data.n).toSorted((a, b) => a - b)).toEqual(
      batch.map(({ n }) => n),
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 * 1024);
  });

  test("can be read as one of the last, without a cursor", async () => {
    const [one, two] = [await create("/items", { n: 1 }), await create("/items", { n: 2 })];
    const read = async (query: string) => api("GET", `/changes?${query}`);
    await expect
      .poll(async () => {
        const { json } = await read("topic=items&last=2");
        return (json.events as { id: string }[]).map(({ id }) => id);
      })
      .toEqual([one.id, two.id]);
    const { json } = await read(`topic=items/${one.id}&last=100`);
    expect(json.events).toMatchObject([{ id: one.id, op: "create" }]);
    const refused = await read(`topic=items&last=2&since=${json.cursor}`);
    expect(refused).toMatchObject({ status: 400, json: { code: "invalid_parameter" } });
    for (const last of ["0", "101", "x", "-1"]) {
      expect((await read(`topic=items&last=${last}`)).status, last).toBe(400);
    }
  });

  test("of the largest items, in characters of one to six bytes, arrives live and when it is replayed", async () => {
    const since = (await api("GET", "/changes?topic=items")).json.cursor as string;
    const client = await subscriber("items");
    const sizes: number[] = [];
    client.ws.on("message", (data: Buffer) => sizes.push(data.length));
    const ids: unknown[] = [];
    // As JSON: the most that a request may have, and around the size from which data is left out.
    for (const character of ["x", "中", '"', "\\", "\u0001", "\uffff", "\u2028", "😀"]) {
      const bytes = Buffer.byteLength(JSON.stringify(character)) - 2;
      for (const size of [65_000, 32_100, 31_500, 31_000]) {
        const text = character.repeat(Math.floor(size / bytes));
        const { status, json } = await api("POST", "/items", { text });
        expect(status).toBe(201);
        ids.push(json.id);
      }
    }
    await waitForChanges(client, ids.length);
    const late = await subscriber("users");
    late.ws.on("message", (data: Buffer) => sizes.push(data.length));
    late.send({ action: "subscribe", topics: ["items"], since });
    await late.next("caught_up");
    for (const received of [client.changes(), late.changes()]) {
      expect(received.map(({ id }) => id)).toEqual(ids);
      for (const [n, { truncated, data }] of received.entries()) {
        const isTruncated = n % 4 < 2;
        expect([n, truncated, data === undefined]).toEqual([
          n,
          isTruncated || undefined,
          isTruncated,
        ]);
      }
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 * 1024);
  });

  test("of topics whose names are long is answered with frames of at most 128 KiB", async () => {
    // Six bytes a character as JSON: too much for one frame together.
    const names = Array.from(
      { length: 100 },
      (_, n) => `items?type=${String(n).padStart(256, "\u0001")}`,
    );
    const client = await open({ sub: "lon", scope: "read:items" });
    const sizes: number[] = [];
    client.ws.on("message", (data: Buffer) => sizes.push(data.length));
    for (let n = 0; n < names.length; n += 20) {
      const topics = names.slice(n, n + 20); // a client's frame has at most 32 KiB
      expect(await client.request({ action: "subscribe", topics })).toMatchObject({ topics });
    }
    const token = laptop().token({ sub: "lon", scope: "read:users" });
    await client.request({ action: "auth", token });
    await client.next("ack");
    const ended = client.frames.filter(({ type }) => type === "unsubscribed");
    expect(ended.flatMap(({ topics }) => topics as string[]).toSorted()).toEqual(names.toSorted());
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128 * 1024);
  });
});

describe("the history of a record", () => {
  test("lists its changes, newest first, also after its deletion", async () => {
    const client = await subscriber(...FEEDS);
    const product = { name: "Pen", price: 1, category: "Pens", initialQuantity: 5 };
    const { id } = await create("/products", product);
    const spare = await create("/products", product);
    const held = await create("/reservations", {
      lines: [{ productId: spare["id"], quantity: 1 }],
    });
    await api("POST", `/reservations/${held["id"]}/cancel`);
    const user = await create("/users", { name: "Una", email: email() });
    const item = await create("/items", { n: 1 });
    const paths = [
      `/products/${id}`,
      `/inventory/${id}`,
      `/users/${user["id"]}`,
      `/items/${item["id"]}`,
      `/reservations/${held["id"]}`,
    ];
    await api("PATCH", `/items/${item["id"]}`, { n: 2 });
    for (const path of paths) if (!/^.(inv|res)/.test(path)) await api("DELETE", path);
    await waitForChanges(client, 15);
    for (const path of paths) {
      const [, feed, record] = path.split("/");
      const own = client.changes().filter((each) => each["feed"] === feed && each["id"] === record);
      const expected = own.map((one) => without(one, "cursor")).toReversed();
      const { status, json } = await api("GET", `${path}/history`);
      expect([path, status, json.items]).toEqual([path, 200, expected]);
      expect(own.length).toBeGreaterThanOrEqual(2);
      const first = (await api("GET", `${path}/history?limit=1`)).json;
      expect(first.items).toEqual(expected.slice(0, 1));
      const next = `${path}/history?limit=1&nextToken=${encodeURIComponent(first.nextToken)}`;
      expect((await api("GET", next)).json.items).toEqual(expected.slice(1, 2));
      const gone = !/^.res/.test(path);
      expect((await api("GET", path)).status).toBe(gone ? 404 : 200);
    }
  });

  test("needs read:history and the resource's scope, and is 404 for an unknown record", async () => {
    const scopes = [
      "read:users",
      "read:products",
      "read:inventory",
      "read:items",
      "reserve:inventory",
    ];
    const item = await create("/items", {});
    for (const [n, feed] of FEEDS.entries()) {
      const id = feed === "items" ? String(item["id"]) : newId();
      const statusFor = async (scope: string) =>
        (await send(laptop(), "GET", `/${feed}/${id}/history`, undefined, { scope })).status;
      const found = feed === "items" ? 200 : 404;
      expect([feed, await statusFor(String(scopes[n]))]).toEqual([feed, 403]);
      expect([feed, await statusFor("read:history")]).toEqual([feed, 403]);
      expect([feed, await statusFor(`read:history ${scopes[n]}`)]).toEqual([feed, found]);
    }
  });
});
