import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import { activeIndex, lineItem, reservations } from "../../src/catalog/reservation-record.ts";
import { checkStock, type Difference, type Progress } from "../../src/catalog/stock-check.ts";
import { repair, repairReservation } from "../../src/catalog/stock-repair.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";
import { ownTable } from "../support/own-table.ts";
import { by } from "../support/store.ts";

let table: Awaited<ReturnType<typeof ownTable>>;
let count = 0;

/** Each test has a table of its own, since a check reads the whole table. */
beforeEach(async () => {
  table = await ownTable(`check-${count++}`);
});

afterEach(() => table.drop());

const stocked = async (initialQuantity: number): Promise<string> =>
  (
    await Product.create(
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity }),
      by(),
    )
  ).value.id;

const reserved = async (...lines: [productId: string, quantity: number][]): Promise<string> =>
  (
    await Reservation.create(
      Reservation.Create.parse({
        lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
      }),
      by(),
    )
  ).value.id;

/** Overwrites attributes directly in the table; undefined removes one. */
async function damage(key: DynamoDB.Key, attributes: DynamoDB.Attributes): Promise<void> {
  await DynamoDB.put({ Item: { ...(await DynamoDB.read(key)), ...key, ...attributes } });
}

const levelKey = (id: string) => ({ pk: `INVENTORY#${shardOf(id)}`, sk: id });
const reservationKey = (id: string) => ({ pk: `RESERVATION#${shardOf(id)}`, sk: id });
const lineKey = (productId: string, id: string) => ({ pk: `LINE#${productId}`, sk: id });

async function check() {
  const differences: Difference[] = [];
  let progress: Progress = { products: 0, reservations: 0, unsettled: 0 };
  const onProgress = (now: Progress) => (progress = now);
  for await (const difference of checkStock({ onProgress })) differences.push(difference);
  return { differences, progress };
}

const found = async () =>
  (await check()).differences.map(({ rule, expected, actual }) => [rule, expected, actual]);

