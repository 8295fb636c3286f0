/**
 * Every fault of the store against every promise: while a third of all calls meets the fault,
 * requests of two processes run concurrently. Then what is stored is compared with what was answered.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as User from "../../src/catalog/user.ts";
import { checkStock } from "../../src/catalog/stock-check.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { createClient } from "../../src/store/client.ts";
import type { Writer } from "../../src/store/write.ts";
import { BUGS, type Fault, type FaultyProxy, faultyProxy } from "../support/fault-proxy.ts";
import { OUTAGES, REFUSALS } from "../support/fault-proxy.ts";
import { feedIn, headIn, nameOf, soon, versions } from "../support/log.ts";
import { ownLog, ownTable } from "../support/own-table.ts";
import { anotherService, type Process } from "../support/service.ts";
import { by, endpoint, failure, keyed, SHARDS, timeout } from "../support/store.ts";

/** Rounds of each pair; more by `STRESS_ROUNDS`, and each with more requests. */
const ROUNDS = Math.ceil(Number(process.env["STRESS_ROUNDS"] ?? 1) / 10);
const SIZE = ROUNDS === 1 ? 1 : 3;

const FAULTS = [...REFUSALS, "unprocessed", ...OUTAGES, ...BUGS] as const;
/** After these each request ends as without a fault, since its calls are repeated. */
const HARMLESS: ReadonlySet<Fault> = new Set([...REFUSALS, "unprocessed"]);
const isBug = (fault: Fault) => BUGS.some((bug) => bug === fault);

/** Ms for one call to a silent store, so that silence does not take long. */
const SILENCE = 300;
/** Silent calls of one test. */
const SILENT = 2;

let data: Awaited<ReturnType<typeof ownTable>>;
let log: Awaited<ReturnType<typeof ownLog>>;
let proxy: FaultyProxy;
let processes: Process[];
/** Gives the processes clients with this timeout. */
let connect: (timeoutMs: number) => Promise<void>;
let client: ReturnType<typeof createClient>; // without faults

beforeAll(async () => {
  proxy = await faultyProxy(endpoint);
  processes = [await anotherService(), await anotherService()];
  log = await ownLog("faults");
  data = await ownTable("faults");
  const { changes, connections } = log;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const tables = { tableName: data.name, changes, connections, shards: SHARDS };
  const clientOf = (at: string, timeoutMs = timeout) =>
    createClient({ region: "us-east-1", endpoint: at, credentials, timeout: timeoutMs });
  connect = async (timeoutMs) => {
    for (const each of processes) {
      each.DynamoDB.configure({ client: clientOf(proxy.endpoint, timeoutMs), ...tables });
      await each.DynamoDB.verifyShards();
    }
  };
  client = clientOf(endpoint);
  DynamoDB.configure({ client, ...tables });
});
afterAll(async () => {
  await proxy.close();
  await Promise.all([data.drop(), log.drop()]);
});

const service = (n: number) => processes[n % 2] as Process;
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

type Outcome = "done" | "unknown" | { code: string };

/**
 * How a request ended. After a refusal of DynamoDB that no repetition changes it failed as by a bug.
 */
async function outcomeOf(fault: Fault, work: Promise<unknown>): Promise<Outcome> {
  const error = await failure(work);
  if (error === undefined) return "done";
  if (error instanceof Error && error.name === "AppError" && "code" in error) {
    if (error.code !== "unavailable") return { code: String(error.code) };
    expect(HARMLESS).not.toContain(fault);
    return "unknown";
  }
  expect({ fault, error: isBug(fault) ? "any" : error }).toEqual({ fault, error: "any" });
  return "unknown";
}

const count = (outcomes: readonly Outcome[], wanted: Outcome) =>
  outcomes.filter((one) => JSON.stringify(one) === JSON.stringify(wanted)).length;

/** Expects a number between that of the acknowledged requests and that of all that may have worked. */
function expectBetween(actual: number, done: number, unknown: number): void {
  expect(actual).toBeGreaterThanOrEqual(done);
  expect(actual).toBeLessThanOrEqual(done + unknown);
}

const pen = (initialQuantity: number) =>
  Product.Create.parse({ name: "Pen", price: 1, category: "pens", initialQuantity });
