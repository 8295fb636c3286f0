import { beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as InventoryCount from "../../src/catalog/inventory-count.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import type { Writer } from "../../src/store/write.ts";
import { letExpire } from "../support/expiry.ts";
import { intercepted } from "../support/intercept.ts";
import { by, failure, keyed, SHARDS, tableName, use } from "../support/store.ts";

beforeAll(() => void use());

const stocked = async (initialQuantity: number): Promise<string> =>
  (
    await Product.create(
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity }),
      by(),
    )
  ).value.id;

/** Returns the ids of products that have 10, 11, 12, … units. */
const many = (products: number) =>
  Promise.all(Array.from({ length: products }, (_, n) => stocked(10 + n)));

interface Entry {
  productId: string;
  quantity: number;
  expectedQuantity?: number;
}
const count = (counts: readonly Entry[], writer: Writer = by(), reason?: string) =>
  InventoryCount.create(InventoryCount.Create.parse({ counts, reason }), writer);

const reserve = (productId: string, quantity: number) =>
  Reservation.create({ lines: [{ productId, quantity }], ttlSeconds: 900 }, by());
const adjust = (productId: string, delta: number) =>
  Inventory.adjust(productId, { delta, reason: "sold" }, by());
const levelsOf = (products: readonly string[]) => Promise.all(products.map(Inventory.get));

