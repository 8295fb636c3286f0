/** Random programs of all verbs, compared with a model and with the invariants of stock. */

import fc from "fast-check";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../src/store/client.ts";
import type { AppError } from "../../src/error.ts";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as InventoryCount from "../../src/catalog/inventory-count.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as Expiry from "../../src/catalog/reservation-expiry.ts";
import { checkStock } from "../../src/catalog/stock-check.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { shardOf } from "../../src/store/record.ts";
import type { Writer, Outcome } from "../../src/store/write.ts";
import { letExpire } from "../support/expiry.ts";
import { type Fault, type FaultyProxy, faultyProxy } from "../support/fault-proxy.ts";
import { ownTable } from "../support/own-table.ts";
import { anotherService, type Service } from "../support/service.ts";
import { type Answer, type Request, StockModel } from "./stock-model.ts";
import {
  type Client,
  clients,
  nth,
  program,
  requestOf,
  stocks,
  type Wish,
} from "./stock-program.ts";
import { by, endpoint, failure, keyed, SHARDS, shortTimeout } from "../support/store.ts";

const RUNS = Number(process.env["MODEL_RUNS"] ?? 10); // of each property

let table: Awaited<ReturnType<typeof ownTable>>;
beforeAll(async () => {
  table = await ownTable("model");
});
afterAll(() => table.drop());

const here: Service = { DynamoDB, Product, Inventory, InventoryCount, Reservation, Expiry };

function send(to: Service, request: Request, writer: Writer): Promise<Outcome<object | null>> {
  switch (request.verb) {
    case "create": {
      const { initialQuantity } = request;
      const pen = { name: "Pen", price: 1, category: "pens", initialQuantity };
      return to.Product.create(to.Product.Create.parse(pen), writer);
    }
    case "delete":
      return to.Product.remove(request.productId, writer);
    case "put": {
      const { verb: _, productId, ...level } = request;
      return to.Inventory.set(productId, level, writer);
    }
    case "count":
      return to.InventoryCount.create({ counts: request.counts }, writer);
    case "adjust":
      return to.Inventory.adjust(
        request.productId,
        { delta: request.delta, reason: "counted" },
        writer,
      );
    case "reserve": {
      const { lines, ttlSeconds } = request;
      return to.Reservation.create({ lines, ttlSeconds }, writer);
    }
    case "confirm":
      return to.Reservation.confirm(request.id, writer);
    case "cancel":
      return to.Reservation.cancel(request.id, writer);
    case "extend":
      return to.Reservation.extend(request.id, { ttlSeconds: request.ttlSeconds }, writer);
    default:
      return request satisfies never;
  }
}

/** Returns the outcome or the refusal; any other error is a bug. */
async function answerOf(work: Promise<Outcome<object | null>>): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error && error.name === "AppError")) throw error;
    const { code, members, errors } = error as AppError;
    return { code, members, errors };
  }
}

const idOf = (answer: Answer): string =>
  "value" in answer && answer.value && "id" in answer.value ? String(answer.value.id) : "";

/** Deletes the row of a key, as DynamoDB's TTL does after a day. */
const expireKey = (key: string) => {
  const caller = createHash("sha256").update(by().actor).digest("base64url");
  const Key = { pk: `IDEMPOTENCY#${caller}#${key}`, sk: "IDEMPOTENCY" };
  return DynamoDB.transact([{ Delete: { Key } }], Date.now() + 20_000);
};

const storedInventory = (productId: string) =>
  DynamoDB.read({ pk: `INVENTORY#${shardOf(productId)}`, sk: productId });

/** Expects the invariants that hold for any inventory at any time. */
async function expectSound(productId: string) {
  const { quantity, reserved, available, level, reorderPoint } = await Inventory.get(productId);
  expect(reserved).toBeGreaterThanOrEqual(0);
  expect(available).toBeGreaterThanOrEqual(0);
  expect(available).toBe(quantity - reserved);
  expect(await storedInventory(productId)).toMatchObject({
    moved: quantity,
    headroom: available - reorderPoint,
    ...(level !== "ok" && { gsi1pk: `LEVEL#${level}`, gsi1sk: productId }),
  });
  if (level === "ok") expect(await storedInventory(productId)).not.toHaveProperty("gsi1pk");
}

