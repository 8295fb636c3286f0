import { afterAll, beforeAll, expect, test } from "vitest";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import { newId } from "../../src/id.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import { faultyProxy } from "../support/fault-proxy.ts";
import { ownTable } from "../support/own-table.ts";
import { by, endpoint, use } from "../support/store.ts";

// Tests expect the newest of all items, so no other test file may write to this table.
let table: Awaited<ReturnType<typeof ownTable>>;
beforeAll(async () => {
  table = await ownTable("lists");
});
afterAll(() => table.drop());

/** Reads all pages of a list. */
async function walk<T>(
  load: (page: {
    limit: string;
    nextToken?: string;
  }) => Promise<{ items: T[]; nextToken: string | null }>,
  limit: number,
): Promise<{ items: T[]; sizes: number[] }> {
  const items: T[] = [];
  const sizes: number[] = [];
  let nextToken: string | null | undefined;
  do {
    const page = await load({ limit: String(limit), ...(nextToken ? { nextToken } : {}) });
    items.push(...page.items);
    sizes.push(page.items.length);
    ({ nextToken } = page);
  } while (nextToken !== null);
  return { items, sizes };
}

const items = (order: string) => (page: object) => Item.list(Item.List.parse({ ...page, order }));

test("a walk over 1 000 records returns each of them once while others are created and deleted", async () => {
  const stable = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const all = await Item.createAll(
      Array.from({ length: 25 }, (_, n) => ({ run: "stable", n })),
      by(),
    );
    for (const { value } of all) stable.add(value.id);
  }
  let churning = true;
  let churned = 0;
  const churn = async () => {
    while (churning) {
      const { value } = await Item.create({ run: "passing" }, by());
      await Item.remove(value.id, by());
      churned++;
    }
  };
  const churners = Array.from({ length: 4 }, churn);
  try {
    for (const [limit, order] of [
      [100, "desc"],
      [7, "asc"],
      [33, "desc"],
    ] as const) {
      const seen = (await walk(items(order), limit)).items.map(({ id }) => id);
      const stableSeen = seen.filter((id) => stable.has(id));
      expect(stableSeen).toHaveLength(1_000);
      expect(new Set(stableSeen)).toEqual(stable);
      expect(seen).toEqual(seen.toSorted((a, b) => (order === "asc" ? 1 : -1) * (a < b ? -1 : 1)));
    }
  } finally {
    churning = false;
    await Promise.all(churners);
  }
  expect(churned).toBeGreaterThan(10);
}, 120_000);

test("an unfiltered list shows a record as soon as it was created, newest first", async () => {
  for (let i = 0; i < 50; i++) {
    const { value } = await Item.create({ i }, by());
    const page = await Item.list(Item.List.parse({ limit: "1" }));
    expect(page.items[0]?.id).toBe(value.id);
  }
});

test("the last page has no token, even if it is full", async () => {
  const type = newId();
  await Item.createAll(
    Array.from({ length: 6 }, () => ({ type })),
    by(),
  );
  const byType = (page: object) => Item.list(Item.List.parse({ ...page, type }));
  expect((await walk(byType, 3)).sizes).toEqual([3, 3]);
  expect((await walk(byType, 4)).sizes).toEqual([4, 2]);
});

test("a page of large records ends early, and the next one continues without a gap", async () => {
  const type = newId();
  const text = "汉".repeat(20_000); // 60 000 bytes
  const all = Array.from({ length: 90 }, (_, i) => ({ type, text, i }));
  for (let n = 0; n < 90; n += 18) await Item.createAll(all.slice(n, n + 18), by());
  const { items: found, sizes } = await walk(
    (page) => Item.list(Item.List.parse({ ...page, type })),
    100,
  );
  expect(found.map(({ i }) => i)).toEqual(Array.from({ length: 90 }, (_, i) => 89 - i));
  expect(sizes.length).toBeGreaterThan(1);
  for (const size of sizes) expect(size * 60_000).toBeLessThan(6_000_000);
}, 60_000);

