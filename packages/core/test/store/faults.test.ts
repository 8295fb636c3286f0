import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../src/error.ts";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as User from "../../src/catalog/user.ts";
import { type Fault, type FaultyProxy, faultyProxy, REFUSALS } from "../support/fault-proxy.ts";
import { anotherService } from "../support/service.ts";
import {
  by,
  endpoint,
  failure,
  keyed,
  SHARDS,
  tableName,
  shortTimeout,
  use,
} from "../support/store.ts";

let proxy: FaultyProxy;

beforeAll(async () => {
  proxy = await faultyProxy(endpoint);
});
beforeEach(() => {
  proxy.decide(() => "none");
  use(proxy.endpoint);
});
afterAll(() => proxy.close());

const WRITES = new Set(["PutItem", "UpdateItem", "TransactWriteItems"]);

const isWrite = (operation: string) => WRITES.has(operation);

const isRefusal = (fault: Fault) => REFUSALS.some((refusal) => refusal === fault);

/**
 * Adds a fault to the first write, so that its repetition succeeds; a fault that certainly has no
 * effect is added to more writes than a call without reply has attempts.
 */
const failFirstWrite = (fault: Fault) => {
  let left = isRefusal(fault) ? 5 : 1;
  proxy.decide((operation) => (WRITES.has(operation) && left-- > 0 ? fault : "none"));
};

const anyone = () =>
  User.Create.parse({ name: "Ana", email: `u${newId().replaceAll("-", "")}@example.com` });
const pen = (given: object = {}) =>
  Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity: 10, ...given });

// All other faults are in fault-matrix.test.ts.
const ONE_OF_EACH_KIND = [
  "lost-reply",
  "applied-server-error",
  "server-error",
  "conflict",
  "in-progress",
] as const;

describe.each(ONE_OF_EACH_KIND)(
  "after %s a write is neither denied nor applied twice:",
  (fault) => {
    test("create a user with a unique email address", async () => {
      failFirstWrite(fault);
      const { value, changed } = await User.create(anyone(), by());
      expect({ changed, version: value.version }).toEqual({ changed: true, version: 1 });
      expect(await User.get(value.id)).toEqual(value);
    });

    test("create an item by a single put", async () => {
      failFirstWrite(fault);
      const { value } = await Item.create({ a: 1 }, by());
      expect(await Item.get(value.id)).toEqual(value);
    });

    test("create an item at an id that the caller chose", async () => {
      const id = newId();
      failFirstWrite(fault);
      const { value } = await Item.createAt(id, { a: 1 }, by());
      expect(await Item.get(id)).toEqual(value);
    });

    test("update a user that was not read before", async () => {
      const { value } = await User.create(anyone(), by());
      failFirstWrite(fault);
      const updated = await User.update(value.id, { name: "Bea" }, by());
      expect(updated.value).toMatchObject({ name: "Bea", version: 2 });
      expect(await User.get(value.id)).toEqual(updated.value);
    });

    test("update a user under If-Match", async () => {
      const { value } = await User.create(anyone(), by());
      failFirstWrite(fault);
      const updated = await User.update(value.id, { name: "Bea" }, by(), [1]);
      expect(updated.value).toMatchObject({ name: "Bea", version: 2 });
    });

    test("update the email address of a user", async () => {
      const { value } = await User.create(anyone(), by());
      const { email } = anyone();
      failFirstWrite(fault);
      expect((await User.update(value.id, { email }, by())).value).toMatchObject({
        email,
        version: 2,
      });
    });

    test("adjust stock by a single update", async () => {
      const { value } = await Product.create(pen(), by());
      failFirstWrite(fault);
      const adjusted = await Inventory.adjust(value.id, { delta: -1, reason: "sold" }, by());
      expect(adjusted.value).toMatchObject({ quantity: 9, available: 9, version: 2 });
      expect(await Inventory.get(value.id)).toEqual(adjusted.value);
    });

    test("adjust stock across levels", async () => {
      const { value } = await Product.create(pen({ initialQuantity: 1 }), by());
      failFirstWrite(fault);
      const adjusted = await Inventory.adjust(value.id, { delta: -1, reason: "sold" }, by());
      expect(adjusted.value).toMatchObject({ quantity: 0, level: "out", version: 2 });
    });

    test("adjust stock with an idempotency key", async () => {
      const { value } = await Product.create(pen(), by());
      failFirstWrite(fault);
      const adjusted = await Inventory.adjust(
        value.id,
        { delta: -1, reason: "sold" },
        keyed(newId()),
      );
      expect(adjusted.value).toMatchObject({ quantity: 9, version: 2 });
      expect(await Inventory.get(value.id)).toEqual(adjusted.value);
    });

    test("delete a user, which frees the email address", async () => {
      const input = anyone();
      const { value } = await User.create(input, by());
      failFirstWrite(fault);
      await User.remove(value.id, by());
      expect(await failure(User.get(value.id))).toMatchObject({ code: "user_not_found" });
      await User.create(input, by());
    });

    test("set a quantity, which needs the record", async () => {
      const { value } = await Product.create(pen(), by());
      failFirstWrite(fault);
      const set = await Inventory.set(value.id, { quantity: 3 }, by());
      expect(set.value).toMatchObject({ quantity: 3, version: 2 });
      expect(await Inventory.get(value.id)).toEqual(set.value);
    });

    test("patch an item, which needs the record", async () => {
      const { value } = await Item.create({ a: 1 }, by());
      failFirstWrite(fault);
      const patched = await Item.patch(value.id, { b: 2 }, by());
      expect(patched.value).toMatchObject({ a: 1, b: 2, version: 2 });
      expect(await Item.get(value.id)).toEqual(patched.value);
    });

    test("delete a product with its inventory and sku", async () => {
      const { value } = await Product.create(pen({ sku: newId() }), by());
      failFirstWrite(fault);
      await Product.remove(value.id, by());
      expect(await failure(Inventory.get(value.id))).toMatchObject({ code: "inventory_not_found" });
    });
  },
);

