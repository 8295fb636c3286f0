import { beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import { withLocks } from "../../src/store/lock.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import { sweep } from "../../src/catalog/reservation-expiry.ts";
import { intercepted } from "../support/intercept.ts";
import { letExpire } from "../support/expiry.ts";
import { by, failure, keyed, SHARDS, tableName, use } from "../support/store.ts";

beforeAll(() => void use());

const stocked = async (initialQuantity: number): Promise<string> =>
  (
    await Product.create(
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity }),
      by(),
    )
  ).value.id;

const reserve = (
  lines: [productId: string, quantity: number][],
  more: object = {},
  writer = by(),
) =>
  Reservation.create(
    Reservation.Create.parse({
      lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
      ...more,
    }),
    writer,
  );

const counts = async (productId: string) => {
  const { quantity, reserved, available, level } = await Inventory.get(productId);
  return { quantity, reserved, available, level };
};

describe("a reservation", () => {
  test("holds all its lines, and adds up lines of one product", async () => {
    const [a, b] = [await stocked(10), await stocked(5)];
    const { value } = await reserve(
      [
        [a, 2],
        [b, 1],
        [a, 3],
      ],
      { reference: "order-1" },
    );
    expect(value).toMatchObject({
      status: "active",
      lines: [
        { productId: a, quantity: 5 },
        { productId: b, quantity: 1 },
      ],
      reference: "order-1",
      version: 1,
    });
    expect(await counts(a)).toEqual({ quantity: 10, reserved: 5, available: 5, level: "ok" });
    expect(await counts(b)).toEqual({ quantity: 5, reserved: 1, available: 4, level: "ok" });
    expect(await Reservation.get(value.id)).toEqual(value);
  });

  test("of the last units makes the level out, and its cancellation makes it ok again", async () => {
    const id = await stocked(3);
    const { value } = await reserve([[id, 3]]);
    expect(await counts(id)).toEqual({ quantity: 3, reserved: 3, available: 0, level: "out" });
    await Reservation.cancel(value.id, by());
    expect(await counts(id)).toEqual({ quantity: 3, reserved: 0, available: 3, level: "ok" });
  });

  test("is refused as a whole if one line is short, which the error names", async () => {
    const [a, b] = [await stocked(10), await stocked(1)];
    expect(
      await failure(
        reserve([
          [a, 1],
          [b, 2],
        ]),
      ),
    ).toMatchObject({
      code: "insufficient_stock",
      members: { shortages: [{ productId: b, requested: 2, available: 1 }] },
    });
    expect(await counts(a)).toMatchObject({ reserved: 0, available: 10 });
  });

  test("of an unknown product is refused with a pointer to its line", async () => {
    const a = await stocked(1);
    expect(
      await failure(
        reserve([
          [a, 1],
          [newId(), 1],
        ]),
      ),
    ).toMatchObject({ code: "product_not_found", errors: [{ pointer: "/lines/1/productId" }] });
    expect(await counts(a)).toMatchObject({ reserved: 0 });
  });

  test("is possible at every level down to the last unit, and can be cancelled at each", async () => {
    const id = await stocked(20);
    await Inventory.set(id, { quantity: 20, reorderPoint: 15 }, by());
    const made: string[] = [];
    for (let n = 0; n < 20; n++) made.push((await reserve([[id, 1]])).value.id);
    expect(await counts(id)).toEqual({ quantity: 20, reserved: 20, available: 0, level: "out" });
    expect(await failure(reserve([[id, 1]]))).toMatchObject({ code: "insufficient_stock" });
    for (const each of made) await Reservation.cancel(each, by());
    expect(await counts(id)).toEqual({ quantity: 20, reserved: 0, available: 20, level: "ok" });
  });

  test("that is confirmed stays confirmed: its units are sold once and other actions are refused", async () => {
    const id = await stocked(5);
    const { value } = await reserve([[id, 2]]);
    const confirmed = await Reservation.confirm(value.id, by());
    expect(confirmed.value).toMatchObject({ status: "confirmed", version: 2 });
    expect(await counts(id)).toEqual({ quantity: 3, reserved: 0, available: 3, level: "ok" });
    expect(await Reservation.confirm(value.id, by())).toMatchObject({
      value: confirmed.value,
      changed: false,
    });
    for (const refused of [
      await failure(Reservation.cancel(value.id, by())),
      await failure(Reservation.extend(value.id, { ttlSeconds: 60 }, by())),
    ]) {
      expect(refused).toMatchObject({ code: "reservation_closed" });
    }
  });

  test("can be extended but not shortened", async () => {
    const id = await stocked(5);
    const { value } = await reserve([[id, 2]], { ttlSeconds: 600 });
    const longer = await Reservation.extend(value.id, { ttlSeconds: 6_000 }, by());
    expect(Date.parse(longer.value.expiresAt)).toBeGreaterThan(Date.parse(value.expiresAt));
    const shorter = await Reservation.extend(value.id, { ttlSeconds: 30 }, by());
    expect(shorter).toMatchObject({ value: longer.value, changed: false });
  });

  test("that does not exist is not found by any action", async () => {
    for (const refused of [
      await failure(Reservation.get(newId())),
      await failure(Reservation.confirm(newId(), by())),
      await failure(Reservation.cancel(newId(), by())),
      await failure(Reservation.extend(newId(), { ttlSeconds: 60 }, by())),
    ]) {
      expect(refused).toMatchObject({ code: "reservation_not_found" });
    }
  });

  test("is created once and confirmed once by concurrent requests with one key", async () => {
    const id = await stocked(50);
    const key = newId();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => reserve([[id, 2]], {}, keyed(key))),
    );
    expect(new Set(outcomes.map(({ value }) => value.id)).size).toBe(1);
    expect(await counts(id)).toMatchObject({ reserved: 2 });
    const reservation = outcomes[0]?.value.id ?? "";
    const confirmKey = newId();
    await Promise.all(
      Array.from({ length: 20 }, () => Reservation.confirm(reservation, keyed(confirmKey))),
    );
    expect(await counts(id)).toMatchObject({ quantity: 48, reserved: 0 });
  });
});