describe("check", () => {
  test("finds nothing after every verb was used, and counts what it has read", async () => {
    const [a, b] = [await stocked(10), await stocked(3)];
    const [sold, freed] = [await reserved([a, 2], [b, 1]), await reserved([a, 1])];
    const past = await reserved([a, 3], [b, 2]);
    await Reservation.confirm(sold, by());
    await Reservation.cancel(freed, by());
    await Inventory.adjust(a, { delta: -1, reason: "broken" }, by());
    await Product.remove(await stocked(1), by());
    // A reservation that is due holds its units until it is released.
    const until = Date.now() - 60_000;
    const { gsi1sk } = activeIndex(past, until);
    await damage(reservationKey(past), { until, gsi1sk });
    for (const id of [a, b]) await damage(lineKey(id, past), { gsi1sk });
    expect(await check()).toEqual({
      differences: [],
      progress: { products: 2, reservations: 3, unsettled: 0 },
    });
  });

  test("reads every page of the lines of a popular product", async () => {
    const id = await stocked(2_000);
    const lines = [{ productId: id, quantity: 2 }];
    const until = Date.now() + 60_000;
    const plant = async () => {
      const holder = newId();
      const index = activeIndex(holder, until);
      const attributes = { status: "active", lines, until, ...index };
      const { stored } = reservations.newRecord(holder, attributes, by());
      await DynamoDB.put({ Item: stored });
      await DynamoDB.put({
        Item: lineItem(holder, { productId: id, quantity: 2 }, until),
      });
    };
    for (let n = 0; n < 12; n++) await Promise.all(Array.from({ length: 50 }, plant));
    expect(await found()).toEqual([["reserved", 1_200, 0]]);
    expect(await repair(id, by())).toBe(true);
    expect(await check()).toMatchObject({ differences: [], progress: { reservations: 600 } });
  });

  test.each<[string, DynamoDB.Attributes, Difference["rule"][]]>([
    ["available", { available: 9 }, ["available"]],
    ["headroom", { headroom: 1 }, ["level"]],
    ["the index keys", { gsi1pk: "LEVEL#low", gsi1sk: "x" }, ["level"]],
    ["the sum of movements", { moved: 11 }, ["moved"]],
    ["the reserved units", { reserved: 5, available: 5, headroom: 5 }, ["reserved"]],
  ])("finds and repairs damage to %s", async (_what, attributes, rules) => {
    const id = await stocked(10);
    await reserved([id, 3]);
    const before = await Inventory.get(id);
    await damage(levelKey(id), attributes);
    expect((await found()).map(([rule]) => rule)).toEqual(rules);
    expect(await repair(id, by())).toBe(true);
    expect(await found()).toEqual([]);
    expect(await Inventory.get(id)).toMatchObject({
      ...before,
      version: before.version + 1,
      updatedAt: expect.any(String),
    });
    expect(await DynamoDB.read(levelKey(id))).toMatchObject({ reason: "check-stock" });
    expect(await repair(id, by())).toBe(false);
  });

  test("finds more units reserved than on hand, and does not repair it", async () => {
    const id = await stocked(10);
    await reserved([id, 3]);
    await damage(levelKey(id), { quantity: 2, moved: 2, available: -1, headroom: -1 });
    expect((await found()).map(([rule]) => rule)).toEqual(["bounds", "level"]);
    expect(await repair(id, by())).toBe(false);
    expect(await Inventory.get(id)).toMatchObject({ quantity: 2, reserved: 3 });
  });

  test("finds and repairs a line with a wrong quantity or wrong index keys", async () => {
    const id = await stocked(10);
    for (const attributes of [
      { quantity: 4 },
      { gsi1pk: undefined, gsi1sk: undefined },
      { gsi1sk: "2020-01-01T00:00:00.000Z#x" },
    ]) {
      const holder = await reserved([id, 3]);
      await damage(lineKey(id, holder), attributes);
      expect((await check()).differences[0]).toMatchObject({
        rule: "line",
        productId: id,
        reservationId: holder,
      });
      expect(await repairReservation(holder, id, by())).toBe(true);
      expect(await found()).toEqual([]);
      await Reservation.cancel(holder, by());
    }
  });

  test("finds and repairs a line of a closed reservation that still holds units", async () => {
    const id = await stocked(10);
    const holder = await reserved([id, 3]);
    const line = await DynamoDB.read(lineKey(id, holder));
    await Reservation.confirm(holder, by());
    await DynamoDB.put({ Item: { ...line } });
    expect(await found()).toEqual([
      ["line", "3 units, not listed", expect.stringContaining(`3 units, listed at HELD#${id}`)],
    ]);
    expect(await repairReservation(holder, id, by())).toBe(true);
    expect(await found()).toEqual([]);
  });

  test("finds and repairs a line whose reservation does not exist", async () => {
    const id = await stocked(10);
    await DynamoDB.put({
      Item: lineItem("unknown", { productId: id, quantity: 2 }, 1),
    });
    expect((await found()).map(([rule]) => rule)).toEqual(["line"]);
    expect(await repairReservation("unknown", id, by())).toBe(true);
    expect(await found()).toEqual([]);
  });

  test("finds and repairs an active reservation that the sweep would not find", async () => {
    const id = await stocked(10);
    const holder = await reserved([id, 3]);
    await damage(reservationKey(holder), { gsi1pk: undefined, gsi1sk: undefined });
    expect((await found()).map(([rule]) => rule)).toEqual(["expiry"]);
    expect(await repairReservation(holder, id, by())).toBe(true);
    expect(await found()).toEqual([]);
  });

  test("finds nothing while stock moves, and a repair meanwhile changes nothing", async () => {
    const products = [await stocked(50), await stocked(50), await stocked(50)];
    let stop = false;
    const trader = async (n: number) => {
      for (let turn = n; !stop; turn++) {
        const [a = "", b = ""] = [products[turn % 3], products[(turn + 1) % 3]];
        const id = await reserved([a, 1], [b, 2]);
        await Reservation.extend(id, { ttlSeconds: 2_000 }, by());
        await (turn % 2 ? Reservation.cancel(id, by()) : Reservation.confirm(id, by()));
        if (turn % 2 === 0) {
          await Inventory.adjust(a, { delta: 1, reason: "delivery" }, by());
          await Inventory.adjust(b, { delta: 2, reason: "delivery" }, by());
        }
      }
    };
    const traders = Array.from({ length: 4 }, (_, n) => trader(n));
    const until = Date.now() + 1_500;
    const seen: Difference[] = [];
    while (Date.now() < until) {
      seen.push(...(await check()).differences);
      for (const id of products) expect(await repair(id, by())).toBe(false);
    }
    stop = true;
    await Promise.all(traders);
    expect(seen).toEqual([]);
    expect((await check()).differences).toEqual([]);
  });
});
