import { beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import * as User from "../../src/catalog/user.ts";
import { intercepted } from "../support/intercept.ts";
import { by, failure, SHARDS, tableName, use } from "../support/store.ts";

let client: ReturnType<typeof use>;
beforeAll(() => {
  client = use();
});

const anyone = () =>
  User.Create.parse({ name: "Ana", email: `u${newId().replaceAll("-", "")}@example.com` });
const pen = (given: object = {}) =>
  Product.Create.parse({ name: "Pen", price: 19.99, category: "pens", ...given });

describe("a version", () => {
  test("starts at 1 and grows by one with each change, concurrent ones included", async () => {
    const { value } = await Item.create({ n: 0 }, by());
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => Item.patch(value.id, { [`n${n}`]: n }, by())),
    );
    const after = await Item.get(value.id);
    expect(after.version).toBe(21);
    for (let n = 0; n < 20; n++) expect(after[`n${n}`]).toBe(n);
  });

  test("stays the same if a write changes nothing", async () => {
    const { value } = await User.create(anyone(), by());
    const same = await User.update(value.id, { name: value.name, email: value.email }, by());
    expect(same).toEqual({ value, changed: false, replayed: false });
    const product = await Product.create(pen(), by());
    const unchanged = await Product.update(product.value.id, { price: 19.99, sku: null }, by());
    expect(unchanged).toMatchObject({ value: product.value, changed: false });
    const level = await Inventory.get(product.value.id);
    expect(
      await Inventory.set(product.value.id, { quantity: 0, reason: "count" }, by()),
    ).toMatchObject({
      value: level,
      changed: false,
    });
  });

  test("that is stale is refused with the current one", async () => {
    const { value } = await User.create(anyone(), by());
    await User.update(value.id, { name: "Bea" }, by(), [1]);
    for (const refused of [
      await failure(User.update(value.id, { name: "Cleo" }, by(), [1])),
      await failure(User.update(value.id, { email: anyone().email }, by(), [1])),
      await failure(User.remove(value.id, by(), [1])),
    ]) {
      expect(refused).toMatchObject({
        code: "precondition_failed",
        members: { currentVersion: 2 },
      });
    }
    expect(await User.get(value.id)).toMatchObject({ name: "Bea", version: 2 });
  });

  test("that is built from the one before has no earlier time, if an older request writes it", async () => {
    const at = new Date(Date.now() + 5_000).toISOString();
    const later = () => by({ at });
    const user = (await User.create(anyone(), later())).value;
    const product = (await Product.create(pen({ currency: "EUR" }), later())).value;
    const item = (await Item.create({}, later())).value;
    const keyedBy = () => ({ ...by(), idempotency: { key: newId(), fingerprint: "x" } });
    const written = [
      await User.update(user.id, { email: anyone().email }, by()),
      await User.update(user.id, { name: "Cleo" }, keyedBy()),
      await Product.update(product.id, { price: 3 }, by()),
      await Item.patch(item.id, { n: 1 }, by()),
    ];
    for (const { value } of written) {
      expect(value.version).toBeGreaterThan(1);
      expect(value.updatedAt >= at).toBe(true);
    }
    await Item.remove(item.id, by());
    const tombstone = await Item.items.tombstone(item.id, 3);
    expect(String(tombstone?.["updatedAt"]) >= at).toBe(true);
  });

  test("is never used again by a new item at the id of a deleted one", async () => {
    const id = newId();
    await Item.createAt(id, { life: 1 }, by());
    await Item.replace(id, { life: 1, more: true }, by());
    await Item.remove(id, by()); // the delete is version 3
    const back = await Item.createAt(id, { life: 2 }, by());
    expect(back.value).toMatchObject({ life: 2, version: 4 });
    expect(await failure(Item.createAt(id, {}, by()))).toMatchObject({
      code: "precondition_failed",
      members: { currentVersion: 4 },
    });
    await Item.remove(id, by());
    expect((await Item.createAt(id, {}, by())).value.version).toBe(6);
  });
});

