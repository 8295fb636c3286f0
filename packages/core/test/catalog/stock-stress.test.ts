/** Many concurrent requests in two processes: within one, locks would separate most of them. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/store/client.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as InventoryCount from "../../src/catalog/inventory-count.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as Expiry from "../../src/catalog/reservation-expiry.ts";
import { checkStock } from "../../src/catalog/stock-check.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";
import { letExpire } from "../support/expiry.ts";
import { intercepted } from "../support/intercept.ts";
import { ownTable } from "../support/own-table.ts";
import { anotherService, type Service } from "../support/service.ts";
import { by, endpoint, failure, SHARDS, timeout } from "../support/store.ts";

const ROUNDS = Number(process.env["STRESS_ROUNDS"] ?? 1);
/** Rounds of what is repeated more often; all of them by `STRESS_ROUNDS`. */
const some = (count: number) => (ROUNDS === 1 ? Math.ceil(count / 2) : count);

const here: Service = { DynamoDB, Product, Inventory, InventoryCount, Reservation, Expiry };
let table: Awaited<ReturnType<typeof ownTable>>;
let other: Service;
beforeAll(async () => {
  other = await anotherService();
  table = await ownTable("stress");
  connect(other);
});
afterAll(() => table.drop());

/** Gives a process a client of its own. */
function connect(to: Service) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({ region: "us-east-1", endpoint, credentials, timeout });
  to.DynamoDB.configure({ client, tableName: table.name, shards: SHARDS });
  return client;
}

const inEither = (n: number): Service => (n % 2 ? other : here);
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

const stocked = async (initialQuantity: number, reorderPoint = 0): Promise<string> => {
  const pen = { name: "Pen", price: 1, category: "pens", initialQuantity };
  const { id } = (await Product.create(Product.Create.parse(pen), by())).value;
  await Inventory.set(id, { quantity: initialQuantity, reorderPoint }, by());
  return id;
};

type Line = readonly [productId: string, quantity: number];
const reserve = (at: Service, lines: readonly Line[]) =>
  at.Reservation.create(
    {
      lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
      ttlSeconds: 900,
    },
    by(),
  );

/** The code of a refusal; undefined for a success. */
const codeOf = async (work: Promise<unknown>): Promise<unknown> => {
  const error = await failure(work);
  return error instanceof Error && "code" in error ? error.code : error;
};

const sweep = (at: Service) => at.Expiry.sweep(by(), Date.now() + 60_000);

describe("500 concurrent reservations of a stock of 100", () => {
  test(`reserve exactly 100 units, in ${ROUNDS} rounds`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = await stocked(100);
      const codes = await times(500, (n) => codeOf(reserve(inEither(n), [[id, 1]])));
      expect(codes.filter((code) => code === undefined)).toHaveLength(100);
      expect(codes.filter((code) => code === "insufficient_stock")).toHaveLength(400);
      expect(await Inventory.get(id)).toMatchObject({ quantity: 100, reserved: 100 });
    }
  }, 1_200_000);
});

test("reservations of overlapping products in any order end, oversell nothing and refuse nothing that fits", async () => {
  const someLines = fc
    .uniqueArray(fc.nat({ max: 3 }), { minLength: 2, maxLength: 3 })
    .chain((products) =>
      fc.tuple(
        ...products.map((each) => fc.tuple(fc.constant(each), fc.integer({ min: 1, max: 3 }))),
      ),
    );
  const requests = fc.array(someLines, { minLength: 40, maxLength: 60, size: "max" });
  await fc.assert(
    fc.asyncProperty(requests, async (wanted) => {
      const products = await times(4, (n) => stocked(20, 5 * n));
      const codes = await times(wanted.length, (n) =>
        codeOf(
          reserve(
            inEither(n),
            (wanted[n] ?? []).map(([product, quantity]) => [products[product] ?? "", quantity]),
          ),
        ),
      );
      const left = new Map<number, number>();
      for (const [n, id] of products.entries()) {
        const taken = wanted
          .filter((_, request) => codes[request] === undefined)
          .flatMap((lines) => lines.filter(([product]) => product === n))
          .reduce((sum, [, quantity]) => sum + quantity, 0);
        left.set(n, 20 - taken);
        expect(await Inventory.get(id)).toMatchObject({ reserved: taken, available: 20 - taken });
      }
      for (const [n, code] of codes.entries()) {
        if (code === undefined) continue;
        expect(code).toBe("insufficient_stock");
        const short = wanted[n]?.some(([product, quantity]) => quantity > (left.get(product) ?? 0));
        expect(short).toBe(true); // no units were released meanwhile
      }
    }),
    { numRuns: some(10) },
  );
}, 300_000);