describe("a write whose reply was lost is applied once, whatever another process writes before its retry:", () => {
  /** Makes adjustments of one unit between a write whose reply is lost and its retry. */
  async function withRivals(
    rivals: number,
    productId: string,
    write: (productId: string) => Promise<unknown>,
    faulty: (operation: string) => boolean = isWrite,
  ) {
    const other = await anotherService();
    other.DynamoDB.configure({ client: use(endpoint), tableName, shards: SHARDS });
    use(proxy.endpoint);
    const { version } = await other.Inventory.get(productId);
    let adjusting: Promise<Fault> | undefined;
    const adjust = async (): Promise<Fault> => {
      while ((await other.Inventory.get(productId)).version === version); // until it is applied
      for (let i = 0; i < rivals; i++) {
        await other.Inventory.adjust(productId, { delta: 1, reason: "meanwhile" }, by());
      }
      return "none";
    };
    proxy.decide((operation) => {
      if (!faulty(operation)) return "none";
      if (adjusting) return adjusting;
      adjusting = adjust();
      return "lost-reply";
    });
    const error = await failure(write(productId));
    expect(adjusting).toBeDefined();
    const { quantity, version: last } = await Inventory.get(productId);
    expect(last).toBe(version + 1 + rivals);
    return { error, quantity };
  }

  /** Returns a product of 100 units whose inventory is as often written as `writes` says. */
  const stock = async (writes = 0) => {
    const { id } = (await Product.create(pen({ initialQuantity: 100 - writes }), by())).value;
    for (let i = 0; i < writes; i++)
      await Inventory.adjust(id, { delta: 1, reason: "found" }, by());
    return id;
  };

  const SOLD = { delta: -3, reason: "sold" };
  const ALL = { delta: -100, reason: "sold" };
  const isPut = (operation: string) => operation === "PutItem"; // its update was refused
  const kinds = [
    ["an adjustment", 97, (id: string) => Inventory.adjust(id, SOLD, by()), isWrite],
    [
      "an adjustment under If-Match",
      97,
      (id: string) => Inventory.adjust(id, SOLD, by(), [1]),
      isWrite,
    ],
    ["setting the quantity", 7, (id: string) => Inventory.set(id, { quantity: 7 }, by()), isWrite],
    ["an adjustment across levels", 0, (id: string) => Inventory.adjust(id, ALL, by()), isPut],
  ] as const;

  describe.each(kinds)("%s", (_, left, write, faulty) => {
    test("is answered if its id is still in the register", async () => {
      const id = await stock();
      const { error, quantity } = await withRivals(7, id, write, faulty);
      expect({ error, quantity }).toEqual({ error: undefined, quantity: left + 7 });
    });

    test("is not applied again after more rivals, and its outcome is unknown", async () => {
      const id = await stock();
      const { error, quantity } = await withRivals(12, id, write, faulty);
      expect(error).toMatchObject({ code: "unavailable" });
      expect(quantity).toBe(left + 12);
    });
  });

  test.each([
    ["an adjustment", 97, (id: string) => Inventory.adjust(id, SOLD, keyed(newId()))],
    ["setting the quantity", 7, (id: string) => Inventory.set(id, { quantity: 7 }, keyed(newId()))],
  ])("%s with an idempotency key has a known outcome after any rivals", async (_, left, write) => {
    const id = await stock();
    const { error, quantity } = await withRivals(12, id, write);
    expect({ error, quantity }).toEqual({ error: undefined, quantity: left + 12 });
  });

  test("an adjustment of an inventory that has just been adjusted often", async () => {
    const id = await stock(10);
    const { error, quantity } = await withRivals(0, id, (it) => Inventory.adjust(it, SOLD, by()));
    expect({ error, quantity }).toEqual({ error: undefined, quantity: 97 });
  });
});