describe("a count", () => {
  test("sets 25 quantities and answers with the levels as they are stored", async () => {
    const products = await many(25);
    await reserve(products[3] ?? "", 13); // all of them
    const counts = products.map((productId, n) => ({ productId, quantity: 20 + n }));
    const { value, changed } = await count(counts, by(), "counted");
    expect(changed).toBe(true);
    expect(value.levels).toEqual(await levelsOf(products));
    expect(value.levels.map(({ quantity }) => quantity)).toEqual(counts.map((c) => c.quantity));
    expect(value.levels[3]).toMatchObject({ reserved: 13, available: 10, level: "ok", version: 3 });
    const out = await Inventory.list({ limit: 100, order: "desc", level: "out" });
    expect(out.items.map(({ id }) => id)).not.toContain(products[3]);
    const stored = await Inventory.inventories.readStored(products[0] ?? "");
    expect(stored).toMatchObject({ reason: "counted", moved: 20 });
  });

  test("sets none of 25 if one is stale, and names it", async () => {
    const products = await many(25);
    const before = await levelsOf(products);
    const counts = products.map((productId, n) => ({
      productId,
      quantity: 50,
      expectedQuantity: n === 17 ? 99 : 10 + n,
    }));
    expect(await failure(count(counts))).toMatchObject({
      code: "stale_quantity",
      errors: [{ pointer: "/counts/17/expectedQuantity", code: "stale_quantity" }],
      members: {
        index: 17,
        currentQuantity: 27,
        currentVersion: 1,
        refused: [
          {
            index: 17,
            productId: products[17],
            code: "stale_quantity",
            currentQuantity: 27,
            currentVersion: 1,
            reserved: 0,
          },
        ],
      },
    });
    expect(await levelsOf(products)).toEqual(before);
  });

  test("names all entries that are refused, with the code of the first", async () => {
    const [held = "", stale = "", fine = ""] = await many(3);
    await reserve(held, 4);
    const refusal = await failure(
      count([
        { productId: fine, quantity: 1 },
        { productId: held, quantity: 3 },
        { productId: newId(), quantity: 1 },
        { productId: stale, quantity: 1, expectedQuantity: 2 },
      ]),
    );
    expect(refusal).toMatchObject({
      code: "below_reserved",
      errors: [
        { pointer: "/counts/1/quantity", code: "below_reserved" },
        { pointer: "/counts/2/productId", code: "inventory_not_found" },
        { pointer: "/counts/3/expectedQuantity", code: "stale_quantity" },
      ],
      members: { index: 1, reserved: 4, refused: [{ reserved: 4 }, { index: 2 }, { index: 3 }] },
    });
    expect(await Inventory.get(fine)).toMatchObject({ quantity: 12, version: 1 });
  });

  test("is not written over a sale that comes between its read and its write", async () => {
    const [a = "", b = ""] = await many(2);
    const client = use();
    let transactions = 0;
    const afterSale = intercepted(client, async ({ operation }, send) => {
      if (operation === "TransactWriteItems" && ++transactions === 1) {
        await Inventory.set(b, { quantity: 10, reason: "sold" }, by());
      }
      return send();
    });
    DynamoDB.configure({ client: afterSale, tableName, shards: SHARDS });
    try {
      const stale = await failure(
        count([
          { productId: a, quantity: 1, expectedQuantity: 10 },
          { productId: b, quantity: 1, expectedQuantity: 11 },
        ]),
      );
      expect(stale).toMatchObject({ code: "stale_quantity", members: { index: 1 } });
    } finally {
      use();
    }
    expect(transactions).toBe(1);
    expect(await levelsOf([a, b])).toMatchObject([{ quantity: 10 }, { quantity: 10 }]);
  });

  test("leaves 0 ≤ reserved ≤ quantity and every movement, whatever is sold meanwhile", async () => {
    const products = await many(5);
    const work: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round++) {
      const counts = products.map((productId) => ({ productId, quantity: 30 + round }));
      // Two counts at a time, in opposite orders: none waits for the other for ever.
      work.push(count(counts), count(counts.toReversed(), keyed(newId())));
      for (const product of products) {
        work.push(failure(adjust(product, -1)), failure(reserve(product, 2)));
        work.push(failure(Inventory.set(product, { quantity: 25 }, by())));
      }
    }
    await Promise.all(work);
    for (const product of products) {
      const stored = await Inventory.inventories.readStored(product);
      const { quantity, reserved, available, moved } = stored as Inventory.StoredInventory;
      expect(moved).toBe(quantity);
      expect(reserved).toBeLessThanOrEqual(quantity);
      expect(available).toBe(quantity - reserved);
    }
  }, 60_000);

  test("of concurrent counts leaves the levels of one of them, not a mixture", async () => {
    const products = await many(10);
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        count(products.map((productId) => ({ productId, quantity: 100 + n }))),
      ),
    );
    const levels = await levelsOf(products);
    expect(new Set(levels.map(({ quantity }) => quantity)).size).toBe(1);
  });

  test("writes no level that is right already, and keeps its version", async () => {
    const [same = "", other = ""] = await many(2);
    const { value } = await count([
      { productId: same, quantity: 10 },
      { productId: other, quantity: 1 },
    ]);
    expect(value.levels).toMatchObject([{ version: 1 }, { version: 2 }]);
    expect(await levelsOf([same, other])).toEqual(value.levels);
    const again = await count([
      { productId: same, quantity: 10, expectedQuantity: 10 },
      { productId: other, quantity: 1 },
    ]);
    expect(again).toEqual({ value, changed: false, replayed: false });
  });

  test("does not take a level for right that changes before the others are written", async () => {
    const [same = "", other = ""] = await many(2);
    const client = use();
    let transactions = 0;
    const afterSale = intercepted(client, async ({ operation }, send) => {
      if (operation === "TransactWriteItems" && ++transactions === 1) {
        await Inventory.set(same, { quantity: 3 }, by());
      }
      return send();
    });
    DynamoDB.configure({ client: afterSale, tableName, shards: SHARDS });
    try {
      const { value } = await count([
        { productId: same, quantity: 10 },
        { productId: other, quantity: 1 },
      ]);
      expect(value.levels).toMatchObject([{ quantity: 10, version: 3 }, { quantity: 1 }]);
      expect(await levelsOf([same, other])).toEqual(value.levels);
    } finally {
      use();
    }
    expect(transactions).toBe(2);
  });

  test("releases expired reservations that are in its way, also beside another refusal", async () => {
    const [a = "", b = ""] = await many(2);
    const { value } = await reserve(a, 8);
    await letExpire(value.id);
    const refusal = await failure(
      count([
        { productId: b, quantity: 1, expectedQuantity: 2 },
        { productId: a, quantity: 5 },
      ]),
    );
    expect(refusal).toMatchObject({
      code: "stale_quantity",
      members: { refused: [{ productId: b }] },
    });
    const next = await reserve(a, 9);
    await letExpire(next.value.id);
    const counted = await count([{ productId: a, quantity: 5 }]);
    expect(counted.value.levels).toMatchObject([{ quantity: 5, reserved: 0, available: 5 }]);
  });

  test("of a product that does not exist changes none", async () => {
    const product = await stocked(10);
    const refusal = await failure(
      count([
        { productId: product, quantity: 1 },
        { productId: newId(), quantity: 1 },
      ]),
    );
    expect(refusal).toMatchObject({
      code: "inventory_not_found",
      errors: [{ pointer: "/counts/1/productId" }],
    });
    expect(await Inventory.get(product)).toMatchObject({ quantity: 10, version: 1 });
  });

  test("names no product twice, in whatever letter case", () => {
    const id = newId();
    const counts = [id, newId(), id.toUpperCase()].map((productId) => ({ productId, quantity: 1 }));
    expect(InventoryCount.Create.safeParse({ counts }).error?.issues).toMatchObject([
      { path: ["counts", 2, "productId"], params: { code: "duplicate" } },
    ]);
  });
});