test("counts in two processes leave the levels of one of them, while units are reserved", async () => {
  const products = await times(10, () => stocked(50));
  const count = (at: Service, n: number) => {
    const counts = products.map((productId) => ({ productId, quantity: 100 + n }));
    return at.InventoryCount.create({ counts: n % 3 ? counts : counts.toReversed() }, by());
  };
  const [counted, codes] = await Promise.all([
    times(some(20), (n) => count(inEither(n), n)),
    times(60, (n) => codeOf(reserve(inEither(n), [[products[n % 10] ?? "", 1]]))),
  ]);
  expect(codes).toEqual(codes.map(() => undefined));
  const levels = await Promise.all(products.map((id) => Inventory.get(id)));
  expect(new Set(levels.map(({ quantity }) => quantity)).size).toBe(1);
  expect(levels.map(({ reserved }) => reserved)).toEqual(levels.map(() => 6));
  // Each count was one change of each level, since all their quantities differ.
  expect(levels.map(({ version }) => version)).toEqual(levels.map(() => 1 + counted.length + 6));
}, 120_000);

test.each([0, 1, 3, 1_000])(
  "of two requests for most of the rest one succeeds, at reorder point %d",
  async (reorderPoint) => {
    for (let round = 0; round < 4; round++) {
      await times(10, async (n) => {
        const id = await stocked(4, reorderPoint);
        const take = (at: Service) =>
          n % 2
            ? reserve(at, [[id, 3]])
            : at.Inventory.adjust(id, { delta: -3, reason: "sold" }, by());
        const codes = await Promise.all([codeOf(take(here)), codeOf(take(other))]);
        expect(codes.toSorted()).toEqual(["insufficient_stock", undefined]);
        expect(await Inventory.get(id)).toMatchObject({ available: 1 });
      });
    }
  },
  60_000,
);

test("of two additions that together end the level low, the second one ends it", async () => {
  const id = await stocked(5, 10);
  const found = { delta: 4, reason: "found" };
  let updates = 0;
  const client = intercepted(connect(here), async (command, send) => {
    // The first update assumes the level ok and is refused, the second one is built from the record.
    if (command.operation === "UpdateItem" && ++updates === 2) {
      await other.Inventory.adjust(id, found, by());
    }
    return send();
  });
  DynamoDB.configure({ client, tableName: table.name, shards: SHARDS });
  await Inventory.adjust(id, found, by());
  connect(here);
  expect(updates).toBeGreaterThan(1);
  const stored = await DynamoDB.read({ pk: `INVENTORY#${shardOf(id)}`, sk: id });
  expect(stored).toMatchObject({ available: 13, headroom: 3 });
  expect(stored).not.toHaveProperty("gsi1pk"); // it is not listed as low any more
});

