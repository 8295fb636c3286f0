/** Many writers of one record: each write costs few calls, and none waits for all the others. */

import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Product from "../../src/catalog/product.ts";
import { withLocks, withSharedLock } from "../../src/store/lock.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";
import { type FaultyProxy, faultyProxy } from "../support/fault-proxy.ts";
import { intercepted } from "../support/intercept.ts";
import { by, documents, endpoint, SHARDS, tableName, use } from "../support/store.ts";

let proxy: FaultyProxy;
let calls: string[] = [];
beforeAll(async () => {
  proxy = await faultyProxy(endpoint);
  use(proxy.endpoint);
  await Item.create({}, by()); // verifies the number of shards
});
beforeEach(() => {
  calls = [];
  proxy.decide((operation) => {
    calls.push(operation);
    return "none";
  });
});
afterAll(() => proxy.close());

const WRITERS = 16;
const WRITES = 5; // of each writer

/** Runs `write` in a loop of each writer, with a number that no other call gets. */
const inParallel = (write: (n: number) => Promise<unknown>) =>
  Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let n = 0; n < WRITES; n++) await write(writer * WRITES + n);
    }),
  );

const pen = () => Product.Create.parse({ name: "Pen", price: 1, category: "pens" });

describe("of 16 writers of one record", () => {
  test("each that sets values needs one call, however often the record is written", async () => {
    const { id } = (await Product.create(pen(), by())).value;
    calls = [];
    await inParallel((n) => Product.update(id, { name: `Pen ${n}` }, by()));
    expect(calls).toEqual(Array.from({ length: WRITERS * WRITES }, () => "UpdateItem"));
    expect((await Product.get(id)).version).toBe(1 + WRITERS * WRITES);
  });

  test("each that needs an item takes it from the one before, so that one of them reads it", async () => {
    const { id } = (await Item.create({}, by())).value;
    calls = [];
    await inParallel((n) => Item.patch(id, { [`n${n}`]: n }, by()));
    const writes = Array.from({ length: WRITERS * WRITES }, () => "PutItem");
    expect(calls).toEqual(["GetItem", ...writes]);
    const item = await Item.get(id);
    expect(item.version).toBe(1 + WRITERS * WRITES);
    for (let n = 0; n < WRITERS * WRITES; n++) expect(item[`n${n}`]).toBe(n);
  });

  test("each that sets a quantity needs one call", async () => {
    const { id } = (await Product.create(pen(), by())).value;
    calls = [];
    await inParallel((n) => Inventory.set(id, { quantity: n + 1 }, by()));
    expect(calls).toEqual(Array.from({ length: WRITERS * WRITES }, () => "UpdateItem"));
    expect((await Inventory.get(id)).version).toBe(1 + WRITERS * WRITES);
  });

  test("each that sets a quantity above a reorder point needs at most two calls", async () => {
    const { id } = (await Product.create(pen(), by())).value;
    await Inventory.set(id, { quantity: 1, reorderPoint: 20 }, by());
    calls = [];
    await inParallel((n) => Inventory.set(id, { quantity: n + 21 }, by()));
    expect(calls).toHaveLength(2 * WRITERS * WRITES);
    expect(new Set(calls)).toEqual(new Set(["UpdateItem"]));
    expect((await Inventory.get(id)).version).toBe(2 + WRITERS * WRITES);
  });

  test("each that adjusts an inventory needs one call", async () => {
    const stocked = Product.Create.parse({ ...pen(), initialQuantity: 1_000 });
    const { id } = (await Product.create(stocked, by())).value;
    calls = [];
    await inParallel(() => Inventory.adjust(id, { delta: -1, reason: "sold" }, by()));
    expect(calls).toEqual(Array.from({ length: WRITERS * WRITES }, () => "UpdateItem"));
    expect((await Inventory.get(id)).quantity).toBe(1_000 - WRITERS * WRITES);
  });
});

test("a write that needs the record is made while others replace it in a loop", async () => {
  const { id } = (await Item.create({}, by())).value;
  let replaced = 0;
  let patched = false;
  const replacing = Array.from({ length: WRITERS }, async () => {
    while (!patched && replaced < 1_000) await Item.replace(id, { n: replaced++ }, by());
  });
  const before = replaced;
  await Item.patch(id, { patched: true }, by());
  patched = true;
  const meanwhile = replaced - before;
  await Promise.all(replacing);
  expect(meanwhile).toBeLessThan(3 * WRITERS);
});

