import { newId } from "@stockwire/core/id";
import * as Inventory from "@stockwire/core/catalog/inventory";
import * as InventoryCount from "@stockwire/core/catalog/inventory-count";
import * as Item from "@stockwire/core/catalog/item";
import * as Product from "@stockwire/core/catalog/product";
import * as User from "@stockwire/core/catalog/user";
import { by } from "../seed.ts";

/** An operation and its goals. A member that is left out has no goal. */
export interface Case {
  name: string;
  /** Called once, or so often as `rounds` says, with the number of the round. */
  run: (round: number) => Promise<unknown>;
  /** The cost is that of the round with the median number of trips. */
  rounds?: number;
  goal?: { reads?: number; writes?: number; trips?: number };
}

const GET = { reads: 1, writes: 0, trips: 1 };
const ONE_WRITE = { reads: 0, writes: 1, trips: 1 };
/** The record and its entry of gsi1, which holds whole records: DynamoDB writes it at every change. */
const WITH_ENTRY = { reads: 0, writes: 2, trips: 1 };
/** The record, its new entry of gsi1, and the deletion of the old one. */
const WITH_MOVED_ENTRY = { reads: 0, writes: 3, trips: 1 };
const ONE_TRIP = { trips: 1 };

const keyed = () => ({ ...by(), idempotency: { key: newId(), fingerprint: "bench" } });
const person = (n: string) => User.Create.parse({ name: "Ana Bench", email: `${n}@example.com` });
const goods = (more: object) =>
  Product.Create.parse({ name: "Desk lamp", price: 19.99, category: "lamps", ...more });
const page = { limit: 25, order: "desc" } as const;
const LISTS = 9;
/** Lists of 21 to 29: how many calls one needs depends on how its records are distributed. */
const around25 = (round: number) => ({ ...page, limit: 21 + round });
const restock = { reason: "delivery" };

/** All operations, on records that this function creates. */
export async function unitCases(): Promise<Case[]> {
  const user = (await User.create(person("ana"), by())).value;
  const product = (await Product.create(goods({ sku: "A-1", initialQuantity: 500 }), by())).value;
  const soldOut = (await Product.create(goods({}), by())).value;
  const item = (await Item.create({ name: "lamp" }, by())).value;
  const typed = (await Item.create({ name: "lamp", type: "lamp" }, by())).value;
  const counts: { productId: string; quantity: number }[] = [];
  for (let n = 0; n < 60; n++) {
    const { id } = (await Product.create(goods({ initialQuantity: 5 }), by())).value;
    if (counts.length < 25) counts.push({ productId: id, quantity: 6 });
  }
  for (let n = 0; n < 4; n++) await Item.createAll(lamps(25), by());

  return [
    { name: "get user", run: () => User.get(user.id), goal: GET },
    { name: "get product", run: () => Product.get(product.id), goal: GET },
    { name: "get inventory", run: () => Inventory.get(product.id), goal: GET },
    { name: "get item", run: () => Item.get(item.id), goal: GET },
    {
      name: "list 25 products",
      run: (round) => Product.list(around25(round)),
      rounds: LISTS,
      goal: ONE_TRIP,
    },
    {
      name: "list 25 items",
      run: (round) => Item.list(around25(round)),
      rounds: LISTS,
      goal: ONE_TRIP,
    },
    {
      name: "list 25 products of a category",
      run: () => Product.list({ ...page, category: "lamps" }),
      goal: ONE_TRIP,
    },
    { name: "product by sku", run: () => Product.list({ ...page, sku: "A-1" }) },
    { name: "user by email", run: () => User.list({ ...page, email: "ana@example.com" }) },
    { name: "inventory by level", run: () => Inventory.list({ ...page, level: "out" }) },
    { name: "create item", run: () => Item.create({ name: "lamp" }, by()), goal: ONE_WRITE },
    { name: "create item with a type", run: () => Item.create({ type: "lamp" }, by()) },
    { name: "create item with a key", run: () => Item.create({ name: "lamp" }, keyed()) },
    {
      name: "create user",
      run: () => User.create(person("bob"), by()),
      goal: { reads: 0, writes: 4, trips: 1 },
    },
    { name: "create user: 409", run: () => User.create(person("bob"), by()), goal: ONE_TRIP },
    {
      name: "create product with stock",
      run: () => Product.create(goods({ initialQuantity: 5 }), by()),
      goal: { reads: 0, writes: 5, trips: 1 },
    },
    {
      name: "create product with stock and sku",
      run: () => Product.create(goods({ initialQuantity: 5, sku: "B-2" }), by()),
      goal: { reads: 0, writes: 7, trips: 1 },
    },
    { name: "create 25 items, all or none", run: () => Item.createAll(lamps(25), by()) },
    {
      name: "update user",
      run: () => User.update(user.id, { age: 40 }, by()),
      goal: ONE_WRITE,
    },
    {
      name: "update user, If-Match",
      run: async () => User.update(user.id, { age: 41 }, by(), [2]),
      goal: ONE_WRITE,
    },
    {
      name: "update user, If-Match: 412",
      run: () => User.update(user.id, { age: 42 }, by(), [99]),
      goal: ONE_WRITE,
    },
    {
      name: "update user: 404",
      run: () => User.update("unknown", { age: 42 }, by()),
      goal: ONE_TRIP,
    },
    { name: "update user, no change", run: () => User.update(user.id, { age: 41 }, by()) },
    {
      name: "update user, another email",
      run: () => User.update(user.id, { email: "anna@example.com" }, by()),
    },
    {
      name: "update product",
      run: () => Product.update(product.id, { name: "Floor lamp" }, by()),
      goal: WITH_ENTRY,
    },
    {
      name: "update product, another category",
      run: () => Product.update(product.id, { category: "light" }, by()),
      goal: WITH_MOVED_ENTRY,
    },
    {
      name: "replace item",
      run: () => Item.replace(item.id, { name: "b" }, by()),
      goal: ONE_WRITE,
    },
    {
      name: "replace item with a type",
      run: () => Item.replace(typed.id, { name: "b", type: "lamp" }, by()),
      goal: WITH_ENTRY,
    },
    { name: "patch item", run: () => Item.patch(item.id, { name: "c" }, by()) },
    {
      name: "adjust inventory",
      run: () => Inventory.adjust(product.id, { delta: -1, ...restock }, by()),
      goal: ONE_WRITE,
    },
    {
      name: "adjust inventory with a key",
      run: () => Inventory.adjust(product.id, { delta: -1, ...restock }, keyed()),
      goal: { writes: 4 },
    },
    {
      name: "adjust inventory, another level",
      run: () => Inventory.adjust(soldOut.id, { delta: 5, ...restock }, by()),
    },
    {
      name: "adjust inventory: 409",
      run: () => Inventory.adjust(product.id, { delta: -1000, ...restock }, by()),
    },
    { name: "put inventory", run: () => Inventory.set(product.id, { quantity: 7 }, by()) },
    {
      name: "count 25 products with a key, all or none",
      run: () => InventoryCount.create({ counts }, keyed()),
    },
    { name: "delete user", run: () => User.remove(user.id, by()) },
    { name: "delete product", run: () => Product.remove(product.id, by()) },
    { name: "delete item", run: () => Item.remove(item.id, by()) },
  ];
}

const lamps = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `lamp ${n}` }));