test.each([0, 20, 1_000])(
  "all verbs used concurrently on one product with reorder point %d keep its numbers exact",
  async (reorderPoint) => {
    const id = await stocked(40, reorderPoint);
    let [quantity, reserved] = [40, 0];
    const shopper = async (n: number) => {
      const at = inEither(n);
      for (let round = 0; round < 6; round++) {
        const delta = (n + round) % 3 === 0 ? 4 : -1;
        const adjusted = await codeOf(at.Inventory.adjust(id, { delta, reason: "counted" }, by()));
        if (adjusted === undefined) quantity += delta;
        else expect(adjusted).toBe("insufficient_stock");

        const units = 1 + ((n + round) % 3);
        let held: string | undefined;
        const code = await codeOf(
          reserve(at, [[id, units]]).then(({ value }) => (held = value.id)),
        );
        if (held === undefined) {
          expect(code).toBe("insufficient_stock");
          continue;
        }
        const end = (n + round) % 4;
        if (end === 0) reserved += units;
        else if (end === 1) await at.Reservation.cancel(held, by());
        else {
          await at.Reservation.confirm(held, by());
          quantity -= units;
        }
      }
    };
    await times(2 * some(15), shopper);
    const level = await Inventory.get(id);
    expect(level).toMatchObject({ quantity, reserved, available: quantity - reserved });
    const stored = await DynamoDB.read({ pk: `INVENTORY#${shardOf(id)}`, sk: id });
    expect(stored).toMatchObject({ moved: quantity });
  },
  120_000,
);

test("counts concurrent with all other verbs keep every number exact, also the levels", async () => {
  const products = await times(3, (n) => stocked(20, [0, 5, 1_000][n]));
  const worker = async (n: number) => {
    const at = inEither(n);
    for (let round = 0; round < 8; round++) {
      const id = products[(n + round) % 3] ?? "";
      const counted = { quantity: (7 * n + 11 * round) % 40 };
      const reorderPoint = { reorderPoint: (n * round) % 12 };
      const set = at.Inventory.set(id, round % 2 ? counted : { ...counted, ...reorderPoint }, by());
      const held = reserve(at, [[id, 1 + (n % 3)]]);
      const moved = at.Inventory.adjust(id, { delta: n % 2 ? 2 : -1, reason: "counted" }, by());
      const codes = await Promise.all([codeOf(set), codeOf(held), codeOf(moved)]);
      const refusals = [undefined, "insufficient_stock", "below_reserved"];
      for (const code of codes) expect(refusals).toContain(code);
      if (codes[1] === undefined && round % 2)
        await at.Reservation.confirm((await held).value.id, by());
    }
  };
  await times(12, worker);
  for await (const difference of checkStock()) expect(difference).toBeUndefined();
}, 120_000);

/** Expects each end to be one of the outcomes, and each outcome to have occurred. */
function expectEach(ends: readonly object[], outcomes: readonly object[]): void {
  for (const end of ends) expect(outcomes).toContainEqual(end);
  for (const outcome of outcomes) expect(ends).toContainEqual(outcome);
}

