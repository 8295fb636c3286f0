import { newId } from "@stockwire/core/id";
import { describe, expect, test } from "vitest";
import { send } from "./client.ts";
import { come, email, liveSuite } from "./suite.ts";

/** What the change log says of each change: live, and by record. */

const FEEDS = ["users", "products", "inventory", "items", "reservations"] as const;

const { api, create, laptop, listening } = liveSuite("log");

const without = (from: object, name: string) =>
  Object.fromEntries(Object.entries(from).filter(([each]) => each !== name));

describe("what an event says", () => {
  /** Members that an event of this caller has, whatever happened. */
  const event = (of: object) => ({
    seq: expect.any(Number),
    cursor: expect.any(String),
    actor: "ana",
    requestId: expect.stringMatching(/^[\w-]{36}$/),
    changed: [],
    ...of,
  });

  test("users and items: created, changed, deleted", async () => {
    const client = await listening("users", "items");
    const headers = { "x-request-id": newId(), "x-client-ref": "tab-7" };
    const una = (await api("POST", "/users", { name: "Una", email: email() }, headers)).json;
    const named = (await api("PATCH", `/users/${una.id}`, { name: "Ida", age: 30 })).json;
    await api("DELETE", `/users/${una.id}`);
    await come(client, 3);
    const [created, changed, removed] = client.events();
    const of = { feed: "users", id: una.id };
    expect(created).toEqual(
      event({
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
      event({
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
      event({ ...of, op: "delete", version: 3, at: expect.any(String), before: named }),
    );
    expect(Date.parse(removed?.["at"])).toBeGreaterThanOrEqual(Date.parse(named.updatedAt));

    const item = await create("/items", { type: "note", deep: { a: [1, null] }, n: 0.1 });
    const replaced = (await api("PUT", `/items/${item["id"]}`, { deep: { a: [1] } })).json;
    await come(client, 5);
    expect(client.events().slice(3)).toEqual([
      event({
        feed: "items",
        id: item["id"],
        op: "create",
        version: 1,
        at: item["createdAt"],
        data: item,
      }),
      event({
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

  test("products, inventory and reservations, with why stock has moved", async () => {
    const client = await listening("products", "inventory", "reservations");
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
    await come(client, 7);
    const of = (feed: string) => client.events().filter((each) => each["feed"] === feed);
    expect(of("products")).toEqual([
      event({
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
      event({
        feed: "reservations",
        id: held["id"],
        op: "create",
        version: 1,
        at: held["createdAt"],
        data: held,
      }),
      event({
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

  test("over 32 KiB it is told without data, and frames stay below the limit", async () => {
    const client = await listening("items");
    const sizes: number[] = [];
    client.ws.on("message", (data: Buffer) => sizes.push(data.length));
    const large = await create("/items", { text: "x".repeat(40_000) });
    const batch = Array.from({ length: 100 }, (_, n) => ({ n, text: "y".repeat(3_000) }));
    expect((await api("POST", "/items/batch", { items: batch })).status).toBe(201);
    await come(client, 101);
    const [first, ...rest] = client.events();
    expect(first).toEqual(
      event({
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
});

describe("of each record", () => {
  test("its history is there, newest first, after it is deleted too", async () => {
    const client = await listening(...FEEDS);
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
    await come(client, 15);
    for (const path of paths) {
      const [, feed, record] = path.split("/");
      const own = client.events().filter((each) => each["feed"] === feed && each["id"] === record);
      const expected = own.map((event) => without(event, "cursor")).toReversed();
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

  test("it needs read:history besides the resource's scope; what never was is 404", async () => {
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