describe("a repeated count", () => {
  test("with its key gets the first answer, whatever was sold since", async () => {
    const products = await many(25);
    const counts = products.map((productId, n) => ({
      productId,
      quantity: 50,
      expectedQuantity: 10 + n,
    }));
    const key = newId();
    const first = await count(counts, keyed(key));
    await Promise.all(products.map((product) => adjust(product, -1)));
    expect(await count(counts, keyed(key))).toEqual({ ...first, replayed: true });
    const levels = await levelsOf(products);
    expect(levels.every(({ quantity, version }) => quantity === 49 && version === 3)).toBe(true);
  });

  test("is not applied a second time, and its key serves no other one", async () => {
    const product = await stocked(10);
    const key = newId();
    await count([{ productId: product, quantity: 5 }], keyed(key));
    await adjust(product, -1);
    const again = await count([{ productId: product, quantity: 5 }], keyed(key));
    expect(again).toMatchObject({ replayed: true, value: { levels: [{ quantity: 5 }] } });
    expect(await Inventory.get(product)).toMatchObject({ quantity: 4, version: 3 });
    const other = count([{ productId: product, quantity: 6 }], keyed(key, "another request"));
    expect(await failure(other)).toMatchObject({ code: "idempotency_key_reused" });
    expect(await Inventory.get(product)).toMatchObject({ quantity: 4, version: 3 });
  });

  test("releases nothing, nor does one with another request's key", async () => {
    const product = await stocked(10);
    const key = newId();
    const first = await count([{ productId: product, quantity: 5 }], keyed(key));
    await adjust(product, 4);
    const { value } = await reserve(product, 8);
    await letExpire(value.id);
    const before = await Inventory.get(product);
    expect(before).toMatchObject({ quantity: 9, reserved: 8 });
    const again = await count([{ productId: product, quantity: 5 }], keyed(key));
    expect(again).toEqual({ ...first, replayed: true });
    const other = count([{ productId: product, quantity: 6 }], keyed(key, "another request"));
    expect(await failure(other)).toMatchObject({ code: "idempotency_key_reused" });
    expect(await Inventory.get(product)).toEqual(before);
  });

  test("at the same time has one effect", async () => {
    const products = await many(3);
    const key = newId();
    const counts = products.map((productId) => ({ productId, quantity: 5 }));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => count(counts, keyed(key))));
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(outcomes.map(({ value }) => JSON.stringify(value))).size).toBe(1);
  });

  test("is not applied again if only the reply of the transaction was lost", async () => {
    const products = await many(3);
    const client = use();
    let transactions = 0;
    const lost = intercepted(client, async ({ operation }, send) => {
      const answer = await send();
      if (operation === "TransactWriteItems" && ++transactions === 1) {
        throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      }
      return answer;
    });
    DynamoDB.configure({ client: lost, tableName, shards: SHARDS });
    try {
      const counts = products.map((productId) => ({ productId, quantity: 5 }));
      const { value } = await count(counts, keyed(newId()));
      expect(value.levels.map(({ version }) => version)).toEqual([2, 2, 2]);
      expect(await levelsOf(products)).toEqual(value.levels);
    } finally {
      use();
    }
    expect(transactions).toBeGreaterThan(1);
  });
});