describe("an expired reservation", () => {
  test("refuses every action, and its units can be reserved again", async () => {
    for (const act of [
      (id: string) => Reservation.confirm(id, by()),
      (id: string) => Reservation.cancel(id, by()),
      (id: string) => Reservation.extend(id, { ttlSeconds: 60 }, by()),
    ]) {
      const product = await stocked(5);
      const { value } = await reserve([[product, 5]]);
      await letExpire(value.id);
      expect((await Reservation.get(value.id)).status).toBe("expired");
      expect(await failure(act(value.id))).toMatchObject({ code: "reservation_expired" });
      await reserve([[product, 5]]);
    }
  });

  test("is released by the reservation that needs its units", async () => {
    const [a, b] = [await stocked(5), await stocked(5)];
    const { value } = await reserve([
      [a, 5],
      [b, 2],
    ]);
    await letExpire(value.id);
    await reserve([[a, 4]]);
    expect(await counts(a)).toMatchObject({ reserved: 4, available: 1 });
    expect(await counts(b)).toMatchObject({ reserved: 0, available: 5 });
    expect((await Reservation.get(value.id)).version).toBe(2);
  });

  test("is expired once by two concurrent sweeps", async () => {
    const product = await stocked(120);
    const made = await Promise.all(Array.from({ length: 120 }, () => reserve([[product, 1]])));
    for (const { value } of made.slice(0, 110)) await letExpire(value.id);
    const sweeps = await Promise.all([
      sweep(by({ actor: "sweep" }), Date.now() + 20_000),
      sweep(by({ actor: "sweep" }), Date.now() + 20_000),
    ]);
    expect(sweeps.reduce((sum, { expired }) => sum + expired, 0)).toBeGreaterThanOrEqual(110);
    expect(await counts(product)).toMatchObject({ reserved: 10, available: 110 });
    expect((await sweep(by(), Date.now() + 20_000)).expired).toBe(0);
  }, 60_000);

  test("is left to the next sweep if the deadline has passed", async () => {
    expect(await sweep(by(), Date.now() - 1)).toEqual({
      expired: 0,
      failed: 0,
      more: true,
      lagMs: 0,
    });
  });

  test.each([
    [
      "a sale",
      (id: string) => Inventory.adjust(id, { delta: -5, reason: "sold" }, by()),
      "insufficient_stock",
    ],
    ["a count", (id: string) => Inventory.set(id, { quantity: 1 }, by()), "below_reserved"],
    ["the product's deletion", (id: string) => Product.remove(id, by()), "has_active_reservations"],
  ])("does not block %s", async (_, verb, code) => {
    const [product, other] = [await stocked(5), await stocked(5)];
    const { value } = await reserve([
      [product, 2],
      [other, 2],
    ]);
    expect(await failure(verb(product))).toMatchObject({ code });
    await letExpire(value.id);
    await verb(product);
    expect((await Reservation.get(value.id)).version).toBe(2);
    expect(await counts(other)).toMatchObject({ reserved: 0, available: 5 });
  });

  test("does not block a sale, however many of them hold the units", async () => {
    const product = await stocked(130);
    const made = await Promise.all(Array.from({ length: 130 }, () => reserve([[product, 1]])));
    for (let n = 0; n < made.length; n += 10) {
      await Promise.all(made.slice(n, n + 10).map(({ value }) => letExpire(value.id)));
    }
    const before = (await Inventory.get(product)).version;
    const sizes: number[] = [];
    const counted = intercepted(use(), ({ operation, input }, send) => {
      if (operation === "TransactWriteItems") sizes.push(input["TransactItems"].length);
      return send();
    });
    DynamoDB.configure({ client: counted, tableName, shards: SHARDS });
    await reserve([[product, 120]]);
    use();
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100); // DynamoDB takes no more; some engines do
    expect(await counts(product)).toMatchObject({ reserved: 120, available: 10 });
    // Released many at a time: one by one they would keep the buyer waiting.
    expect((await Inventory.get(product)).version - before).toBeLessThanOrEqual(5);
  }, 60_000);
});