test.each([
  ["of three bytes in UTF-8", "漢".repeat(21_700)],
  ["that are escaped in JSON, and again in a Lambda's answer", "\\".repeat(32_000)],
  ["with quotes", '"'.repeat(32_000)],
])(
  "a page of records of characters %s fits into a Lambda's answer",
  async (_, text) => {
    const type = newId();
    const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify(text)));
    for (let sent = 0; sent < 6_500_000; sent += 25 * bytes) {
      await Item.createAll(
        Array.from({ length: 25 }, () => ({ type, text })),
        by(),
      );
    }
    const page = await Item.list(Item.List.parse({ type, limit: "100" }));
    const answer = JSON.stringify({ statusCode: 200, body: JSON.stringify(page) });
    expect(Buffer.byteLength(answer)).toBeLessThan(6_291_556 - 10_000);
    expect(page.items.length).toBeGreaterThanOrEqual(20);
    expect(page.nextToken).not.toBeNull();
  },
  60_000,
);

test("a category is found without regard to case and width, and no longer once its product has another", async () => {
  const category = `Büro ${newId()}`;
  const product = await Product.create(
    Product.Create.parse({ name: "Pen", price: 1, category }),
    by(),
  );
  const found = async (of: string) =>
    (await Product.list(Product.List.parse({ category: of }))).items.map(({ id }) => id);
  expect(await found(category.toUpperCase())).toEqual([product.value.id]);
  await Product.update(product.value.id, { category: "elsewhere" }, by());
  expect(await found(category)).toEqual([]);
});

test("a category whose folded form is too long for an index key is found", async () => {
  const category = "\uFDFA".repeat(100); // one code point folds to eighteen
  const { value } = await Product.create(
    Product.Create.parse({ name: "Pen", price: 1, category }),
    by(),
  );
  const page = await Product.list(Product.List.parse({ category, limit: "1" }));
  expect(page.items[0]?.id).toBe(value.id);
});

test("the levels out and low list the inventories of that level", async () => {
  const { value } = await Product.create(
    Product.Create.parse({ name: "Pen", price: 1, category: "pens" }),
    by(),
  );
  const has = async (level: string) => {
    const all = await walk((page) => Inventory.list(Inventory.List.parse({ ...page, level })), 100);
    return all.items.some(({ id }) => id === value.id);
  };
  const levels = async () => ({ out: await has("out"), low: await has("low") });
  expect(await levels()).toEqual({ out: true, low: false });
  await Inventory.set(value.id, { quantity: 5, reorderPoint: 5 }, by());
  expect(await levels()).toEqual({ out: false, low: true });
  await Inventory.adjust(value.id, { delta: 1, reason: "found one" }, by());
  expect(await levels()).toEqual({ out: false, low: false });
  await Inventory.adjust(value.id, { delta: -6, reason: "lost all" }, by());
  expect(await levels()).toEqual({ out: true, low: false });
});

test("an empty page of the store neither ends a list nor leaves a gap", async () => {
  await Item.createAll(
    Array.from({ length: 25 }, (_, n) => ({ n })),
    by(),
  );
  const all = await Item.list(Item.List.parse({ limit: "30" }));
  const proxy = await faultyProxy(endpoint);
  try {
    use(proxy.endpoint, table.name);
    proxy.decide((operation, call) =>
      operation === "Query" && call % 3 > 0 ? "empty-page" : "none",
    );
    expect(await Item.list(Item.List.parse({ limit: "30" }))).toEqual(all);
  } finally {
    use(endpoint, table.name);
    await proxy.close();
  }
});

test("keys that the store leaves unprocessed are read again", async () => {
  const { value: pen } = await Product.create(
    Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity: 5 }),
    by(),
  );
  const lines = [{ productId: pen.id, quantity: 1 }];
  const made = [];
  for (let i = 0; i < 3; i++) {
    const created = await Reservation.create(Reservation.Create.parse({ lines }), by());
    made.unshift(created.value.id);
  }
  const proxy = await faultyProxy(endpoint);
  try {
    use(proxy.endpoint, table.name);
    const left = new Set([1, 2]);
    proxy.decide((operation) =>
      operation === "BatchGetItem" && left.delete(left.size) ? "unprocessed" : "none",
    );
    const { items: found } = await Reservation.list(
      Reservation.List.parse({ productId: pen.id, limit: "10" }),
    );
    expect(found.map(({ id }) => id)).toEqual(made);
    expect(left.size).toBe(0);
  } finally {
    use(endpoint, table.name);
    await proxy.close();
  }
});