const stocked = async (units: number) => (await Product.create(pen(units), by())).value.id;

async function oneEmailAddress(fault: Fault) {
  const email = `u${newId().replaceAll("-", "")}@example.com`;
  const created: string[] = [];
  const outcomes = await times(4 * SIZE, async (n) => {
    const user = User.Create.parse({ name: `Ana ${n}`, email });
    const creating = service(n).User.create(user, by());
    return outcomeOf(
      fault,
      creating.then(({ value }) => created.push(value.id)),
    );
  });
  const all = await User.list(User.List.parse({ limit: "100" }));
  const owners = all.items.filter((user) => user.email === email).map(({ id }) => id);
  expectBetween(owners.length, created.length, count(outcomes, "unknown"));
  expect(owners.length).toBeLessThanOrEqual(1);
  for (const id of created) expect(owners).toEqual([id]);
  const found = await User.list(User.List.parse({ email }));
  expect(found.items.map(({ id }) => id)).toEqual(owners);
  if (HARMLESS.has(fault)) {
    expect(count(outcomes, { code: "email_exists" })).toBe(4 * SIZE - 1);
  }
}

async function noOversell(fault: Fault) {
  const units = 4 * SIZE;
  const id = await stocked(units);
  const outcomes = await times(units + 2, (n) =>
    outcomeOf(fault, service(n).Inventory.adjust(id, { delta: -1, reason: "sold" }, by())),
  );
  const { quantity, version } = await Inventory.get(id);
  expect(quantity).toBeGreaterThanOrEqual(0);
  expectBetween(units - quantity, count(outcomes, "done"), count(outcomes, "unknown"));
  expect(version).toBe(1 + units - quantity); // each sale is one version
  if (HARMLESS.has(fault)) expect(count(outcomes, { code: "insufficient_stock" })).toBe(2);
}

async function reservations(fault: Fault) {
  const units = 2 * SIZE;
  const products = [await stocked(units), await stocked(50)] as const;
  const lines = products.map((productId) => ({ productId, quantity: 1 }));
  const held: string[] = [];
  const outcomes = await times(units + 2, (n) =>
    outcomeOf(
      fault,
      service(n)
        .Reservation.create({ lines, ttlSeconds: 900 }, by())
        .then(({ value }) => held.push(value.id)),
    ),
  );
  expect(held.length).toBeLessThanOrEqual(units);
  if (HARMLESS.has(fault)) expect(count(outcomes, { code: "insufficient_stock" })).toBe(2);
  const ends = await times(held.length, async (n) => {
    const [end, status] =
      n % 2 ? (["confirm", "confirmed"] as const) : (["cancel", "cancelled"] as const);
    const outcome = await outcomeOf(fault, service(n).Reservation[end](held[n] ?? "", by()));
    return { id: held[n] ?? "", status, outcome };
  });
  for (const { id, status, outcome } of ends) {
    const reservation = await Reservation.get(id);
    if (outcome === "done") expect(reservation.status).toBe(status);
    else expect(["active", status]).toContain(reservation.status);
  }
  const { items } = await Reservation.list(Reservation.List.parse({ productId: products[0] }));
  expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining(held));
  const active = items.filter(({ status }) => status === "active").length;
  const sold = items.filter(({ status }) => status === "confirmed").length;
  const left = await Inventory.get(products[0]);
  expect(left).toMatchObject({ quantity: units - sold, reserved: active });
}

async function oneEffectOfAKey(fault: Fault) {
  const id = await stocked(100);
  const keys = Array.from({ length: 3 }, () => newId());
  const adjust = (n: number, writer: Writer) =>
    service(n).Inventory.adjust(id, { delta: -1, reason: "sold" }, writer);
  const first = await times(6 * SIZE, (n) => outcomeOf(fault, adjust(n, keyed(keys[n % 3] ?? ""))));
  proxy.decide(() => "none");
  const answers = await times(3, (n) => adjust(n, keyed(keys[n] ?? "")));
  expect((await Inventory.get(id)).quantity).toBe(97);
  for (const [n, { replayed }] of answers.entries()) {
    const done = first.some((outcome, of) => of % 3 === n && outcome === "done");
    if (done) expect(replayed).toBe(true);
  }
}

