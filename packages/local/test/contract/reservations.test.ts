import { newId } from "@stockwire/core/id";
import { expect, test } from "vitest";
import { letExpire } from "../../../core/test/support/expiry.ts";
import { contract, problem } from "./suite.ts";

contract((api) => {
  const stocked = async (initialQuantity: number): Promise<string> =>
    (
      await api.send("POST", "/products", {
        body: { name: "Pen", price: 1, category: "Pens", initialQuantity },
      })
    ).json.id;
  const reserve = (lines: object[], more: object = {}) =>
    api.send("POST", "/reservations", { body: { lines, ...more }, scope: "reserve:inventory" });
  const act = (id: string, action: string, body?: object) =>
    api.send("POST", `/reservations/${id}/${action}`, { body, scope: "reserve:inventory" });
  const level = async (id: string) => (await api.send("GET", `/inventory/${id}`)).json;

  test("all lines are reserved, and the whole reservation is returned", async () => {
    const [a, b] = [await stocked(5), await stocked(5)];
    const answer = await reserve(
      [
        { productId: a, quantity: 2 },
        { productId: b, quantity: 5 },
      ],
      { ttlSeconds: 60, reference: "order-1" },
    );
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: expect.any(String),
      status: "active",
      lines: [
        { productId: a, quantity: 2 },
        { productId: b, quantity: 5 },
      ],
      reference: "order-1",
      expiresAt: new Date(Date.parse(answer.json.createdAt) + 60_000).toISOString(),
      createdAt: expect.any(String),
      updatedAt: answer.json.createdAt,
      version: 1,
    });
    expect(answer.headers.get("location")).toBe(`/reservations/${answer.json.id}`);
    expect((await api.send("GET", `/reservations/${answer.json.id}`)).json).toEqual(answer.json);
    expect(await level(a)).toMatchObject({ quantity: 5, reserved: 2, available: 3 });
    expect(await level(b)).toMatchObject({ quantity: 5, reserved: 5, available: 0, level: "out" });
  });

  test("a shortage is 409 with the missing products, and nothing is reserved", async () => {
    const [a, b] = [await stocked(5), await stocked(1)];
    const { status, json } = await reserve([
      { productId: a, quantity: 1 },
      { productId: b, quantity: 2 },
    ]);
    expect(status).toBe(409);
    expect(json).toMatchObject(
      problem(409, "insufficient_stock", {
        shortages: [{ productId: b, requested: 2, available: 1 }],
      }),
    );
    expect(await level(a)).toMatchObject({ reserved: 0 });
  });

  test("the last unit is sold once", async () => {
    const id = await stocked(1);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => reserve([{ productId: id, quantity: 1 }])),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(9);
  });

  test("confirm sells the units, can be repeated, and closes the reservation", async () => {
    const id = await stocked(5);
    const { json } = await reserve([{ productId: id, quantity: 2 }]);
    const confirmed = await act(json.id, "confirm");
    expect([confirmed.status, confirmed.json.status, confirmed.json.version]).toEqual([
      200,
      "confirmed",
      2,
    ]);
    expect(await level(id)).toMatchObject({ quantity: 3, reserved: 0, available: 3 });
    const again = await act(json.id, "confirm");
    expect([again.status, again.json]).toEqual([200, confirmed.json]);
    for (const [action, body] of [
      ["cancel", undefined],
      ["extend", {}],
    ] as const) {
      const refused = await act(json.id, action, body);
      expect([refused.status, refused.json.code]).toEqual([409, "reservation_closed"]);
    }
  });

  test("cancel releases the units; extend moves the expiry to later", async () => {
    const id = await stocked(5);
    const { json } = await reserve([{ productId: id, quantity: 2 }], { ttlSeconds: 60 });
    const extended = await act(json.id, "extend", { ttlSeconds: 3600 });
    expect(Date.parse(extended.json.expiresAt)).toBeGreaterThan(Date.parse(json.expiresAt));
    const cancelled = await act(json.id, "cancel");
    expect(cancelled.json).toMatchObject({ status: "cancelled", version: 3 });
    expect(await level(id)).toMatchObject({ quantity: 5, reserved: 0 });
    expect((await act(json.id, "cancel")).status).toBe(200);
    expect((await act(json.id, "confirm")).json.code).toBe("reservation_closed");
  });

  test("a stale version is 412", async () => {
    const id = await stocked(5);
    const { json } = await reserve([{ productId: id, quantity: 1 }]);
    const answer = await api.send("POST", `/reservations/${json.id}/confirm`, {
      headers: { "If-Match": '"7"' },
    });
    expect([answer.status, answer.json.currentVersion]).toEqual([412, 1]);
  });

  test("a reservation that has expired is not 304 to a caller who knows it as active", async () => {
    const id = await stocked(5);
    const { json, headers } = await reserve([{ productId: id, quantity: 1 }]);
    const get = (tag: string | null) =>
      api.send("GET", `/reservations/${json.id}`, { headers: { "If-None-Match": tag ?? "" } });
    expect((await get(headers.get("etag"))).status).toBe(304);
    await letExpire(json.id);
    const expired = await get(headers.get("etag"));
    expect([expired.status, expired.json.status]).toEqual([200, "expired"]);
    expect((await get(expired.headers.get("etag"))).status).toBe(304);
    const late = await api.send("POST", `/reservations/${json.id}/confirm`, {
      headers: { "If-Match": expired.headers.get("etag") ?? "" },
    });
    expect([late.status, late.json.code]).toEqual([409, "reservation_expired"]);
    expect((await get(headers.get("etag"))).status).toBe(200);
  });

  test("requests repeated with their key reserve and sell once", async () => {
    const id = await stocked(9);
    const headers = { "Idempotency-Key": newId() };
    const body = { lines: [{ productId: id, quantity: 2 }] };
    const first = await api.send("POST", "/reservations", { body, headers });
    const again = await api.send("POST", "/reservations", { body, headers });
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    const path = `/reservations/${first.json.id}/confirm`;
    const confirmHeaders = { "Idempotency-Key": newId() };
    const confirmed = await api.send("POST", path, { headers: confirmHeaders });
    const replayed = await api.send("POST", path, { headers: confirmHeaders });
    expect([replayed.status, replayed.text]).toEqual([200, confirmed.text]);
    expect(replayed.headers.get("idempotency-replayed")).toBe("true");
    expect(await level(id)).toMatchObject({ quantity: 7, reserved: 0 });
  });

  test("a product with active reservations cannot be deleted, nor its quantity set below them", async () => {
    const id = await stocked(5);
    const { json } = await reserve([{ productId: id, quantity: 3 }]);
    const refused = await api.send("DELETE", `/products/${id}`);
    expect([refused.status, refused.json.code]).toEqual([409, "has_active_reservations"]);
    const below = await api.send("PUT", `/inventory/${id}`, { body: { quantity: 2 } });
    expect(below.json).toMatchObject(problem(409, "below_reserved", { reserved: 3 }));
    await act(json.id, "cancel");
    expect((await api.send("DELETE", `/products/${id}`)).status).toBe(204);
  });

  test.each([
    [{}, "/lines"],
    [{ lines: [] }, "/lines"],
    [{ lines: [{ productId: "x" }] }, "/lines/0/quantity"],
    [{ lines: [{ productId: "x", quantity: 0 }] }, "/lines/0/quantity"],
    [{ lines: [{ productId: "x", quantity: 1.5 }] }, "/lines/0/quantity"],
    [{ lines: [{ productId: "", quantity: 1 }] }, "/lines/0/productId"],
    [{ lines: [{ productId: "x", quantity: 1, price: 1 }] }, "/lines/0/price"],
    [{ lines: Array.from({ length: 21 }, () => ({ productId: "x", quantity: 1 })) }, "/lines"],
    [{ lines: [{ productId: "x", quantity: 1 }], ttlSeconds: 29 }, "/ttlSeconds"],
    [{ lines: [{ productId: "x", quantity: 1 }], ttlSeconds: 86_401 }, "/ttlSeconds"],
  ])("%o is refused at %s", async (body, pointer) => {
    const { status, json } = await api.send("POST", "/reservations", { body });
    expect(status).toBe(400);
    expect(json.errors).toContainEqual(expect.objectContaining({ pointer }));
  });

  test("an archived product cannot be reserved; what is reserved of it can be sold", async () => {
    const [a, b] = [await stocked(5), await stocked(5)];
    const before = (await reserve([{ productId: b, quantity: 1 }])).json;
    await api.send("PATCH", `/products/${b}`, { body: { status: "archived" } });
    const { status, json } = await reserve([
      { productId: a, quantity: 1 },
      { productId: b, quantity: 1 },
    ]);
    expect(status).toBe(409);
    expect(json).toMatchObject(
      problem(409, "product_archived", { errors: [{ pointer: "/lines/1/productId" }] }),
    );
    expect(await level(a)).toMatchObject({ reserved: 0 });
    expect((await act(before.id, "confirm")).status).toBe(200);
    await api.send("PATCH", `/products/${b}`, { body: { status: "active" } });
    expect((await reserve([{ productId: b, quantity: 1 }])).status).toBe(201);
  });

  test("an unknown product or reservation is 404", async () => {
    const product = await reserve([{ productId: newId(), quantity: 1 }]);
    expect(product.json).toMatchObject(
      problem(404, "product_not_found", { errors: [{ pointer: "/lines/0/productId" }] }),
    );
    for (const answer of [
      await api.send("GET", `/reservations/${newId()}`),
      await act(newId(), "confirm"),
      await act(newId(), "cancel"),
      await act(newId(), "extend", {}),
    ]) {
      expect(answer.json).toMatchObject(problem(404, "reservation_not_found"));
    }
  });

  test("reservations can be listed by product and status", async () => {
    const id = await stocked(9);
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await reserve([{ productId: id, quantity: 1 }])).json);
    const cancelled = (await act(made[1].id, "cancel")).json;
    const list = async (query: string) => (await api.send("GET", `/reservations?${query}`)).json;
    expect((await list(`productId=${id}`)).items).toEqual([made[2], cancelled, made[0]]);
    expect((await list(`productId=${id}&status=active&order=asc`)).items).toEqual([
      made[0],
      made[2],
    ]);
    const first = await list(`productId=${id}&limit=2`);
    expect((await list(`productId=${id}&limit=2&nextToken=${first.nextToken}`)).items).toEqual([
      made[0],
    ]);
    expect((await list("status=closed")).code).toBe("invalid_parameter");
    expect((await list("limit=2")).count).toBe(2);
  });
});
