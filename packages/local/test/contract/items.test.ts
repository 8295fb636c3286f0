import { newId } from "@stockwire/core/id";
import { expect, test } from "vitest";
import { contract, problem } from "./suite.ts";

contract((api) => {
  const create = async (body: object = { name: "Test Item" }) =>
    (await api.send("POST", "/items", { body })).json;

  test("an item of any shape gets an id and times", async () => {
    const body = { name: "Test Item", tags: ["a", { b: null }], price: 9.99, deep: { er: true } };
    const answer = await api.send("POST", "/items", { body });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      ...body,
      id: expect.stringMatching(/^item_[0-9a-f]{8}-[0-9a-f]{4}-7/),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      version: 1,
    });
    expect(answer.headers.get("location")).toBe(`/items/${answer.json.id}`);
    expect((await api.send("GET", `/items/${answer.json.id}`)).json).toEqual(answer.json);
  });

  test("an unknown item is 404 for every method", async () => {
    const id = `item_${newId()}`;
    for (const [method, body] of [
      ["GET", undefined],
      ["PUT", {}],
      ["PATCH", {}],
      ["DELETE", undefined],
    ] as const) {
      const { status, json } = await api.send(method, `/items/${id}`, { body });
      expect([method, status, json]).toEqual([
        method,
        404,
        expect.objectContaining(problem(404, "item_not_found", { detail: "Item not found" })),
      ]);
    }
  });

  test("PUT replaces the attributes and keeps id and createdAt", async () => {
    const item = await create({ a: 1, b: 2 });
    const answer = await api.send("PUT", `/items/${item.id}`, { body: { c: 3 } });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      id: item.id,
      c: 3,
      createdAt: item.createdAt,
      updatedAt: answer.json.updatedAt,
      version: 2,
    });
  });

  test("PATCH is a merge patch: null removes a member", async () => {
    const item = await create({ a: 1, b: { c: 2, d: 3 }, e: [1] });
    const answer = await api.send("PATCH", `/items/${item.id}`, {
      body: { a: null, b: { d: null, f: 4 }, e: [2] },
    });
    const { id: _, createdAt: __, updatedAt: ___, ...rest } = answer.json;
    expect(rest).toEqual({ b: { c: 2, f: 4 }, e: [2], version: 2 });
  });

  test("PUT with If-None-Match: * creates an item with the caller's id, once", async () => {
    const path = `/items/my-${newId()}`;
    const headers = { "If-None-Match": "*" };
    const first = await api.send("PUT", path, { body: { n: 1 }, headers });
    expect(first.status).toBe(201);
    expect(first.headers.get("location")).toBe(path);
    const second = await api.send("PUT", path, { body: { n: 2 }, headers });
    expect(second.json).toMatchObject(problem(412, "precondition_failed", { currentVersion: 1 }));
    expect((await api.send("GET", path)).json.n).toBe(1);
    await api.send("DELETE", path);
    const back = await api.send("PUT", path, { body: { n: 3 }, headers });
    expect([back.status, back.json.version]).toEqual([201, 3]);
    const elsewhere = await api.send("PUT", `/users/${newId()}`, {
      body: { name: "Jane" },
      headers,
    });
    expect([elsewhere.status, elsewhere.json.code]).toEqual([400, "invalid_parameter"]);
  });

  test.each(["id", "createdAt", "updatedAt", "version"])("a client cannot set %s", async (name) => {
    const { status, json } = await api.send("POST", "/items", { body: { [name]: 1 } });
    expect(status).toBe(400);
    expect(json).toMatchObject(
      problem(400, "reserved_property", { errors: [{ pointer: `/${name}` }] }),
    );
    expect((await api.send("POST", "/items", { body: { nested: { [name]: 1 } } })).status).toBe(
      201,
    );
  });

  test("names of prototype members are refused at any depth, and no prototype is changed", async () => {
    for (const name of ["__proto__", "constructor", "prototype"]) {
      for (const body of [`{"${name}":{"polluted":1}}`, `{"a":[{"${name}":{"polluted":1}}]}`]) {
        const { status, json } = await api.send("POST", "/items", { body });
        expect([body, status, json.code]).toEqual([body, 400, "reserved_property"]);
      }
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("numbers are returned exactly or refused, never rounded", async () => {
    for (const source of ["9007199254740993", "1e400", "0.30000000000000001", "-0", "1e-400"]) {
      const { status, json } = await api.send("POST", "/items", { body: `{"n":${source}}` });
      expect([source, status, json.code]).toEqual([source, 400, "invalid_request"]);
    }
    for (const source of ["9007199254740991", "1e300", "5e-324", "0.1", "-12.5", "1e-130"]) {
      const { status, json } = await api.send("POST", "/items", { body: `{"n":${source}}` });
      expect([source, status, json.n]).toEqual([source, 201, Number(source)]);
      expect((await api.send("GET", `/items/${json.id}`)).json.n).toBe(Number(source));
    }
  });

  test("depth is at most 16, size at most 64 KiB", async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;
    expect((await api.send("POST", "/items", { body: nested(16) })).status).toBe(201);
    expect((await api.send("POST", "/items", { body: nested(17) })).status).toBe(400);
    expect((await api.send("POST", "/items", { body: nested(5000) })).status).toBe(400);
    const filled = (bytes: number) => `{"a":"${"x".repeat(bytes - 8)}"}`;
    expect((await api.send("POST", "/items", { body: filled(65_536) })).status).toBe(201);
    const large = await api.send("POST", "/items", { body: filled(65_537) });
    expect([large.status, large.json.code]).toEqual([413, "body_too_large"]);
    const item = await create({ a: "x".repeat(40_000) });
    const grown = await api.send("PATCH", `/items/${item.id}`, { body: { b: "x".repeat(40_000) } });
    expect([grown.status, grown.json.code]).toEqual([413, "body_too_large"]);
  });

  test("items are listed newest first or oldest first, and by type", async () => {
    const type = newId();
    const made = [await create({ type }), await create({ type }), await create({ type, other: 1 })];
    expect((await api.send("GET", `/items?type=${type}`)).json.items).toEqual(made.toReversed());
    expect((await api.send("GET", `/items?type=${type}&order=asc`)).json.items).toEqual(made);
    await api.send("PUT", `/items/${made[0].id}`, { body: { type: "another" } });
    expect((await api.send("GET", `/items?type=${type}`)).json.count).toBe(2);
    expect((await api.send("GET", "/items?order=sideways")).json.code).toBe("invalid_parameter");
  });

  test("ids sort in the order of creation, also within a millisecond", async () => {
    const made: string[] = [];
    for (let i = 0; i < 20; i++) made.push((await create({})).id);
    expect(made).toEqual(made.toSorted());
  });

  test("an id can contain reserved characters", async () => {
    const id = `a b#c?d;é☕%${newId()}`;
    const path = `/items/${encodeURIComponent(id)}`;
    const made = await api.send("PUT", path, { body: { n: 1 }, headers: { "If-None-Match": "*" } });
    expect([made.status, made.json.id]).toEqual([201, id]);
    expect(made.headers.get("location")).toBe(path);
    expect((await api.send("GET", path)).json).toEqual(made.json);
    expect((await api.send("GET", `${path}?x=1`)).json.code).toBe("unknown_parameter");
  });
});
