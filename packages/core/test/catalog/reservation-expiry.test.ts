/** Reservations whose time has passed, in a table of their own: a sweep expires those of all tests. */

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import { sweep } from "../../src/catalog/reservation-expiry.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";
import { letExpire } from "../support/expiry.ts";
import { type Command, intercepted } from "../support/intercept.ts";
import { ownTable } from "../support/own-table.ts";
import { anotherService } from "../support/service.ts";
import { by, failure, SHARDS, use } from "../support/store.ts";

let table: Awaited<ReturnType<typeof ownTable>>;
beforeAll(async () => {
  table = await ownTable("expiry");
});
afterEach(() => void use(undefined, table.name));
afterAll(() => table.drop());

/** Passes each call of the store to `around`, until the test ends. */
const intercept = (around: Parameters<typeof intercepted>[1]) =>
  DynamoDB.configure({
    client: intercepted(use(undefined, table.name), around),
    tableName: table.name,
    shards: SHARDS,
  });

const sweepAll = () => sweep(by({ actor: "sweep" }), Date.now() + 20_000);

const stocked = async (initialQuantity: number): Promise<string> => {
  const pen = { name: "Pen", price: 1, category: "pens", initialQuantity };
  return (await Product.create(Product.Create.parse(pen), by())).value.id;
};

/** Reserves one unit of each product. Returns the reservation's id. */
const reserve = async (products: readonly string[], writer = by()): Promise<string> => {
  const lines = products.map((productId) => ({ productId, quantity: 1 }));
  return (await Reservation.create(Reservation.Create.parse({ lines }), writer)).value.id;
};

/** Reserves one unit of each product, `count` times, and lets the reservations expire. */
const expired = async (products: readonly string[], count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await reserve(products));
  for (const id of ids) await letExpire(id);
  return ids;
};

/** The products whose inventories a transaction changes. */
const productsOf = ({ operation, input }: Command): string[] => {
  if (operation !== "TransactWriteItems") return [];
  const writes = input["TransactItems"] as { [action: string]: { Item?: Key; Key?: Key } }[];
  return writes
    .flatMap((write) => Object.values(write))
    .map(({ Item, Key }) => (Item ?? Key) as Key)
    .filter(({ pk }) => pk.startsWith("INVENTORY#"))
    .map(({ sk }) => sk);
};
type Key = DynamoDB.Key;

test("expired reservations that share a product are released one transaction after another", async () => {
  const [a, b] = [await stocked(50), await stocked(50)];
  for (const products of [[a], [a, b], [b]]) await expired(products, 4);
  const changing: string[] = [];
  const collisions: string[] = [];
  intercept(async (command, send) => {
    const products = productsOf(command);
    collisions.push(...products.filter((product) => changing.includes(product)));
    changing.push(...products);
    try {
      return await send();
    } finally {
      for (const product of products) changing.splice(changing.indexOf(product), 1);
    }
  });
  // By sweeps, and by buyers who each need the expired units of one product.
  const buyers = [a, b].map((product) =>
    Inventory.adjust(product, { delta: -45, reason: "sold" }, by()),
  );
  await Promise.all([sweepAll(), sweepAll(), ...buyers]);
  expect(collisions).toEqual([]);
  for (const product of [a, b]) {
    expect(await Inventory.get(product)).toMatchObject({ quantity: 5, reserved: 0 });
  }
}, 60_000);

test("what a request releases is not the work of its caller", async () => {
  const [product, other] = [await stocked(2), await stocked(2)];
  const [needed = ""] = await expired([product, other], 1);
  const [refused = ""] = await expired([other], 1);
  const caller = by({ actor: "bob", clientRef: "tab-7" });
  await Inventory.adjust(product, { delta: -2, reason: "sold" }, caller);
  expect(await failure(Reservation.confirm(refused, caller))).toMatchObject({
    code: "reservation_expired",
  });
  const kinds = [
    ["INVENTORY", other],
    ["RESERVATION", needed],
    ["RESERVATION", refused],
  ] as const;
  for (const [kind, id] of kinds) {
    const stored = await DynamoDB.read({ pk: `${kind}#${shardOf(id)}`, sk: id });
    expect(stored).toMatchObject({ actor: "expiry", requestId: caller.requestId });
    expect(stored).not.toHaveProperty("clientRef");
  }
});

test("a reservation that another process expires, whose products it deletes, is not damaged", async () => {
  const products: string[] = [];
  for (let n = 0; n < 5; n++) products.push(await stocked(1));
  const [id = ""] = await expired(products, 1);
  const other = await anotherService();
  other.DynamoDB.configure({
    client: use(undefined, table.name),
    tableName: table.name,
    shards: SHARDS,
  });
  let isFirst = true;
  intercept(async ({ operation, input }, send) => {
    if (operation === "TransactWriteItems" && JSON.stringify(input).includes(id) && isFirst) {
      isFirst = false;
      for (const product of products) await other.Product.remove(product, by());
    }
    return send();
  });
  expect(await sweepAll()).toMatchObject({ expired: 0, failed: 0 });
  expect(isFirst).toBe(false);
  expect(await Reservation.get(id)).toMatchObject({ status: "expired", version: 2 });
});