test("a sequence of any verbs has the effects and answers of the model", async () => {
  await fc.assert(
    fc.asyncProperty(stocks, program, async (initial, steps) => {
      const model = new StockModel();
      const sent: { request: Request; key: string }[] = [];
      const products: string[] = [];
      await Expiry.sweep(by(), Date.now() + 20_000); // reservations of an earlier, failed run

      const ask = async (request: Request, key?: string) => {
        const writer = key === undefined ? by() : keyed(key, JSON.stringify(request));
        const answer = await answerOf(send(here, request, writer));
        if (request.verb === "create" && "value" in answer) products.push(idOf(answer));
        expect(answer).toMatchObject(model.answer(request, writer.at, idOf(answer), key));
      };
      for (const quantity of initial) await ask({ verb: "create", initialQuantity: quantity });

      for (const step of steps) {
        const reservations = [...model.reservations.keys()];
        if (step.act === "sweep") {
          const { expired } = await Expiry.sweep(by(), Date.now() + 20_000);
          expect(expired).toBe(model.sweep());
        } else if (step.act === "expire") {
          const id = nth(reservations, step.which);
          if (id === undefined) continue;
          await letExpire(id);
          model.letExpire(id);
        } else if (step.act === "request") {
          const quantityOf = (id: string) => model.levels.get(id)?.quantity ?? 0;
          const request = await requestOf(step.wish, { products, reservations, quantityOf });
          if (request === undefined) continue;
          const key = step.keyed ? newId() : undefined;
          if (key !== undefined) sent.push({ request, key });
          await ask(request, key);
        } else {
          const before = nth(sent, step.which);
          if (before === undefined) continue;
          const { request, key } = before;
          if (step.act === "repeat") await ask(request, key);
          else if (step.act === "reuse")
            await ask(nth(sent, step.which + 1)?.request ?? request, key);
          else {
            await expireKey(key);
            model.expireKey(key);
          }
        }
        for (const id of model.levels.keys()) {
          expect(await Inventory.get(id)).toMatchObject(model.levelOf(id));
          await expectSound(id);
        }
      }

      for (const id of model.reservations.keys()) {
        expect(await Reservation.get(id)).toMatchObject(model.reservationOf(id));
      }
    }),
    // A failure is reported as far as it is shrunk by then, before the test is ended.
    { numRuns: RUNS, plugins: [fc.interruptAfterTimeLimit(240_000, { failOnInterrupt: true })] },
  );
}, 300_000);

/** A process of the service whose calls go through a fault proxy. */
interface Process extends Service {
  proxy: FaultyProxy;
}

const start = async (): Promise<Process> => ({
  ...(await anotherService()),
  proxy: await faultyProxy(endpoint),
});

/** One run of a process, from its first call until it crashes or ends. */
interface ProcessRun {
  service: Service;
  faults(): number; // so far
  /** Resolves when the process crashes: right after it has sent its last call. */
  crashed: Promise<"crashed">;
  /** The last call, which may reach the store much later. */
  lastCall(): Promise<unknown>;
  end(): void;
}

function startRun(process: Process, faults: readonly Fault[], lastCall = Infinity): ProcessRun {
  let faulty = 0;
  process.proxy.decide((_, call) => {
    const fault = faults[call - 1] ?? "none";
    if (fault !== "none") faulty++;
    return fault;
  });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({
    region: "us-east-1",
    endpoint: process.proxy.endpoint,
    credentials,
    timeout: shortTimeout, // some faults are silent
  });
  const { promise: crashed, resolve: crash } = Promise.withResolvers<"crashed">();
  const never = new Promise<never>(() => undefined);
  let calls = 0;
  let last: Promise<unknown> = Promise.resolve();
  const crashing = intercepted(client, (_, proceed) => {
    calls++;
    if (calls < lastCall) return proceed();
    if (calls === lastCall) {
      last = proceed().catch(() => undefined);
      crash("crashed");
    }
    return never;
  });
  process.DynamoDB.configure({ client: crashing, tableName: table.name, shards: SHARDS });
  return {
    service: process,
    faults: () => faulty,
    crashed,
    lastCall: () => last,
    end: () => client.close(),
  };
}