describe("a reservation whose inventory is missing", () => {
  /** Returns a product that is reserved together with one whose inventory was lost. */
  const damaged = async () => {
    const [product, lost] = [await stocked(5), await stocked(5)];
    const { value } = await reserve([
      [product, 2],
      [lost, 1],
    ]);
    const Key = { pk: `INVENTORY#${shardOf(lost)}`, sk: lost };
    const stored = await DynamoDB.read(Key);
    await DynamoDB.deleteItem({ Key });
    await letExpire(value.id);
    const repair = async () => {
      await DynamoDB.put({ Item: stored });
      await sweep(by(), Date.now() + 20_000);
    };
    return { product, id: value.id, repair };
  };

  test("does not stop a sweep from expiring the others", async () => {
    const { id, repair } = await damaged();
    const product = await stocked(40);
    const made = await Promise.all(Array.from({ length: 40 }, () => reserve([[product, 1]])));
    await Promise.all(made.map(({ value }) => letExpire(value.id)));
    const swept = await sweep(by(), Date.now() + 20_000);
    expect(swept.failed).toBeGreaterThanOrEqual(1);
    expect(String(swept.failure)).toContain(id);
    expect(await counts(product)).toMatchObject({ reserved: 0, available: 40 });
    await repair();
  }, 60_000);

  test("gives a buyer of the other product an answer", async () => {
    const { product, repair } = await damaged();
    expect(await failure(reserve([[product, 4]]))).toMatchObject({ code: "insufficient_stock" });
    await repair();
    await reserve([[product, 4]]);
  });
});

test("a reservation of more units than its inventory has reserved does not keep others of the same products from expiring", async () => {
  const product = await stocked(5);
  const made = [await reserve([[product, 2]]), await reserve([[product, 3]])];
  const Key = { pk: `INVENTORY#${shardOf(product)}`, sk: product };
  await DynamoDB.put({ Item: { ...(await DynamoDB.read(Key)), reserved: 3 } }); // damaged
  for (const { value } of made) await letExpire(value.id);
  // A sale releases all of them together, and then one by one.
  await Inventory.adjust(product, { delta: -1, reason: "sold" }, by());
  const versions = await Promise.all(
    made.map(async ({ value }) => (await Reservation.get(value.id)).version),
  );
  expect(new Set(versions)).toEqual(new Set([1, 2])); // one of the two
  await DynamoDB.put({ Item: { ...(await DynamoDB.read(Key)), reserved: 3 } });
  await sweep(by(), Date.now() + 20_000);
});

test("confirming a reservation that expired meanwhile, and whose product was deleted, is refused as expired", async () => {
  const product = await stocked(5);
  const { value } = await reserve([[product, 5]]);
  let unlock: () => void = () => undefined;
  const lock = withLocks([product], by(), () => new Promise<void>((resolve) => (unlock = resolve)));
  const late = failure(Reservation.confirm(value.id, by())); // reads it, then waits for the lock
  await Reservation.get(value.id);
  await Reservation.get(value.id);
  await letExpire(value.id);
  await sweep(by(), Date.now() + 20_000);
  await Product.remove(product, by());
  unlock();
  await lock;
  expect(await late).toMatchObject({ code: "reservation_expired" });
});

test("a reservation that is confirmed while a sweep expires it with others stays confirmed", async () => {
  const product = await stocked(7);
  const [sold, other] = [await reserve([[product, 2]]), await reserve([[product, 3]])];
  await reserve([[product, 2]]); // stays: units that a wrong release could take
  const { id } = sold.value;
  let unlock: () => void = () => undefined;
  const lock = withLocks([product], by(), () => new Promise<void>((resolve) => (unlock = resolve)));
  const confirmed = Reservation.confirm(sold.value.id, by()); // reads it, then waits for the lock
  await Reservation.get(sold.value.id);
  await Reservation.get(sold.value.id);
  for (const { value } of [sold, other]) await letExpire(value.id);
  let isFirst = true;
  const racing = intercepted(use(), async ({ operation, input }, send) => {
    const expires = operation === "TransactWriteItems" && JSON.stringify(input).includes(id);
    if (expires && isFirst) {
      isFirst = false;
      unlock();
      await confirmed;
    }
    return send();
  });
  DynamoDB.configure({ client: racing, tableName, shards: SHARDS });
  await sweep(by(), Date.now() + 20_000);
  use();
  await lock;
  expect(isFirst).toBe(false);
  expect((await Reservation.get(sold.value.id)).status).toBe("confirmed");
  expect((await Reservation.get(other.value.id)).version).toBe(2);
  expect(await counts(product)).toMatchObject({ quantity: 5, reserved: 2, available: 3 });
});