async function noLostUpdate(fault: Fault) {
  const { id } = (await Item.create({}, by())).value;
  const outcomes = await times(4 * SIZE, (n) =>
    outcomeOf(fault, service(n).Item.patch(id, { [`n${n}`]: n }, by())),
  );
  const { version, ...item } = await Item.get(id);
  const members = Object.keys(item).filter((name) => /^n\d+$/.test(name));
  for (const [n, outcome] of outcomes.entries()) {
    if (outcome === "done") expect(item[`n${n}`]).toBe(n);
  }
  expectBetween(members.length, count(outcomes, "done"), count(outcomes, "unknown"));
  expect(version).toBe(1 + members.length);
}

async function logWithoutGap(fault: Fault) {
  const from = await headIn(log.changes, "items");
  const batches = Array.from({ length: 3 }, () => versions(3));
  await times(3, async (n) => {
    // As the stream: a batch that fails is delivered again.
    while ((await outcomeOf(fault, service(n).Append.append(batches[n] ?? [], soon()))) !== "done");
  });
  const logged = await feedIn(log.changes, "items", from);
  expect(logged.map(nameOf).toSorted()).toEqual(batches.flat().map(nameOf).toSorted());
}

async function completeReads(fault: Fault) {
  const product = await stocked(9);
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const line = { productId: product, quantity: 1 };
    ids.push((await Reservation.create({ lines: [line], ttlSeconds: 900 }, by())).value.id);
  }
  const rows = Array.from({ length: 30 }, (_, n) => ({ pk: `FAULT#${product}`, sk: `${n}` }));
  const outcomes = await times(6 * SIZE, (n) => {
    const { Reservation: there, DynamoDB: store } = service(n);
    const reads = [
      async () => {
        const page = await there.list(there.List.parse({ productId: product, order: "asc" }));
        expect(page.items.map(({ id }) => id)).toEqual(ids);
      },
      async () => expect((await there.get(ids[0] ?? "")).id).toBe(ids[0]),
      async () => {
        await store.writeAll(
          rows.map((row) => ({ put: row })),
          "Connections",
        );
        const written = await store.query(
          {
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeValues: { ":pk": `FAULT#${product}` },
            Limit: 100,
          },
          "Connections",
        );
        expect(written.items).toHaveLength(30);
      },
    ];
    return outcomeOf(fault, reads[n % 3]?.() ?? Promise.resolve());
  });
  if (HARMLESS.has(fault)) expect(count(outcomes, "done")).toBe(6 * SIZE);
}

const SUITES = [
  ["no two users have one email address", oneEmailAddress],
  ["nothing is oversold, and no sale counts twice", noOversell],
  ["reservations and stock agree", reservations],
  ["a key has one effect", oneEffectOfAKey],
  ["no acknowledged write is lost", noLostUpdate],
  ["the change log has no gap", logWithoutGap],
  ["no read and no batch is incomplete", completeReads],
] as const;

/** A batch is only unprocessed where there is one, and it is not the only fault of these calls. */
const isMet = (fault: Fault, operation: string) =>
  fault !== "unprocessed" || operation.startsWith("Batch");

/** Runs a suite while every third call meets the fault. Returns how often it was met. */
async function run(suite: (fault: Fault) => Promise<void>, fault: Fault, round: number) {
  const most = fault === "silence" ? SILENT : Infinity;
  let met = 0;
  let calls = 0;
  proxy.decide((operation) => {
    const hit = isMet(fault, operation) && calls++ % 3 === round % 3 && met < most;
    if (hit) met++;
    return hit ? fault : "none";
  });
  await suite(fault);
  proxy.decide(() => "none");
  return met;
}

describe.each(FAULTS)("while calls meet %s", (fault) => {
  beforeAll(() => connect(fault === "silence" ? SILENCE : timeout));
  test.each(SUITES)("%s", async (_, suite) => {
    for (let round = 0; round < ROUNDS; round++) {
      const met = await run(suite, fault, round);
      expect(met > 0 || fault === "unprocessed").toBe(true);
    }
  });
});

test("after all faults the numbers of all stock fit together", async () => {
  for await (const difference of checkStock()) expect(difference).toBeUndefined();
});
