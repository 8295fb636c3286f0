import fc from "fast-check";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../src/store/client.ts";
import type { AppError } from "../../src/error.ts";
import { newId } from "../../src/id.ts";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import { checkStock } from "../../src/catalog/stock-check.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
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
import { by, endpoint, failure, keyed, SHARDS, timeout } from "../support/store.ts";

/** Random programs of all verbs, against a model and against what must hold whatever happens. */

const RUNS = Number(process.env["MODEL_RUNS"] ?? 30); // of each property

let table: Awaited<ReturnType<typeof ownTable>>;
beforeAll(async () => {
  table = await ownTable("model");
});
afterAll(() => table.drop());

const here: Service = { Store: DynamoDB, Product, Inventory, Reservation };

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

/** A refusal is an answer; anything but an AppError, of whichever process, is a bug. */
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

/** What DynamoDB's TTL does to the record of a key that nobody retries any more. */
const forget = (key: string) => {
  const caller = createHash("sha256").update(by().actor).digest("base64url");
  const Key = { pk: `IDEMPOTENCY#${caller}#${key}`, sk: "IDEMPOTENCY" };
  return DynamoDB.transact([{ Delete: { Key } }], Date.now() + 20_000);
};

const storedLevel = (productId: string) =>
  DynamoDB.read({ pk: `INVENTORY#${shardOf(productId)}`, sk: productId });

/** All that must hold of any level at any time. */
async function expectSound(productId: string) {
  const { quantity, reserved, available, level, reorderPoint } = await Inventory.get(productId);
  expect(reserved).toBeGreaterThanOrEqual(0);
  expect(available).toBeGreaterThanOrEqual(0);
  expect(available).toBe(quantity - reserved);
  expect(await storedLevel(productId)).toMatchObject({
    moved: quantity,
    headroom: available - reorderPoint,
    ...(level !== "ok" && { gsi1pk: `LEVEL#${level}`, gsi1sk: productId }),
  });
  if (level === "ok") expect(await storedLevel(productId)).not.toHaveProperty("gsi1pk");
}