test("shared work is concurrent, and exclusive work waits for it and is waited for", async () => {
  const key = newId();
  const order: string[] = [];
  const ends = Promise.withResolvers<void>();
  const shared = (name: string, until?: Promise<void>) =>
    withSharedLock(key, by(), async () => {
      order.push(`${name} starts`);
      await until;
      order.push(`${name} ends`);
    });
  const all = [
    shared("a", ends.promise),
    shared("b"),
    withLocks([key], by(), async ({ length }) => void order.push(`exclusive, after ${length}`)),
    shared("c"),
  ];
  await all[1];
  ends.resolve();
  await Promise.all(all);
  expect(order).toEqual([
    "a starts",
    "b starts",
    "b ends",
    "a ends",
    "exclusive, after 2",
    "c starts",
    "c ends",
  ]);
  await withLocks([key], by(), async (earlier) => expect(earlier).toEqual([]));
});

test("shared work waits once eight of its key run, and starts when any of them ends", async () => {
  const key = newId();
  const ends = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  const started: number[] = [];
  const work = (index: number) =>
    withSharedLock(key, by(), async () => {
      started.push(index);
      await ends[index]?.promise;
    });
  const running = ends.map((_, index) => work(index));
  const ninth = work(8);
  await vi.waitFor(() => expect(started).toHaveLength(8));
  await withSharedLock(newId(), by(), async () => undefined); // another key's does not wait
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  ends[3]?.resolve();
  await ninth;
  await Promise.all([work(9), work(10)]); // one after the other, as the seven others have no end yet
  for (const { resolve } of ends) resolve();
  await Promise.all(running);
  await withLocks([key], by(), async (earlier) => expect(earlier).toEqual([]));
});

test("adjustments of one product are made at the same time", async () => {
  const stocked = Product.Create.parse({ ...pen(), initialQuantity: 10 });
  const { id } = (await Product.create(stocked, by())).value;
  const both = Promise.withResolvers<void>();
  let waiting = 0;
  proxy.decide(async () => {
    if (++waiting === 2) both.resolve();
    await both.promise;
    return "none" as const;
  });
  const sell = () => Inventory.adjust(id, { delta: -1, reason: "sold" }, by());
  await Promise.all([sell(), sell()]);
  expect((await Inventory.get(id)).quantity).toBe(8);
});

test("exclusive work gets the results of the work that it has waited for", async () => {
  const key = newId();
  const [, failed, earlier] = await Promise.allSettled([
    withLocks([key], by(), async () => "a"),
    withLocks([key], by(), async (before) => Promise.reject(new Error(String(before)))),
    withLocks([key], by(), async (before) => before),
  ]);
  expect(failed).toMatchObject({ reason: { message: "a" } });
  expect(earlier).toMatchObject({ value: [undefined] });
});

describe("what another process writes between two writers of this one counts", () => {
  /** Patches n to 1, has another process set it to 2 in version 3, and runs `next` in its turn. */
  const between = async <T>(next: (id: string) => Promise<T>): Promise<T> => {
    const { id } = (await Item.create({ n: 0 }, by())).value;
    const Key = { pk: `ITEM#${shardOf(id)}`, sk: id };
    const foreign = async () => {
      const found = await documents.send(new GetCommand({ TableName: tableName, Key }));
      const stored = { ...found.Item, version: 3, data: JSON.stringify({ n: 2 }) };
      await documents.send(new PutCommand({ TableName: tableName, Item: stored }));
    };
    let isFirst = true;
    const client = intercepted(use(proxy.endpoint), async ({ operation }, send) => {
      const reply = await send();
      if (operation === "PutItem" && isFirst) {
        isFirst = false;
        await foreign();
      }
      return reply;
    });
    DynamoDB.configure({ client, tableName, shards: SHARDS });
    const [, result] = await Promise.all([Item.patch(id, { n: 1 }, by()), next(id)]);
    use(proxy.endpoint);
    return result;
  };

  test("for a change that it has made needful", async () => {
    const { value } = await between((id) => Item.patch(id, { n: 1 }, by()));
    expect(value).toMatchObject({ n: 1, version: 4 });
  });

  test("for one that expects its version", async () => {
    const { value } = await between((id) => Item.patch(id, { m: 1 }, by(), [3]));
    expect(value).toMatchObject({ n: 2, m: 1, version: 4 });
  });

  test("for one that is built from it", async () => {
    const { value } = await between((id) => Item.patch(id, { m: 1 }, by()));
    expect(value).toMatchObject({ n: 2, m: 1, version: 4 });
  });
});