/** The codes of a request's refusals; after faults also `unavailable`. */
const DOCUMENTED: Record<Request["verb"], readonly string[]> = {
  create: [],
  delete: ["product_not_found", "has_active_reservations"],
  put: ["inventory_not_found", "below_reserved", "stale_quantity"],
  count: ["inventory_not_found", "below_reserved", "stale_quantity"],
  adjust: ["inventory_not_found", "insufficient_stock"],
  reserve: ["product_not_found", "insufficient_stock"],
  confirm: ["reservation_closed", "reservation_expired"],
  cancel: ["reservation_closed", "reservation_expired"],
  extend: ["reservation_closed", "reservation_expired"],
};

const CLIENTS = 4;

test("each request has its effect once or not at all, whatever fails or crashes meanwhile", async () => {
  const processes: Process[] = [];
  for (let n = 0; n < 2 * CLIENTS; n++) processes.push(await start());

  await fc.assert(
    fc.asyncProperty(stocks, clients(CLIENTS), async (initial, programs) => {
      const products = await Promise.all(
        initial.map(async (initialQuantity) =>
          idOf(await answerOf(send(here, { verb: "create", initialQuantity }, by()))),
        ),
      );
      const done: { request: Request; answer: Answer }[] = [];
      const reservations: string[] = [];
      const expired = new Set<string>();
      const runs: ProcessRun[] = [];
      const quantityOf = async (id: string) =>
        Number((await storedInventory(id))?.["quantity"] ?? 0);

      const work = async ({ faults, lastCall, does }: Client, n: number) => {
        let run = startRun(processes[n] as Process, faults, lastCall);
        runs.push(run);

        /** Repeats a request until it has an answer, after a crash in another process. */
        const settle = async (request: Request, key: string): Promise<Answer> => {
          for (;;) {
            const before = run.faults();
            const writer = keyed(key, JSON.stringify(request));
            const answering = answerOf(send(run.service, request, writer));
            const answer = await Promise.race([answering, run.crashed]);
            if (answer === "crashed") {
              run = startRun(processes[CLIENTS + n] as Process, faults);
              runs.push(run);
            } else if (!("code" in answer)) return answer;
            else if (answer.code !== "unavailable") {
              expect(DOCUMENTED[request.verb]).toContain(answer.code);
              return answer;
            } else expect(run.faults()).toBeGreaterThan(before);
          }
        };

        for (const each of does) {
          if (each.act === "sweep") {
            const sweep = run.service.Expiry.sweep(by(), Date.now() + 20_000);
            await Promise.race([failure(sweep), run.crashed]);
          } else if (each.act === "request") {
            // Only with the expected quantity is it known how much a PUT or a count has moved.
            const wish = { ...each.wish, ...("expects" in each.wish && { expects: "current" }) };
            const request = await requestOf(wish as Wish, { products, reservations, quantityOf });
            if (request === undefined) continue;
            const key = newId();
            const answer = await settle(request, key);
            done.push({ request, answer });
            if (request.verb === "reserve" && "value" in answer) reservations.push(idOf(answer));
            if (each.after === "expire-key") {
              await Promise.all(runs.map((one) => one.lastCall())); // no call takes a day
              await expireKey(key);
            }
            if (each.after === "repeat" && "value" in answer && answer.changed) {
              expect(await settle(request, key)).toEqual({ ...answer, replayed: true });
            }
          } else {
            const id = nth(reservations, each.reservation);
            if (id === undefined) continue;
            if (each.act === "expire") {
              expired.add(id);
              await letExpire(id);
            } else await expireLines(id);
          }
        }
      };
      const failed = (await Promise.all(programs.map((each, n) => failure(work(each, n))))).find(
        (error) => error !== undefined,
      );
      if (failed !== undefined) throw failed;
      await Promise.all(runs.map((one) => one.lastCall()));
      for (const each of runs) each.end();
      await expectExact({ products, initial, reservations, expired, done });
    }),
    // A failure depends on timing, so it cannot be shrunk; a run that hangs is reported.
    { numRuns: RUNS, endOnFailure: true, timeout: 60_000 },
  );
  await Promise.all(processes.map(({ proxy }) => proxy.close()));
  for await (const difference of checkStock()) expect(difference).toBeUndefined();
}, 300_000);

/** Deletes the lines of a closed reservation, as a TTL could do. */
async function expireLines(id: string) {
  const { status, lines, version } = await Reservation.get(id);
  const closed = version > 1 && status !== "active" && !(await isStillActive(id));
  if (!closed) return;
  const writes = lines.map(({ productId }) => ({
    Delete: { Key: { pk: `LINE#${productId}`, sk: id } },
  }));
  await DynamoDB.transact(writes, Date.now() + 20_000);
}