test("one after another, all verbs do and answer what the model does", async () => {
  await fc.assert(
    fc.asyncProperty(stocks, program, async (initial, steps) => {
      const model = new StockModel();
      const sent: { request: Request; key: string }[] = [];
      const products: string[] = [];
      await Reservation.sweep(by(), Date.now() + 20_000); // what a failed run left

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
          const { expired } = await Reservation.sweep(by(), Date.now() + 20_000);
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
            await forget(key);
            model.forget(key);
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
    { numRuns: RUNS },
  );
}, 300_000);

/** A process of the service; faults meet all its calls. */
interface Process extends Service {
  proxy: FaultyProxy;
}

const start = async (): Promise<Process> => ({
  ...(await anotherService()),
  proxy: await faultyProxy(endpoint),
});

/** One life of a process: from its first call until a crash, if it meets one. */
interface Life {
  service: Service;
  faults(): number; // met so far
  /** Settles when it has crashed: right after it sent its last call. */
  crashed: Promise<"crashed">;
  /** Its last call may reach the store long after. */
  lastCall(): Promise<unknown>;
  end(): void;
}

function live(process: Process, faults: readonly Fault[], lastCall = Infinity): Life {
  let met = 0;
  process.proxy.decide((_, call) => {
    const fault = faults[call - 1] ?? "none";
    if (fault !== "none") met++;
    return fault;
  });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({
    region: "us-east-1",
    endpoint: process.proxy.endpoint,
    credentials,
    timeout,
  });
  const { promise: crashed, resolve: crash } = Promise.withResolvers<"crashed">();
  const never = new Promise<never>(() => undefined);
  let calls = 0;
  let last: Promise<unknown> = Promise.resolve();
  client.middlewareStack.add(
    (next) => (args) => {
      calls++;
      if (calls < lastCall) return next(args);
      if (calls === lastCall) {
        last = next(args).catch(() => undefined);
        crash("crashed");
      }
      return never;
    },
    { step: "initialize" },
  );
  process.Store.configure({ client, tableName: table.name, shards: SHARDS });
  return {
    service: process,
    faults: () => met,
    crashed,
    lastCall: () => last,
    end: () => client.destroy(),
  };
}

/** What a request may be refused with; `unavailable` besides, where there were faults. */
const DOCUMENTED: Record<Request["verb"], readonly string[]> = {
  create: [],
  delete: ["product_not_found", "has_active_reservations"],
  put: ["inventory_not_found", "below_reserved", "stale_quantity"],
  adjust: ["inventory_not_found", "insufficient_stock"],
  reserve: ["product_not_found", "insufficient_stock"],
  confirm: ["reservation_closed", "reservation_expired"],
  cancel: ["reservation_closed", "reservation_expired"],
  extend: ["reservation_closed", "reservation_expired"],
};

const CLIENTS = 4;

test("whatever fails or crashes in between, each request has its effect once or not at all", async () => {
  const processes: Process[] = [];
  for (let n = 0; n < 2 * CLIENTS; n++) processes.push(await start());

  await fc.assert(
    fc.asyncProperty(stocks, clients(CLIENTS), async (initial, rivals) => {
      const products = await Promise.all(
        initial.map(async (initialQuantity) =>
          idOf(await answerOf(send(here, { verb: "create", initialQuantity }, by()))),
        ),
      );
      const done: { request: Request; answer: Answer }[] = [];
      const reservations: string[] = [];
      const expired = new Set<string>();
      const lives: Life[] = [];
      const quantityOf = async (id: string) => Number((await storedLevel(id))?.["quantity"] ?? 0);

      const work = async ({ faults, lastCall, does }: Client, n: number) => {
        let life = live(processes[n] as Process, faults, lastCall);
        lives.push(life);

        /** Tries until it knows, as the owner of an Idempotency-Key does; another process may help. */
        const settle = async (request: Request, key: string): Promise<Answer> => {
          for (;;) {
            const before = life.faults();
            const writer = keyed(key, JSON.stringify(request));
            const answering = answerOf(send(life.service, request, writer));
            const answer = await Promise.race([answering, life.crashed]);
            if (answer === "crashed") {
              life = live(processes[CLIENTS + n] as Process, faults);
              lives.push(life);
            } else if (!("code" in answer)) return answer;
            else if (answer.code !== "unavailable") {
              expect(DOCUMENTED[request.verb]).toContain(answer.code);
              return answer;
            } else expect(life.faults()).toBeGreaterThan(before);
          }
        };

        for (const each of does) {
          if (each.act === "sweep") {
            const sweep = life.service.Reservation.sweep(by(), Date.now() + 20_000);
            await Promise.race([failure(sweep), life.crashed]);
          } else if (each.act === "request") {
            // A quantity that is set blindly leaves no account of what it has moved.
            const wish = { ...each.wish, ...("expects" in each.wish && { expects: "what is" }) };
            const request = await requestOf(wish as Wish, { products, reservations, quantityOf });
            if (request === undefined) continue;
            const key = newId();
            const answer = await settle(request, key);
            done.push({ request, answer });
            if (request.verb === "reserve" && "value" in answer) reservations.push(idOf(answer));
            if (each.after === "forget") {
              await Promise.all(lives.map((of) => of.lastCall())); // a day is longer than that
              await forget(key);
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
            } else await forgetLines(id);
          }
        }
      };
      const failed = (await Promise.all(rivals.map((rival, n) => failure(work(rival, n))))).find(
        (error) => error !== undefined,
      );
      if (failed !== undefined) throw failed;
      await Promise.all(lives.map((life) => life.lastCall()));
      for (const life of lives) life.end();
      await expectExact({ products, initial, reservations, expired, done });
    }),
    // Interleavings do not repeat, so nothing shrinks; a run that hangs is told with its program.
    { numRuns: RUNS, endOnFailure: true, timeout: 60_000 },
  );
  await Promise.all(processes.map(({ proxy }) => proxy.close()));
  for await (const difference of checkStock()) expect(difference).toBeUndefined();
}, 300_000);

/** What a TTL may do to the lines of a reservation that has ended. */
async function forgetLines(id: string) {
  const { status, lines, version } = await Reservation.get(id);
  const ended = version > 1 && status !== "active" && !(await isOnlyDue(id));
  if (!ended) return;
  const writes = lines.map(({ productId }) => ({
    Delete: { Key: { pk: `LINE#${productId}`, sk: id } },
  }));
  await DynamoDB.transact(writes, Date.now() + 20_000);
}

const isOnlyDue = async (id: string) =>
  (await DynamoDB.read({ pk: `RESERVATION#${shardOf(id)}`, sk: id }))?.["status"] === "active";

interface Account {
  products: string[];
  initial: number[];
  reservations: string[];
  expired: Set<string>;
  done: { request: Request; answer: Answer }[];
}

/** Counts all that was answered, and compares it with what is stored. */
async function expectExact({ products, initial, reservations, expired, done }: Account) {
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

  // As it is stored: what is due and not yet ended holds its units.
  const found = await Promise.all(
    reservations.map(async (id) => ({
      ...(await Reservation.get(id)),
      active: await isOnlyDue(id),
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
      if (each.verb !== "put" || !isOf(each)) return [];
      return [each.quantity - Number(each.expectedQuantity)];
    });
    const sold = units(held.filter(({ status }) => status === "confirmed"));
    expect(await Inventory.get(productId)).toMatchObject({
      quantity: moves.reduce((sum, move) => sum + move, (initial[n] ?? 0) - sold),
      reserved: units(active),
      version: 1 + moves.length + held.length + (held.length - active.length),
    });
    await expectSound(productId);
  }

  // No index entry is missing: what is active is found, and freed, once its time has come.
  await Promise.all(reservations.map(letExpire));
  await Reservation.sweep(by(), Date.now() + 20_000);
  for (const { id } of found) expect(await isOnlyDue(id)).toBe(false);
  for (const productId of products) {
    const level = await storedLevel(productId);
    if (level) expect(level).toMatchObject({ reserved: 0, available: level["quantity"] });
  }
}