test("no write brings a deleted record back", async () => {
  const { value } = await User.create(anyone(), by());
  await User.remove(value.id, by());
  for (const refused of [
    await failure(User.update(value.id, { name: "Bea" }, by())),
    await failure(User.update(value.id, { email: anyone().email }, by())),
    await failure(User.remove(value.id, by())),
    await failure(User.get(value.id)),
  ]) {
    expect(refused).toMatchObject({ code: "user_not_found" });
  }
});

test("a record is read strongly consistently", async () => {
  const { value } = await Item.create({ a: 1 }, by());
  const reads: unknown[] = [];
  const watched = intercepted(client, (command, send) => {
    if (command.operation === "GetItem") reads.push(command.input["ConsistentRead"]);
    return send();
  });
  DynamoDB.configure({ client: watched, tableName, shards: SHARDS });
  await Item.get(value.id);
  client = use();
  expect(new Set(reads)).toEqual(new Set([true]));
});

test("of concurrent deletes one succeeds", async () => {
  const { value } = await Item.create({}, by());
  const failures = await Promise.all(
    Array.from({ length: 10 }, () => failure(Item.remove(value.id, by()))),
  );
  expect(failures.filter((error) => error === undefined)).toHaveLength(1);
});

test("a record and its tombstone name the actor and the request of their write", async () => {
  const { value } = await Item.create(
    {},
    by({ actor: "ana", requestId: "req-00001", clientRef: "tab-7" }),
  );
  const read = async (Key: { pk: string; sk: string }) =>
    (await client.send("GetItem", { TableName: tableName, Key, ConsistentRead: true })).Item;
  const shards = Array.from({ length: SHARDS }, (_, n) => read({ pk: `ITEM#${n}`, sk: value.id }));
  const stored = (await Promise.all(shards)).find((item) => item !== undefined);
  expect(stored).toMatchObject({
    actor: "ana",
    requestId: "req-00001",
    clientRef: "tab-7",
    version: 1,
  });
  await Item.remove(value.id, by({ actor: "bob", requestId: "req-00002" }));
  const tombstone = await read({ pk: `TOMBSTONE#ITEM#${value.id}`, sk: "TOMBSTONE" });
  expect(tombstone).toMatchObject({ actor: "bob", requestId: "req-00002", version: 2 });
});

describe("products", () => {
  test("are created and deleted with their inventory", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 7 }), by());
    expect(await Inventory.get(value.id)).toMatchObject({ quantity: 7, reserved: 0, level: "ok" });
    await Product.remove(value.id, by());
    expect(await failure(Inventory.get(value.id))).toMatchObject({ code: "inventory_not_found" });
  });

  test("leave no inventory if their creation fails", async () => {
    const sku = newId();
    await Product.create(pen({ sku }), by());
    const before = (await Inventory.list(Inventory.List.parse({ limit: "1" }))).items[0]?.id;
    await failure(Product.create(pen({ sku }), by()));
    const after = (await Inventory.list(Inventory.List.parse({ limit: "1" }))).items[0]?.id;
    expect(after).toBe(before);
  });

  test("keep a price exact, and refuse one with more decimals than its currency", async () => {
    const { value } = await Product.create(pen(), by());
    expect((await Product.update(value.id, { price: 0.01 }, by())).value.price).toBe(0.01);
    expect(await failure(Product.update(value.id, { currency: "JPY" }, by()))).toMatchObject({
      code: "invalid_request",
      errors: [{ pointer: "/price" }],
    });
    const yen = await Product.update(value.id, { currency: "JPY", price: 500 }, by());
    expect(yen.value).toMatchObject({ price: 500, currency: "JPY" });
    expect(await failure(Product.update(value.id, { price: 5.5 }, by()))).toMatchObject({
      code: "invalid_request",
    });
    const dinar = await Product.update(value.id, { currency: "KWD" }, by());
    expect(dinar.value).toMatchObject({ price: 500, currency: "KWD" });
    expect((await Product.update(value.id, { price: 1.234 }, by())).value.price).toBe(1.234);
  });

  test("cannot be deleted while units are reserved", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 5 }), by());
    await DynamoDB.update({
      Key: await keyOfInventory(value.id),
      UpdateExpression: "SET reserved = :one, available = available - :one",
      ExpressionAttributeValues: { ":one": 1 },
    });
    expect(await failure(Product.remove(value.id, by()))).toMatchObject({
      code: "has_active_reservations",
    });
    expect(await failure(Inventory.set(value.id, { quantity: 0 }, by()))).toMatchObject({
      code: "below_reserved",
    });
    expect((await Inventory.set(value.id, { quantity: 3 }, by())).value).toMatchObject({
      quantity: 3,
      reserved: 1,
      available: 2,
    });
  });

  test("are deleted completely while their stock is adjusted", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 100 }), by());
    const moves = Array.from({ length: 30 }, () =>
      failure(Inventory.adjust(value.id, { delta: -1, reason: "sold" }, by())),
    );
    const [removal, ...outcomes] = await Promise.all([
      failure(Product.remove(value.id, by())),
      ...moves,
    ]);
    expect(removal).toBeUndefined();
    for (const outcome of outcomes) {
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: "inventory_not_found" });
    }
    expect(await failure(Inventory.get(value.id))).toMatchObject({ code: "inventory_not_found" });
  });
});

