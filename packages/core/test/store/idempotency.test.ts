import { beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Product from "../../src/catalog/product.ts";
import * as User from "../../src/catalog/user.ts";
import { failure, keyed, by, use } from "../support/store.ts";

beforeAll(() => void use());

const anyone = () =>
  User.Create.parse({ name: "Ana", email: `u${newId().replaceAll("-", "")}@example.com` });
const stocked = async (initialQuantity: number) =>
  (
    await Product.create(
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity }),
      by(),
    )
  ).value.id;

describe("requests with one key have one effect:", () => {
  test("a repeated create returns the record of the first", async () => {
    const key = newId();
    const input = anyone();
    const first = await User.create(input, keyed(key));
    const again = await User.create(input, keyed(key));
    expect(again).toEqual({ value: first.value, changed: true, replayed: true });
  });

  test("of 50 concurrent requests one has the effect and all have its answer", async () => {
    const id = await stocked(1_000);
    for (let round = 0; round < 6; round++) {
      const key = newId();
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () =>
          Inventory.adjust(id, { delta: -1, reason: "sold" }, keyed(key)),
        ),
      );
      expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(outcomes.map(({ value }) => JSON.stringify(value))).size).toBe(1);
    }
    expect((await Inventory.get(id)).quantity).toBe(994);
  }, 60_000);

  test("a repeated update returns its first answer, whatever was written since", async () => {
    const { value } = await User.create(anyone(), by());
    const key = newId();
    const first = await User.update(value.id, { name: "Bea" }, keyed(key));
    await User.update(value.id, { name: "Cleo" }, by());
    const again = await User.update(value.id, { name: "Bea" }, keyed(key));
    expect(again).toMatchObject({ value: first.value, replayed: true });
    expect((await User.get(value.id)).name).toBe("Cleo");
  });

  test("a repeated update returns its first answer if nothing is left to change", async () => {
    const { value } = await User.create(anyone(), by());
    const key = newId();
    await User.update(value.id, { name: "Bea" }, keyed(key));
    expect(await User.update(value.id, { name: "Bea" }, keyed(key))).toMatchObject({
      replayed: true,
    });
  });

  test("a repeated update returns its first answer if the record was deleted", async () => {
    const { value } = await User.create(anyone(), by());
    const key = newId();
    const first = await User.update(value.id, { name: "Bea" }, keyed(key));
    await User.remove(value.id, by());
    const again = await User.update(value.id, { name: "Bea" }, keyed(key));
    expect(again).toMatchObject({ value: first.value, replayed: true });
  });

  test("a repeated delete returns its first answer", async () => {
    const { value } = await Item.create({ a: 1 }, by());
    const key = newId();
    await Item.remove(value.id, keyed(key));
    expect(await Item.remove(value.id, keyed(key))).toMatchObject({ value: null, replayed: true });
    expect(await failure(Item.remove(value.id, by()))).toMatchObject({ code: "item_not_found" });
  });

  test("a repeated atomic batch returns all its records", async () => {
    const key = newId();
    const inputs = Array.from({ length: 25 }, (_, i) => ({ i, text: "x".repeat(30_000) }));
    const first = await Item.createAll(inputs, keyed(key));
    const again = await Item.createAll(inputs, keyed(key));
    expect(again.map(({ value }) => value)).toEqual(first.map(({ value }) => value));
    expect(again.every(({ replayed }) => replayed)).toBe(true);
  });

  test("25 products with sku, inventory and key are created in one transaction", async () => {
    const inputs = Array.from({ length: 25 }, () =>
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", sku: newId() }),
    );
    const all = await Product.createAll(inputs, keyed(newId()));
    expect(all).toHaveLength(25);
  });
});

test("another request with the same key is refused and has no effect", async () => {
  const key = newId();
  await User.create(anyone(), keyed(key, "this"));
  const other = anyone();
  expect(await failure(User.create(other, keyed(key, "that")))).toMatchObject({
    code: "idempotency_key_reused",
  });
  expect((await User.list(User.List.parse({ email: other.email }))).items).toEqual([]);
});

test("two callers can use the same key", async () => {
  const key = newId();
  const ana = await Item.create({ a: 1 }, { ...keyed(key), actor: "ana" });
  const bob = await Item.create({ a: 1 }, { ...keyed(key), actor: "bob" });
  expect(bob.replayed).toBe(false);
  expect(bob.value.id).not.toBe(ana.value.id);
});

test("a request without effect does not use its key", async () => {
  const key = newId();
  const input = anyone();
  const taken = await User.create(input, by());
  expect(await failure(User.create(input, keyed(key)))).toMatchObject({ code: "email_exists" });
  await User.remove(taken.value.id, by());
  expect((await User.create(input, keyed(key))).replayed).toBe(false);
});

test("a key can be used again after 24 hours", async () => {
  const key = newId();
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000).toISOString();
  const first = await Item.create({ a: 1 }, { ...keyed(key), at: yesterday });
  const again = await Item.create({ a: 1 }, keyed(key));
  expect(again.replayed).toBe(false);
  expect(again.value.id).not.toBe(first.value.id);
});

test("a refused request does not get an answer that is older than 24 hours", async () => {
  const key = newId();
  const input = anyone();
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000).toISOString();
  await User.create(input, { ...keyed(key), at: yesterday });
  expect(await failure(User.create(input, keyed(key)))).toMatchObject({ code: "email_exists" });
});

test("an answer is kept for 24 hours", async () => {
  const key = newId();
  const at = new Date(Date.now() - 23.9 * 60 * 60 * 1000).toISOString();
  const first = await Item.create({ a: 1 }, { ...keyed(key), at });
  expect(await Item.create({ a: 1 }, keyed(key))).toMatchObject({
    value: { id: first.value.id },
    replayed: true,
  });
});