test.each([
  ["an adjustment", 97, (id: string) => Inventory.adjust(id, { delta: -3, reason: "x" }, by())],
  ["setting the quantity", 3, (id: string) => Inventory.set(id, { quantity: 3 }, by())],
])("%s that DynamoDB applies after its repetition is applied once", async (_, left, write) => {
  const { id } = (await Product.create(pen({ initialQuantity: 100 }), by())).value;
  let writes = 0;
  proxy.decide((operation) => (WRITES.has(operation) && ++writes === 1 ? "late" : "none"));
  await write(id);
  await proxy.applyLate();
  expect(writes).toBe(2);
  expect(await Inventory.get(id)).toMatchObject({ quantity: left, version: 2 });
});

describe("a value that was set and whose reply was lost, on a record that is written often:", () => {
  /** Makes `rivals` changes between a change whose reply is lost and its repetition. */
  async function withRivals(rivals: number) {
    const { value } = await Item.create({ n: 0 }, by());
    let lost = false;
    const rival = async (): Promise<Fault> => {
      for (let n = 1; n <= rivals; n++) await Item.replace(value.id, { rival: n }, by());
      return "none";
    };
    proxy.decide((operation) => {
      if (operation !== "UpdateItem") return "none";
      if (lost) {
        proxy.decide(() => "none");
        return rival();
      }
      lost = true;
      return "lost-reply";
    });
    const error = await failure(Item.replace(value.id, { n: 1 }, by()));
    return { error, item: await Item.get(value.id) };
  }

  test("it is applied once if its id is still in the register", async () => {
    const { error, item } = await withRivals(7);
    expect(error).toBeUndefined();
    expect(item).toMatchObject({ rival: 7, version: 9 });
  });

  test("after more rivals its outcome is unknown, and it is not applied again", async () => {
    const { error, item } = await withRivals(12);
    expect(error).toMatchObject({ code: "unavailable" });
    expect(item).toMatchObject({ rival: 12, version: 14 });
    expect(item).not.toHaveProperty("n");
  });
});

test("an item whose creation got no reply is not created again after it was deleted", async () => {
  const type = newId();
  const deleteIt = async (): Promise<Fault> => {
    proxy.decide(() => "none");
    const { items } = await Item.list(Item.List.parse({ type }));
    expect(items).toHaveLength(1);
    for (const { id } of items) await Item.remove(id, by());
    return "none";
  };
  let lost = false;
  proxy.decide((operation) => {
    if (!WRITES.has(operation)) return "none";
    if (lost) return deleteIt();
    lost = true;
    return "lost-reply";
  });
  const { value } = await Item.create({ type }, by());
  expect(await failure(Item.get(value.id))).toMatchObject({ code: "item_not_found" });
});