async function keyOfInventory(id: string) {
  for (let shard = 0; shard < SHARDS; shard++) {
    const key = { pk: `INVENTORY#${shard}`, sk: id };
    if (await DynamoDB.read(key)) return key;
  }
  throw new Error(`product ${id} has no inventory`);
}

describe("inventory", () => {
  test("sells 100 units exactly once to 200 concurrent requests", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 100 }), by());
    const failures = await Promise.all(
      Array.from({ length: 200 }, () =>
        failure(Inventory.adjust(value.id, { delta: -1, reason: "sold" }, by())),
      ),
    );
    const refused = failures.filter((error) => error !== undefined);
    expect(await Inventory.get(value.id)).toMatchObject({
      quantity: 0,
      available: 0,
      level: "out",
    });
    expect(refused).toHaveLength(100);
    for (const error of refused) {
      expect(error).toMatchObject({
        code: "insufficient_stock",
        members: { shortages: [{ productId: value.id, requested: 1, available: 0 }] },
      });
    }
  }, 60_000);

  test("sells no unit that is reserved, and is not set below what is reserved", async () => {
    const { id } = (await Product.create(pen({ initialQuantity: 5 }), by())).value;
    await Reservation.create({ lines: [{ productId: id, quantity: 4 }], ttlSeconds: 900 }, by());
    for (const delta of [-2, -5]) {
      const sale = Inventory.adjust(id, { delta, reason: "sold" }, by());
      expect(await failure(sale)).toMatchObject({
        code: "insufficient_stock",
        members: { shortages: [{ requested: -delta, available: 1 }] },
      });
    }
    expect(await failure(Inventory.set(id, { quantity: 3 }, by()))).toMatchObject({
      code: "below_reserved",
      members: { reserved: 4 },
    });
    expect(await Inventory.get(id)).toMatchObject({ quantity: 5, reserved: 4, available: 1 });
  });

  test("is set only if the quantity is the expected one", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 5 }), by());
    expect(
      await failure(Inventory.set(value.id, { quantity: 9, expectedQuantity: 4 }, by())),
    ).toMatchObject({ code: "stale_quantity", members: { currentQuantity: 5 } });
    expect(
      (await Inventory.set(value.id, { quantity: 9, expectedQuantity: 5 }, by())).value,
    ).toMatchObject({ quantity: 9, available: 9 });
    expect(await failure(Inventory.set(newId(), { quantity: 1 }, by()))).toMatchObject({
      code: "inventory_not_found",
    });
  });

  test("never exceeds its maximum", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 999_999_999 }), by());
    await Inventory.adjust(value.id, { delta: 1, reason: "found" }, by());
    expect(
      await failure(Inventory.adjust(value.id, { delta: 1, reason: "found" }, by())),
    ).toMatchObject({ code: "invalid_request" });
  });
});

describe("the number of shards", () => {
  test("is that of the table: a process with another number refuses to work", async () => {
    DynamoDB.configure({ client, tableName, shards: SHARDS + 1 });
    try {
      expect(String(await failure(Item.create({}, by())))).toMatch(/LIST_SHARDS/);
      expect(String(await failure(Item.get("x")))).toMatch(/LIST_SHARDS/);
    } finally {
      use();
    }
  });
});