const isStillActive = async (id: string) =>
  (await DynamoDB.read({ pk: `RESERVATION#${shardOf(id)}`, sk: id }))?.["status"] === "active";

interface History {
  products: string[];
  initial: number[];
  reservations: string[];
  expired: Set<string>;
  done: { request: Request; answer: Answer }[];
}

/** Computes from all answers what must be stored, and compares it with what is stored. */
async function expectExact({ products, initial, reservations, expired, done }: History) {
  const effects = done.flatMap(({ request, answer }) => ("value" in answer ? [request] : []));
  const changes = done.flatMap(({ request, answer }) =>
    "value" in answer && answer.changed ? [request] : [],
  );
  const has = (verb: string, id: string) =>
    effects.some((each) => each.verb === verb && "id" in each && each.id === id);
  const refused = (code: string, id: string) =>
    done.some(
      ({ request, answer }) =>
        "code" in answer && answer.code === code && "id" in request && request.id === id,
    );

  // By stored status: a reservation that is due holds its units until it is closed.
  const found = await Promise.all(
    reservations.map(async (id) => ({
      ...(await Reservation.get(id)),
      active: await isStillActive(id),
    })),
  );
  for (const { id, status, active, version } of found) {
    expect(has("confirm", id)).toBe(status === "confirmed");
    expect(has("cancel", id)).toBe(status === "cancelled");
    if (status === "expired") expect(expired).toContain(id);
    if (refused("reservation_expired", id)) expect(expired).toContain(id);
    if (refused("reservation_closed", id)) expect(["confirmed", "cancelled"]).toContain(status);
    const extended = changes.filter((each) => each.verb === "extend" && each.id === id);
    expect(version).toBe(1 + extended.length + (active ? 0 : 1));
  }

  for (const [n, productId] of products.entries()) {
    const isOf = (each: { productId: string }) => each.productId === productId;
    const held = found.filter(({ lines }) => lines.some(isOf));
    const units = (some: typeof held) =>
      some
        .flatMap(({ lines }) => lines.filter(isOf))
        .reduce((sum, { quantity }) => sum + quantity, 0);

    const active = held.filter((each) => each.active);
    const listed = await Reservation.list(Reservation.List.parse({ productId, limit: "100" }));
    expect(held.map(({ id }) => id)).toEqual(
      expect.arrayContaining(listed.items.map(({ id }) => id)),
    );
    if (effects.some((each) => each.verb === "delete" && isOf(each))) {
      expect(await failure(Inventory.get(productId))).toMatchObject({
        code: "inventory_not_found",
      });
      expect(active).toEqual([]);
      continue;
    }
    const moves = changes.flatMap((each) => {
      if (each.verb === "adjust" && isOf(each)) return [each.delta];
      const sets = each.verb === "put" ? [each] : each.verb === "count" ? each.counts : [];
      return (
        sets
          .filter(isOf)
          .map(({ quantity, expectedQuantity }) => quantity - Number(expectedQuantity))
          // An entry of a count that was right already has changed nothing.
          .filter((move) => each.verb === "put" || move !== 0)
      );
    });
    const sold = units(held.filter(({ status }) => status === "confirmed"));
    const level = await Inventory.get(productId);
    expect(level).toMatchObject({
      quantity: moves.reduce((sum, move) => sum + move, (initial[n] ?? 0) - sold),
      reserved: units(active),
    });
    // Several reservations can expire in one change.
    const ended = held.length - active.length;
    const released = held.filter((each) => !each.active && each.status === "expired").length;
    const changed = 1 + moves.length + held.length + ended;
    expect(level.version).toBeLessThanOrEqual(changed);
    expect(level.version).toBeGreaterThanOrEqual(changed - Math.max(0, released - 1));
    await expectSound(productId);
  }

  // All index keys are there: every active reservation is found by the sweep once it is due.
  await Promise.all(reservations.map(letExpire));
  await Expiry.sweep(by(), Date.now() + 20_000);
  for (const { id } of found) expect(await isStillActive(id)).toBe(false);
  for (const productId of products) {
    const level = await storedInventory(productId);
    if (level) expect(level).toMatchObject({ reserved: 0, available: level["quantity"] });
  }
}