describe("with DynamoDB's rule that a write which meets a transaction is refused:", () => {
  /** Refuses two of three writes, as if a transaction on the same item was in progress. */
  const conflictOften = () => {
    let writes = 0;
    proxy.decide((operation) => (WRITES.has(operation) && ++writes % 3 > 0 ? "conflict" : "none"));
  };

  test("all adjustments and reservations of a product are made, none twice", async () => {
    const { value } = await Product.create(pen({ initialQuantity: 1_000 }), by());
    const lines = [{ productId: value.id, quantity: 1 }];
    conflictOften();
    await Promise.all(
      Array.from({ length: 20 }, () => [
        Inventory.adjust(value.id, { delta: -1, reason: "sold" }, by()),
        Inventory.adjust(value.id, { delta: -1, reason: "sold" }, keyed(newId())),
        Reservation.create({ lines, ttlSeconds: 900 }, by()),
      ]).flat(),
    );
    expect(await Inventory.get(value.id)).toMatchObject({
      quantity: 960,
      reserved: 20,
      version: 61,
    });
  });

  test("of concurrent creates with one email address exactly one succeeds", async () => {
    conflictOften();
    const input = anyone();
    const failures = await Promise.all(
      Array.from({ length: 10 }, () => failure(User.create(input, by()))),
    );
    const refused = failures.filter((error) => error !== undefined);
    expect(refused).toHaveLength(9);
    for (const error of refused) expect(error).toMatchObject({ code: "email_exists" });
  });

  test("of concurrent requests with one key one has the effect", async () => {
    conflictOften();
    const { value } = await Product.create(pen(), by());
    const key = newId();
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        Inventory.adjust(value.id, { delta: -1, reason: "sold" }, keyed(key)),
      ),
    );
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect((await Inventory.get(value.id)).quantity).toBe(9);
  });
});

/** The promise of docs/contract.md, and as much more as an engine's attempts may take. */
const ANSWERED_WITHIN = shortTimeout > 1_500 ? 3 * shortTimeout : 3_000; // ms

test("a request is answered within 3 s while the store is silent", async () => {
  const { value } = await Item.create({ a: 1 }, by());
  use(proxy.endpoint, tableName, shortTimeout);
  proxy.decide(() => "silence");
  const started = performance.now();
  // With a key a failed write is followed by a second call, for the answer that may be stored.
  const requests: Promise<unknown>[] = [
    Item.create({ a: 1 }, by()),
    Item.create({ a: 1 }, keyed(newId())),
    Item.patch(value.id, { b: 1 }, keyed(newId())),
  ];
  for (const error of await Promise.all(requests.map(failure))) {
    expect(error).toMatchObject({ code: "unavailable" });
  }
  expect(performance.now() - started).toBeLessThan(ANSWERED_WITHIN);
  proxy.decide(() => "none");
  expect(await Item.get(value.id)).toEqual(value);
}, 20_000);

test("calls that would wait long for an overloaded store are refused within 3 s", async () => {
  const { value } = await Item.create({ a: 1 }, by());
  use(proxy.endpoint, tableName, shortTimeout);
  proxy.decide(() => new Promise((resolve) => setTimeout(resolve, 500, "none")));
  const started = performance.now();
  const failures = await Promise.all(
    Array.from({ length: 1_000 }, () => failure(Item.get(value.id))),
  );
  expect(performance.now() - started).toBeLessThan(ANSWERED_WITHIN);
  const refused = failures.filter((error) => error !== undefined);
  expect(refused.length).toBeGreaterThan(200);
  for (const error of refused) expect(error).toMatchObject({ code: "unavailable" });
  proxy.decide(() => "none");
  expect(await Item.get(value.id)).toEqual(value);
}, 20_000);

test("a store that never answers makes calls fail with unavailable", async () => {
  const { value } = await Item.create({ a: 1 }, by());
  use(proxy.endpoint, tableName, shortTimeout);
  proxy.decide(() => "silence");
  const failures = await Promise.all([
    failure(Item.get(value.id)),
    failure(Item.create({ a: 1 }, by())),
    failure(Item.replace(value.id, { a: 2 }, by())),
    failure(User.create(anyone(), by())),
    failure(Item.list(Item.List.parse({}))),
  ]);
  for (const error of failures) {
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "unavailable" });
  }
}, 20_000);

test("a store that refuses connections makes calls fail with unavailable", async () => {
  use("http://127.0.0.1:1");
  expect(await failure(Item.get("x"))).toMatchObject({ code: "unavailable" });
});