describe("lists", () => {
  test("return all reservations, the active ones, and those of a product", async () => {
    const product = await stocked(50);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await reserve([[product, 1]])).value.id);
    await Reservation.confirm(ids[1] ?? "", by());
    const list = async (filter: object) =>
      (await Reservation.list(Reservation.List.parse({ limit: "100", ...filter }))).items.map(
        ({ id }) => id,
      );
    // Other test files create reservations in the same table.
    expect((await list({})).filter((id) => ids.includes(id))).toEqual(ids.toReversed());
    expect(await list({ productId: product })).toEqual(ids.toReversed());
    const active = ids.filter((_, n) => n !== 1);
    expect(await list({ productId: product, status: "active", order: "asc" })).toEqual(active);
    expect((await list({ status: "active" })).filter((id) => ids.includes(id)).toSorted()).toEqual(
      active.toSorted(),
    );
  });
});

describe.each(["asc", "desc"])("a walk over active reservations in the order %s", (order) => {
  test.each(["all", "of one product"])(
    "returns each once that is extended meanwhile: %s",
    async (of) => {
      const product = await stocked(50);
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        ids.push((await reserve([[product, 1]], { ttlSeconds: 600 + n })).value.id);
      }
      const seen: string[] = [];
      let nextToken: string | null | undefined;
      do {
        const query = {
          limit: "2",
          order,
          status: "active",
          ...(of === "all" ? {} : { productId: product }),
          ...(nextToken ? { nextToken } : {}),
        };
        const page = await Reservation.list(Reservation.List.parse(query));
        seen.push(...page.items.map(({ id }) => id).filter((id) => ids.includes(id)));
        ({ nextToken } = page);
        // Among them are reservations that were seen, and some that were not.
        if (seen.length > 0 && seen.length < ids.length) {
          for (const id of [ids[0], ids[2], ids[4]]) {
            await Reservation.extend(id ?? "", { ttlSeconds: 5_000 }, by());
          }
        }
      } while (nextToken !== null);
      expect(seen).toEqual(order === "asc" ? ids : ids.toReversed());
    },
  );
});

test("a reservation that was extended is not expired before its new time, but then", async () => {
  const product = await stocked(5);
  const { value } = await reserve([[product, 5]], { ttlSeconds: 30 });
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  await Reservation.extend(value.id, { ttlSeconds: 3_600 }, by());
  // Its first time has passed, its new one has not.
  const Key = { pk: `RESERVATION#${shardOf(value.id)}`, sk: value.id };
  const stored = await DynamoDB.read(Key);
  await DynamoDB.put({
    Item: { ...stored, firstUntil: Date.parse(hourAgo), gsi1sk: `${hourAgo}#${value.id}` },
  });
  await sweep(by(), Date.now() + 20_000);
  expect((await Reservation.get(value.id)).status).toBe("active");
  await letExpire(value.id);
  await sweep(by(), Date.now() + 20_000);
  expect(await counts(product)).toMatchObject({ reserved: 0, available: 5 });
});

describe("under concurrency", () => {
  test("200 reservations of 40 units get 40, whatever the reorder point", async () => {
    for (const reorderPoint of [0, 20, 1_000]) {
      const product = await stocked(40);
      await Inventory.set(product, { quantity: 40, reorderPoint }, by());
      const failures = await Promise.all(
        Array.from({ length: 200 }, () => failure(reserve([[product, 1]]))),
      );
      const refused = failures.filter((error) => error !== undefined);
      expect(refused).toHaveLength(160);
      for (const error of refused) expect(error).toMatchObject({ code: "insufficient_stock" });
      expect(await counts(product)).toEqual({
        quantity: 40,
        reserved: 40,
        available: 0,
        level: "out",
      });
    }
  }, 60_000);

  test("reservations of two products in opposite orders neither deadlock nor oversell", async () => {
    const [a, b] = [await stocked(60), await stocked(40)];
    const failures = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        failure(
          reserve(
            n % 2
              ? [
                  [a, 1],
                  [b, 1],
                ]
              : [
                  [b, 1],
                  [a, 1],
                ],
          ),
        ),
      ),
    );
    expect(failures.filter((error) => error === undefined)).toHaveLength(40);
    expect(await counts(a)).toMatchObject({ reserved: 40, available: 20 });
    expect(await counts(b)).toMatchObject({ reserved: 40, available: 0 });
  }, 60_000);
});
