import { newId } from "@stockwire/core/id";
import { expect, test } from "vitest";
import { contract, problem } from "./suite.ts";

contract((api) => {
  const create = async (given: object = {}) =>
    (
      await api.send("POST", "/products", {
        body: { name: "Pen", price: 19.99, category: "Pens", ...given },
      })
    ).json;

  test("a created product is returned with all its members, and has inventory", async () => {
    const sku = newId();
    const answer = await api.send("POST", "/products", {
      body: { name: " Pen ", price: 19.99, category: " Pens ", sku, initialQuantity: 3 },
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: expect.any(String),
      name: "Pen",
      price: 19.99,
      currency: "USD",
      category: "Pens",
      description: "",
      sku,
      status: "active",
      createdAt: expect.any(String),
      updatedAt: answer.json.createdAt,
      version: 1,
    });
    expect(answer.headers.get("location")).toBe(`/products/${answer.json.id}`);
    expect((await api.send("GET", `/products/${answer.json.id}`)).json).toEqual(answer.json);
    const inventory = await api.send("GET", `/inventory/${answer.json.id}`);
    expect(inventory.json).toMatchObject({ quantity: 3, reserved: 0, available: 3, level: "ok" });
  });

  test.each([
    [{ price: 1, category: "c" }, "/name", "required"],
    [{ name: " ", price: 1, category: "c" }, "/name", "required"],
    [{ name: "n", category: "c" }, "/price", "required"],
    [{ name: "n", price: 1 }, "/category", "required"],
    [{ name: "n", price: 0, category: "c" }, "/price", "too_small"],
    [{ name: "n", price: -1, category: "c" }, "/price", "too_small"],
    [{ name: "n", price: "9.99", category: "c" }, "/price", "invalid_type"],
    [{ name: "n", price: 9.999, category: "c" }, "/price", "too_precise"],
    [{ name: "n", price: 1.5, currency: "JPY", category: "c" }, "/price", "too_precise"],
    [{ name: "n", price: 10_000_000, category: "c" }, "/price", "too_big"],
    [{ name: "n", price: 1, currency: "usd", category: "c" }, "/currency", "invalid_value"],
    [{ name: "n", price: 1, category: "c", initialQuantity: -1 }, "/initialQuantity", "too_small"],
    [
      { name: "n", price: 1, category: "c", initialQuantity: 1e9 + 1 },
      "/initialQuantity",
      "too_big",
    ],
    [
      { name: "n", price: 1, category: "c", initialQuantity: 1.5 },
      "/initialQuantity",
      "invalid_type",
    ],
    [{ name: "n", price: 1, category: "c", sku: "" }, "/sku", "required"],
    [{ name: "x".repeat(201), price: 1, category: "c" }, "/name", "too_long"],
    [{ name: "n", price: 1, category: "x".repeat(101) }, "/category", "too_long"],
    [
      { name: "n", price: 1, category: "c", description: "x".repeat(4001) },
      "/description",
      "too_long",
    ],
    [{ name: "n", price: 1, category: "c", colour: "red" }, "/colour", "unknown_member"],
  ])("%o is refused", async (body, pointer, code) => {
    const { status, json } = await api.send("POST", "/products", { body });
    expect(status).toBe(400);
    expect(json.code).toBe("invalid_request");
    expect(json.errors).toContainEqual(expect.objectContaining({ pointer, code }));
  });

  test("an update changes the given members, under the rules of create", async () => {
    const product = await create();
    const answer = await api.send("PUT", `/products/${product.id}`, {
      body: { price: 5, description: "new" },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ price: 5, description: "new", name: "Pen", version: 2 });
    for (const body of [{ price: 0 }, { price: 0.001 }, { initialQuantity: 1 }, { name: "" }]) {
      expect((await api.send("PUT", `/products/${product.id}`, { body })).status).toBe(400);
    }
    const missing = await api.send("PUT", `/products/${newId()}`, { body: { price: 5 } });
    expect([missing.status, missing.json.code]).toEqual([404, "product_not_found"]);
  });

  test("a product is deleted together with its inventory", async () => {
    const product = await create({ initialQuantity: 2 });
    expect((await api.send("DELETE", `/products/${product.id}`)).status).toBe(204);
    expect((await api.send("GET", `/products/${product.id}`)).json).toMatchObject(
      problem(404, "product_not_found", { detail: "Product not found" }),
    );
    expect((await api.send("GET", `/inventory/${product.id}`)).json.code).toBe(
      "inventory_not_found",
    );
    expect((await api.send("DELETE", `/products/${product.id}`)).status).toBe(404);
  });

  test("a sku is unique, and the sku filter finds its product", async () => {
    const sku = newId();
    const product = await create({ sku });
    const taken = await api.send("POST", "/products", {
      body: { name: "n", price: 1, category: "c", sku },
    });
    expect([taken.status, taken.json.code]).toEqual([409, "sku_exists"]);
    expect((await api.send("GET", `/products?sku=${sku}`)).json.items).toEqual([product]);
  });

  test("the category filter ignores case and has pages", async () => {
    const category = `Stühle ${newId()}`;
    const made = [
      await create({ category }),
      await create({ category }),
      await create({ category }),
    ];
    const path = `/products?category=${encodeURIComponent(category.toUpperCase())}`;
    const first = (await api.send("GET", `${path}&limit=2`)).json;
    expect(first.count).toBe(2);
    const second = (await api.send("GET", `${path}&limit=2&nextToken=${first.nextToken}`)).json;
    expect([...first.items, ...second.items]).toEqual(made.toReversed());
    expect(second.nextToken).toBeNull();
    const elsewhere = await api.send(
      "GET",
      `/products?category=other&nextToken=${first.nextToken}`,
    );
    expect(elsewhere.json.code).toBe("invalid_cursor");
  });

  test("no text that people see has control characters or nothing visible", async () => {
    const { id } = await create({ initialQuantity: 5, description: "Two\nlines" });
    const product = { name: "Pen", price: 1, category: "Pens" };
    const lines = [{ productId: id, quantity: 1 }];
    const refused: [method: string, path: string, body: object, pointer: string][] = [
      ["POST", "/products", { ...product, name: "a\u202eb" }, "/name"],
      ["POST", "/products", { ...product, name: "\u200b\u200b" }, "/name"],
      ["POST", "/products", { ...product, category: "a\u0000b" }, "/category"],
      ["POST", "/products", { ...product, sku: "a\tb" }, "/sku"],
      ["POST", "/products", { ...product, description: "a\u0000b" }, "/description"],
      ["PATCH", `/products/${id}`, { name: "a\u009bb" }, "/name"],
      ["PUT", `/inventory/${id}`, { quantity: 6, reason: "a\nb" }, "/reason"],
      ["POST", `/inventory/${id}/adjustments`, { delta: 1, reason: "\u3164" }, "/reason"],
      ["POST", "/inventory/counts", { counts: lines, reason: "a\u2028b" }, "/reason"],
      ["POST", "/reservations", { lines, reference: "a\u2066b" }, "/reference"],
      ["POST", "/users", { name: "a\u001bb", email: "a@example.com" }, "/name"],
    ];
    for (const [method, path, body, pointer] of refused) {
      const { status, json } = await api.send(method, path, { body });
      expect([path, status, json.errors[0].pointer]).toEqual([path, 400, pointer]);
    }
    const filter = await api.send("GET", "/products?category=a%00b");
    expect([filter.status, filter.json.code]).toEqual([400, "invalid_parameter"]);
  });

  test("include=inventory embeds the stock level, and the ETag changes with both", async () => {
    const product = await create({ initialQuantity: 3 });
    const path = `/products/${product.id}?include=inventory`;
    const answer = await api.send("GET", path);
    expect(answer.json).toMatchObject({
      ...product,
      inventory: { productId: product.id, quantity: 3 },
    });
    const etag = answer.headers.get("etag") ?? "";
    expect((await api.send("GET", path, { headers: { "If-None-Match": etag } })).status).toBe(304);
    // In If-Match it names the version of the product, which is all that such a write changes.
    const patch = (tag: string) =>
      api.send("PATCH", `/products/${product.id}`, {
        body: { name: newId() },
        headers: { "If-Match": tag },
      });
    expect(etag).toBe('"1.1"');
    for (const tag of ['"2.1"', '"1.x"', '"1.0"', 'W/"1.1"']) {
      expect([tag, (await patch(tag)).status]).toEqual([tag, 412]);
    }
    expect((await patch(etag)).json.version).toBe(2);
    expect((await patch(etag)).status).toBe(412);
    await api.send("PUT", `/inventory/${product.id}`, { body: { quantity: 4 } });
    expect((await api.send("GET", path, { headers: { "If-None-Match": etag } })).status).toBe(200);
    expect((await api.send("GET", `/products/${product.id}?include=orders`)).json.code).toBe(
      "invalid_parameter",
    );
  });

  test("inventory is replaced as a whole, within its bounds", async () => {
    const product = await create({ initialQuantity: 5 });
    const path = `/inventory/${product.id}`;
    const answer = await api.send("PUT", path, {
      body: { quantity: 2, reorderPoint: 3, reason: "count" },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      id: product.id,
      productId: product.id,
      quantity: 2,
      reserved: 0,
      available: 2,
      reorderPoint: 3,
      level: "low",
      updatedAt: expect.any(String),
      version: 2,
    });
    expect(answer.headers.get("etag")).toBe('"2"');
    for (const body of [
      {},
      { quantity: -1 },
      { quantity: 1.5 },
      { quantity: "2" },
      { quantity: 1, x: 1 },
    ]) {
      expect((await api.send("PUT", path, { body })).status).toBe(400);
    }
    const stale = await api.send("PUT", path, { body: { quantity: 9, expectedQuantity: 5 } });
    expect(stale.json).toMatchObject(problem(409, "stale_quantity", { currentQuantity: 2 }));
    const unknown = await api.send("PUT", `/inventory/${newId()}`, { body: { quantity: 1 } });
    expect([unknown.status, unknown.json.code]).toEqual([404, "inventory_not_found"]);
  });

  test("a count sets the quantities of several products, all or none", async () => {
    const [pen, ink] = [await create({ initialQuantity: 5 }), await create({ initialQuantity: 8 })];
    const count = (body: unknown, headers = {}) =>
      api.send("POST", "/inventory/counts", { body, headers });
    const level = async (id: string) => (await api.send("GET", `/inventory/${id}`)).json;
    const counts = [
      { productId: pen.id.toUpperCase(), quantity: 4, expectedQuantity: 5 },
      { productId: ink.id, quantity: 8 },
    ];
    const key = { "Idempotency-Key": newId() };
    const answer = await count({ counts, reason: "counted" }, { ...key, "If-Match": '"99"' });
    expect(answer.status).toBe(200);
    expect(answer.json.levels).toMatchObject([
      { productId: pen.id, quantity: 4, available: 4, version: 2 },
      { productId: ink.id, quantity: 8, version: 1 }, // it was right
    ]);
    expect(answer.json.levels).toEqual([await level(pen.id), await level(ink.id)]);
    expect(answer.headers.get("etag")).toBeNull();
    const repeated = await count({ counts, reason: "counted" }, key);
    expect(repeated.headers.get("idempotency-replayed")).toBe("true");
    expect(repeated.json).toEqual(answer.json);
    expect((await count({ counts }, key)).json.code).toBe("idempotency_key_reused");

    const stale = await count({
      counts: [
        { productId: ink.id, quantity: 1 },
        { productId: pen.id, quantity: 3, expectedQuantity: 5 },
        { productId: newId(), quantity: 3 },
      ],
    });
    expect(stale.status).toBe(409);
    expect(stale.json).toMatchObject(
      problem(409, "stale_quantity", {
        instance: "/inventory/counts",
        index: 1,
        currentQuantity: 4,
        currentVersion: 2,
        errors: [
          { pointer: "/counts/1/expectedQuantity", code: "stale_quantity" },
          { pointer: "/counts/2/productId", code: "inventory_not_found" },
        ],
        refused: [
          { index: 1, productId: pen.id, code: "stale_quantity", currentQuantity: 4 },
          { index: 2, code: "inventory_not_found" },
        ],
      }),
    );
    expect(await level(ink.id)).toMatchObject({ quantity: 8, version: 1 });
    const unknown = await count({ counts: [{ productId: "counts", quantity: 1 }] });
    expect([unknown.status, unknown.json.code]).toEqual([404, "inventory_not_found"]);
  });

  test("a count is refused with a pointer to what is wrong with it", async () => {
    const { id } = await create({ initialQuantity: 5 });
    const lines = [{ productId: id, quantity: 4 }];
    await api.send("POST", "/reservations", { body: { lines } });
    const entry = { productId: id, quantity: 4 };
    const cases: [body: unknown, code: string, pointer: string][] = [
      [{}, "invalid_request", "/counts"],
      [{ counts: [] }, "invalid_request", "/counts"],
      [{ counts: [{ productId: id }] }, "invalid_request", "/counts/0/quantity"],
      [{ counts: [{ ...entry, quantity: -1 }] }, "invalid_request", "/counts/0/quantity"],
      [{ counts: [{ ...entry, reorderPoint: 1 }] }, "invalid_request", "/counts/0/reorderPoint"],
      [
        { counts: [entry, { ...entry, productId: id.toUpperCase() }] },
        "invalid_request",
        "/counts/1/productId",
      ],
      [{ counts: [{ ...entry, quantity: 3 }] }, "below_reserved", "/counts/0/quantity"],
    ];
    for (const [body, code, pointer] of cases) {
      const { json } = await api.send("POST", "/inventory/counts", { body });
      expect([body, json.code]).toEqual([body, code]);
      expect(json.errors[0].pointer).toBe(pointer);
    }
    expect((await api.send("GET", `/inventory/${id}`)).json).toMatchObject({
      quantity: 5,
      reserved: 4,
      version: 2,
    });
  });

  test("no method of a product's level takes the place of counts", async () => {
    const read = await api.send("GET", "/inventory/counts");
    expect([read.status, read.json.code]).toEqual([404, "inventory_not_found"]);
    const set = await api.send("PUT", "/inventory/counts", { body: { quantity: 1 } });
    expect([set.status, set.json.code]).toEqual([404, "inventory_not_found"]);
  });

  test("adjustments add up, and never make the stock negative", async () => {
    const product = await create({ initialQuantity: 2 });
    const path = `/inventory/${product.id}/adjustments`;
    const sold = await api.send("POST", path, {
      body: { delta: -1, reason: "sold", reference: "A-1" },
    });
    expect(sold.status).toBe(201);
    expect(sold.json).toMatchObject({ quantity: 1, version: 2 });
    const last = await api.send("POST", path, { body: { delta: -1, reason: "sold" } });
    expect(last.json).toMatchObject({ quantity: 0, level: "out" });
    const none = await api.send("POST", path, { body: { delta: -1, reason: "sold" } });
    expect(none.status).toBe(409);
    expect(none.json).toMatchObject(
      problem(409, "insufficient_stock", {
        shortages: [{ productId: product.id, requested: 1, available: 0 }],
      }),
    );
    for (const body of [{ delta: 0, reason: "r" }, { delta: 1 }, { delta: 0.5, reason: "r" }]) {
      expect((await api.send("POST", path, { body })).status).toBe(400);
    }
  });

  test("inventory can be listed by level", async () => {
    const product = await create();
    const out = (await api.send("GET", "/inventory?level=out&limit=100")).json.items;
    expect(out.map(({ id }: { id: string }) => id)).toContain(product.id);
    expect((await api.send("GET", "/inventory?level=ok")).json.code).toBe("invalid_parameter");
    expect((await api.send("GET", "/inventory?limit=1")).json.count).toBe(1);
  });

  test("include=inventory needs read:inventory as well", async () => {
    const { json } = await api.send("POST", "/products", {
      body: { name: "Pen", price: 1, category: "Pens", initialQuantity: 5 },
    });
    const get = (scope: string, query = "?include=inventory") =>
      api.send("GET", `/products/${json.id}${query}`, { scope });
    const refused = await get("read:products");
    expect([refused.status, refused.json.code]).toEqual([403, "insufficient_scope"]);
    expect(refused.text).not.toContain("quantity");
    expect((await get("read:products", "")).status).toBe(200);
    expect((await get("read:products read:inventory")).json.inventory.quantity).toBe(5);
  });
});