describe("of two that race to end a reservation exactly one succeeds:", () => {
  /** Runs `race` on reservations of one unit of five, ten at a time. */
  const races = async (race: (id: string, n: number) => Promise<Record<string, unknown>>) => {
    const ends = [];
    for (let round = 0; round < some(8); round++) {
      const ten = await times(10, async (n) => {
        const product = await stocked(5);
        await reserve(here, [[product, 2]]); // so that the counts alone refuse nothing
        const { id } = (await reserve(here, [[product, 1]])).value;
        const codes = await race(id, 10 * round + n);
        const { status } = await Reservation.get(id);
        const { quantity, reserved } = await Inventory.get(product);
        return { status, codes, quantity, reserved };
      });
      ends.push(...ten);
    }
    return ends;
  };

  /** Delays `work` by some reads, so that each side wins some races. */
  const after = async <T>(reads: number, work: () => Promise<T>): Promise<T> => {
    for (let n = 0; n < reads; n++) await DynamoDB.read({ pk: "SETTINGS", sk: "LIST_SHARDS" });
    return work();
  };

  test("confirm sells, or cancel releases", async () => {
    const ends = await races(async (id, n) => {
      const [confirm, cancel] = await Promise.all([
        codeOf(after(n % 3, () => Reservation.confirm(id, by()))),
        codeOf(after((n + 1) % 3, () => other.Reservation.cancel(id, by()))),
      ]);
      return { confirm, cancel };
    });
    const sold = {
      status: "confirmed",
      codes: { confirm: undefined, cancel: "reservation_closed" },
      quantity: 4,
      reserved: 2,
    };
    const released = {
      status: "cancelled",
      codes: { confirm: "reservation_closed", cancel: undefined },
      quantity: 5,
      reserved: 2,
    };
    expectEach(ends, [sold, released]);
  }, 60_000);

  test("confirm sells, or expiry releases", async () => {
    const ends = await races(async (id, n) => {
      const [confirm] = await Promise.all([
        codeOf(after(n % 8, () => other.Reservation.confirm(id, by()))),
        letExpire(id).then(() => sweep(here)),
      ]);
      return { confirm };
    });
    const sold = {
      status: "confirmed",
      codes: { confirm: undefined },
      quantity: 4,
      reserved: 2,
    };
    const released = {
      status: "expired",
      codes: { confirm: "reservation_expired" },
      quantity: 5,
      reserved: 2,
    };
    expectEach(ends, [sold, released]);
  }, 60_000);

  test("extend keeps, or expiry releases", async () => {
    const ends = await races(async (id, n) => {
      const extend = after(n % 8, () => other.Reservation.extend(id, { ttlSeconds: 3_600 }, by()));
      const [code] = await Promise.all([
        codeOf(extend),
        letExpire(id).then(() => Promise.all([sweep(here), sweep(other)])),
      ]);
      await sweep(here); // must not find what was extended
      return { extend: code };
    });
    const held = { status: "active", codes: { extend: undefined }, quantity: 5, reserved: 3 };
    const released = { status: "expired", quantity: 5, reserved: 2 };
    for (const end of ends) {
      expect([held, { ...released, codes: end.codes }]).toContainEqual(end);
      if (end.codes["extend"] !== undefined) {
        expect(end.codes).toEqual({ extend: "reservation_expired" });
      }
    }
    expect(ends.map(({ status }) => status)).toContain("expired");
  }, 60_000);
});

/** Holds back a client's calls of an operation until they are released. */
function holdBack(client: ReturnType<typeof connect>, operation: string) {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const send = client.send.bind(client);
  client.send = async (...args) => {
    if (args[0] === operation) {
      reached.resolve();
      await gate.promise;
    }
    return send(...args);
  };
  return { reached: reached.promise, release: gate.resolve };
}

test("a sweep does not expire a reservation that was extended after the sweep found it", async () => {
  const [extender, sweeper] = [await anotherService(), await anotherService()];
  const product = await stocked(5);
  const { id } = (await reserve(here, [[product, 1]])).value;

  const extension = holdBack(connect(extender), "TransactWriteItems");
  const extending = extender.Reservation.extend(id, { ttlSeconds: 3_600 }, by());
  await extension.reached; // it read the reservation in time, but commits late
  await letExpire(id);
  const client = connect(sweeper);
  await sweeper.DynamoDB.verifyShards(); // else its read would be held back
  const ending = holdBack(client, "BatchGetItem");
  const sweeping = sweep(sweeper);
  await ending.reached;
  extension.release();
  await extending;
  ending.release();

  expect(await sweeping).toMatchObject({ expired: 0 });
  expect((await Reservation.get(id)).status).toBe("active");
  expect(await Inventory.get(product)).toMatchObject({ quantity: 5, reserved: 1 });
});

test("a sweep expires all reservations that are due, page after page", async () => {
  const product = await stocked(260);
  for (let round = 0; round < 13; round++) {
    await times(20, async (n) => letExpire((await reserve(inEither(n), [[product, 1]])).value.id));
  }
  expect(await sweep(here)).toMatchObject({ expired: 260, more: false });
  expect(await Inventory.get(product)).toMatchObject({ quantity: 260, reserved: 0 });
}, 60_000);
