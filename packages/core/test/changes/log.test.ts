/** Each change is appended once, with the next number, whatever fails meanwhile. */

import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Feed, FEEDS } from "../../src/catalog/index.ts";
import type { NewChange } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import { reset } from "../../src/changes/log.ts";
import type { LoggedChange } from "../../src/changes/log-row.ts";
import type { Client } from "../../src/store/client.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { type Fault, type FaultyProxy, faultyProxy } from "../support/fault-proxy.ts";
import { intercepted } from "../support/intercept.ts";
import { anotherLog, feedIn, headIn, nameOf, newChange, soon, versions } from "../support/log.ts";
import { ownLog } from "../support/own-table.ts";
import { failure, SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: Client;
let proxy: FaultyProxy;
/** The heads of the feeds when the test began. */
const base = new Map<Feed, number>();
beforeAll(async () => {
  log = await ownLog("append");
  proxy = await faultyProxy(process.env["DYNAMODB_ENDPOINT"] ?? "");
});
beforeEach(async () => {
  client = log.open();
  proxy.decide(() => "none");
  reset();
  for (const feed of FEEDS) base.set(feed, await headIn(log.changes, feed));
});
afterAll(async () => {
  await proxy.close();
  await log.drop();
});

/** Starts a process that appends through a client. */
async function start(through: Client = client) {
  const other = await anotherLog();
  const { changes, connections } = log;
  other.DynamoDB.configure({ client: through, tableName, changes, connections, shards: SHARDS });
  return other;
}

const inLog = (feed: Feed = "items") => feedIn(log.changes, feed, base.get(feed) ?? 0);

/**
 * Expects each change to be in the log once and unchanged, with the number that `append` returned.
 */
async function expectLogged(changes: readonly NewChange[], returned: readonly LoggedChange[] = []) {
  const feeds = [...new Set(changes.map(({ feed }) => feed))];
  const logged = (await Promise.all(feeds.map((feed) => inLog(feed)))).flat();
  const byName = Map.groupBy(logged, nameOf);
  for (const one of changes) {
    expect(byName.get(nameOf(one))).toEqual([{ ...one, seq: expect.any(Number) as number }]);
  }
  for (const one of returned) expect(byName.get(nameOf(one))?.[0]?.seq).toBe(one.seq);
}

const idOf = ({ id }: NewChange) => id;

/** Expects the versions of each record to be numbered in their order. */
async function expectInOrder(changes: readonly NewChange[]) {
  const ids = new Set(changes.map(idOf));
  const logged = (await inLog()).filter(({ id }) => ids.has(id));
  for (const record of Map.groupBy(logged, idOf).values()) {
    const order = record.map(({ version }) => version);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
}

describe("the numbers of a feed", () => {
  test("continue in each feed separately, in the order of the batch", async () => {
    const batch = [
      ...versions(3, { feed: "users" }),
      ...versions(2, { feed: "products" }),
      newChange({ feed: "users" }),
    ];
    const first = await append(batch, soon());
    const numbers = (feed: Feed, of: readonly LoggedChange[]) =>
      of.filter((one) => one.feed === feed).map(({ seq }) => seq);
    expect(numbers("users", first)).toEqual([1, 2, 3, 4]);
    expect(numbers("products", first)).toEqual([1, 2]);
    const more = [newChange({ feed: "products" }), newChange({ feed: "users" })];
    const next = await append(more, soon());
    expect([numbers("users", next), numbers("products", next)]).toEqual([[5], [3]]);
    await expectLogged([...batch, ...more], [...first, ...next]);
  });

  test("have neither gap nor duplicate with several concurrent processes", async () => {
    const processes = await Promise.all(Array.from({ length: 6 }, () => start()));
    const batches = Array.from({ length: 36 }, (_, n) => versions(1 + (n % 7)));
    const queue = batches.values();
    const appended: LoggedChange[] = [];
    await Promise.all(
      processes.map(async (one) => {
        for (const batch of queue) appended.push(...(await one.append(batch, soon())));
      }),
    );
    await expectLogged(batches.flat(), appended);
    await expectInOrder(batches.flat());
  }, 60_000);

  test("of a batch larger than a transaction are consecutive, and 80 changes of 32 KiB fit", async () => {
    const batch = versions(245);
    const appended = await append(batch, soon());
    const [{ seq: next } = { seq: 0 }] = appended;
    expect(appended.map(({ seq }) => seq)).toEqual(batch.map((_, n) => next + n));
    expect(appended.map(({ version }) => version)).toEqual(batch.map(({ version }) => version));
    const heavy = Array.from({ length: 81 }, () =>
      newChange({ data: { text: "x".repeat(31_500) } }),
    );
    await append(heavy, soon());
    await expectLogged([...batch, ...heavy], appended);
  });

  test("are not used by a batch that is given up at its deadline", async () => {
    const rivals = async (call: number) => {
      if (call === 1) return;
      const rival = await start();
      await rival.append([newChange()], soon());
    };
    let calls = 0;
    const through = intercepted(client, async ({ operation }, send) => {
      if (operation === "TransactWriteItems") await rivals(++calls);
      return send();
    });
    const late = await start(through);
    await late.append([newChange()], soon()); // from now on it assumes this head
    const batch = versions(2);
    expect(await failure(late.append(batch, Date.now() - 1))).toMatchObject({
      code: "unavailable",
    });
    const names = new Set((await inLog()).map(nameOf));
    expect(batch.filter((one) => names.has(nameOf(one)))).toEqual([]);
  });
});

describe("a stream that delivers", () => {
  test("the same batch again leaves the log unchanged and gets the same numbers", async () => {
    const batch = versions(100);
    const first = await append(batch, soon());
    const before = await inLog();
    expect(await append(batch, soon())).toEqual(first);
    reset();
    expect(await append(batch.slice(20, 50), soon())).toEqual(first.slice(20, 50));
    const elsewhere = await start();
    expect(await elsewhere.append(batch.toReversed(), soon())).toEqual(first);
    expect(await inLog()).toEqual(before);
  });

  test("new changes among known ones gets the next numbers for them", async () => {
    const [a, b, c, d] = versions(4) as [NewChange, NewChange, NewChange, NewChange];
    const [first] = await append([a], soon());
    const appended = await append([a, a, b, c, b], soon());
    expect(appended.map(({ version, seq }) => [version, seq - (first?.seq ?? 0)])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    await append([d, c], soon());
    await expectLogged([a, b, c, d], appended);
    await expectInOrder([a]);
  });

  test("duplicates, permutations and overlaps to several processes leaves the log exact", async () => {
    const processes = await Promise.all(Array.from({ length: 3 }, () => start()));
    const RECORDS = 3;
    const VERSIONS = 5;
    // A stream has a record's versions in order; batches are delivered again, to other processes
    // too.
    const delivery = fc.record({
      from: fc.nat(RECORDS * VERSIONS - 1),
      size: fc.integer({ min: 1, max: RECORDS * VERSIONS }),
      by: fc.nat(2),
      shuffle: fc.array(fc.nat(), { minLength: 15, maxLength: 15 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(delivery, { minLength: 1, maxLength: 9 }),
        fc.boolean(),
        async (deliveries, together) => {
          const records = Array.from({ length: RECORDS }, () => versions(VERSIONS));
          const stream = Array.from(
            { length: RECORDS * VERSIONS },
            (_, n) => records[n % RECORDS]?.[Math.floor(n / RECORDS)] as NewChange,
          );
          const deliver = async ({ from, size, by, shuffle }: (typeof deliveries)[number]) => {
            const batch = stream
              .slice(from, from + size)
              .map((one, n) => [shuffle[n] ?? 0, one] as const)
              .toSorted(([a], [b]) => a - b)
              .map(([, one]) => one);
            return (await processes[by]?.append([...batch, ...batch.slice(0, 2)], soon())) ?? [];
          };
          const appended: LoggedChange[] = [];
          if (together) appended.push(...(await Promise.all(deliveries.map(deliver))).flat());
          else for (const each of deliveries) appended.push(...(await deliver(each)));
          const names = new Set(appended.map(nameOf));
          await expectLogged(
            stream.filter((one) => names.has(nameOf(one))),
            appended,
          );
        },
      ),
      { numRuns: Number(process.env["MODEL_RUNS"] ?? 25) },
    );
  }, 120_000);

  test("an older version late gets it into the log", async () => {
    const [a, b, c] = versions(3) as [NewChange, NewChange, NewChange];
    await append([b], soon());
    await append([c, a], soon());
    await expectLogged([a, b, c]);
  });
});

describe.each(["lost-reply", "applied-server-error", "server-error"] as const)(
  "after %s on any call, an append",
  (fault) => {
    test("leaves each change in the log once", async () => {
      const through = log.open(proxy.endpoint);
      for (let hit = 1; ; hit++) {
        const appender = await start(through);
        const batch = [...versions(90), ...versions(2, { feed: "products" })];
        let met = false;
        proxy.decide((_, call): Fault => {
          if (call !== hit) return "none";
          met = true;
          return fault;
        });
        const appended = await appender.append(batch, soon());
        proxy.decide(() => "none");
        await expectLogged(batch, appended);
        if (!met) {
          expect(hit).toBe(6); // two heads, and transactions for 80, 10 and 2
          break;
        }
      }
    });
  },
);

test.each(["before", "after"] as const)(
  "a crash %s any call, followed by the same batch, leaves each change in the log once",
  async (when) => {
    const crash = Object.assign(new Error("aborted"), { name: "AbortError" });
    for (let hit = 1; ; hit++) {
      let calls = 0;
      const through = intercepted(client, async (_, send) => {
        if (++calls < hit) return send();
        if (when === "after" && calls === hit) await send();
        throw crash; // a crashed process makes no further call
      });
      const batch = [...versions(170), ...versions(3, { feed: "products" })];
      const crashing = await start(through);
      const crashed = await failure(crashing.append(batch, soon()));
      const next = await start();
      const appended = await next.append(batch, soon());
      expect(appended).toHaveLength(batch.length);
      await expectLogged(batch, appended);
      await expectInOrder(batch);
      if (crashed === undefined) {
        expect(hit).toBe(7); // two heads, and transactions for 80, 80, 10 and 3
        break;
      }
      expect(crashed).toMatchObject({ code: "unavailable" });
    }
  },
  60_000,
);

test("an append is repeated while the store reports contention, until its deadline", async () => {
  const conflict = Object.assign(new Error("cancelled"), {
    name: "TransactionCanceledException",
    CancellationReasons: [{ Code: "TransactionConflict" }, { Code: "ConditionalCheckFailed" }],
  });
  let conflicts = 4;
  const through = intercepted(client, ({ operation }, send) =>
    operation === "TransactWriteItems" && conflicts-- > 0 ? Promise.reject(conflict) : send(),
  );
  const contended = await start(through);
  const batch = versions(2);
  const appended = await contended.append(batch, soon());
  await expectLogged(batch, appended);
  conflicts = Infinity;
  const refused = await failure(contended.append(versions(1), Date.now() + 50));
  expect(refused).toMatchObject({ code: "unavailable" });
});

test("an append without changes makes no call", async () => {
  DynamoDB.configure({
    client: intercepted(client, () => Promise.reject(new Error())),
    tableName,
    shards: SHARDS,
  });
  expect(await append([], soon())).toEqual([]);
});
