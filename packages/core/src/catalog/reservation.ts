import * as z from "zod";
import {
  nextVersion,
  putIfUnchanged,
  type Stored,
  wasWrittenBy,
} from "../store/update-expression.ts";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import * as Idempotency from "../store/idempotency.ts";
import * as Inventory from "./inventory.ts";
import { withLocks } from "../store/lock.ts";
import { indexPage, mergedPage } from "../store/pagination.ts";
import { paged, query } from "../store/pagination.ts";
import {
  TransactionCancelled,
  query as queryStore,
  shardCount,
  transact,
} from "../store/dynamodb.ts";
import {
  waitBeforeRetry,
  StaleRecord,
  errorOfStep,
  shardOf,
  recordStore,
  wasApplied,
} from "../store/record.ts";
import { text } from "../text.ts";
import { type Writer, deadlineOf, type Outcome, type Step } from "../store/write.ts";

const Line = z.strictObject({
  productId: z.string().min(1).max(128),
  quantity: z.int().min(1).max(1_000_000_000),
});
const Ttl = z.int().min(30).max(86_400).default(900); // seconds

const STATUSES = ["active", "confirmed", "cancelled", "expired"] as const;
type Status = (typeof STATUSES)[number];

/** Units that are promised to somebody until a time. */
export const Info = z
  .object({
    id: z.string(),
    status: z.enum(STATUSES),
    lines: z.array(z.object({ productId: z.string(), quantity: z.int() })),
    reference: z.string().optional(),
    expiresAt: z.iso.datetime(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    version: z.int(),
  })
  .meta({ id: "Reservation" });
export type Info = z.output<typeof Info>;

export const Create = z
  .strictObject({
    lines: z.array(Line).min(1).max(20),
    ttlSeconds: Ttl,
    reference: text(1, 200).optional(),
  })
  .meta({ id: "ReservationRequest" });

export const Extend = z.strictObject({ ttlSeconds: Ttl }).meta({ id: "ExtensionRequest" });

export const List = z.strictObject({
  ...query(20),
  status: z.literal("active").optional(),
  productId: z.string().min(1).max(128).optional(),
});

type Line = z.output<typeof Line>;

export interface Attributes {
  status: Status;
  lines: Line[];
  reference?: string;
  until: number; // epoch ms
}

/** One that is past its time is expired to whoever looks, before its units are given back. */
const statusOf = ({ status, until }: Attributes): Status =>
  status === "active" && until <= Date.now() ? "expired" : status;

export const reservations = recordStore({
  kind: "RESERVATION",
  notFound: "reservation_not_found",
  noun: "Reservation",
  decode: (stored): Info => infoOf(stored, statusOf(stored as Stored & Attributes)),
});

/** The reservation as it was written, whatever time it is. */
export const storedInfo = (stored: Stored): Info =>
  infoOf(stored, (stored as Stored & Attributes).status);

function infoOf(stored: Stored, status: Status): Info {
  const { lines, reference, until } = stored as Stored & Attributes;
  return {
    id: stored.sk,
    status,
    lines,
    ...(reference !== undefined && { reference }),
    expiresAt: new Date(until).toISOString(),
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
    version: stored.version,
  };
}

/** Active ones stand in the index, in the order in which they expire. */
export const activeIndex = (id: string, until: number) => ({
  gsi1pk: `ACTIVE#${shardOf(id)}`,
  gsi1sk: `${new Date(until).toISOString()}#${id}`,
});

const activePartitions = () =>
  Array.from({ length: shardCount() }, (_, shard) => `ACTIVE#${shard}`);

/** Each line has an item of its own, so that a product's reservations are one partition. */
export const linePartition = (productId: string) => `LINE#${productId}`;
export const heldPartition = (productId: string) => `HELD#${productId}`;

/** Holds units of its product as long as it stands in the index. */
export const lineItem = (id: string, { productId, quantity }: Line, heldUntil?: number) => ({
  pk: linePartition(productId),
  sk: id,
  quantity,
  ...(heldUntil !== undefined && {
    gsi1pk: heldPartition(productId),
    gsi1sk: activeIndex(id, heldUntil).gsi1sk,
  }),
});

const lineStep = (id: string, line: Line, heldUntil?: number): Step => ({
  write: { Put: { Item: lineItem(id, line, heldUntil) } },
  refused: () => new Error("a line has no condition"),
});

/** Lines of one product are one line. */
function summed(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

type Levels = Map<string, Stored>;

/**
 * Commits a transaction, or notes in `levels` what stood in its way and is worth another try;
 * throws what is not.
 */
async function attempt(
  steps: readonly Step[],
  writer: Writer,
  writeId: string,
  levels: Levels,
): Promise<boolean> {
  try {
    await transact(
      steps.map(({ write }) => write),
      deadlineOf(writer),
    );
    return true;
  } catch (error) {
    if (!(error instanceof TransactionCancelled)) throw error;
    if (wasApplied(error, writeId)) return true;
    for (const [index, old] of error.failed) {
      const refusal = errorOfStep(steps, index, old);
      if (!(refusal instanceof StaleRecord)) throw refusal;
      if (refusal.old === undefined) throw new MissingRecord(refusal.id);
      levels.set(refusal.id, refusal.old);
    }
    return false;
  }
}

/** A record that a transaction counts on is not there. */
class MissingRecord extends Error {
  readonly id: string;
  constructor(id: string) {
    super("a record of this transaction does not exist");
    this.id = id;
  }
}

/**
 * Reserves all lines or none. Units of expired reservations are given back before a shortage is
 * reported. Throws `insufficient_stock`, `product_not_found`.
 */
export const create = (input: z.output<typeof Create>, writer: Writer): Promise<Outcome<Info>> =>
  Idempotency.once(writer, () => {
    const lines = summed(input.lines);
    const products = lines.map(({ productId }) => productId);
    return withLocks(products, writer, () => reserve(input, lines, writer));
  });

async function reserve(
  { lines: given, ttlSeconds, reference }: z.output<typeof Create>,
  lines: Line[],
  writer: Writer,
): Promise<Outcome<Info>> {
  const id = newId();
  const until = Date.parse(writer.at) + ttlSeconds * 1000;
  const attributes = { status: "active", lines, reference, until, ...activeIndex(id, until) };
  const { stored } = reservations.newRecord(id, attributes, writer);
  const value = reservations.decode(stored);
  const writeId = stored.lastWrite;
  const levels: Levels = new Map();
  let freed = false;
  for (let tries = 1; ; tries++) {
    const shortages = shortagesOf(lines, levels);
    if (shortages.length > 0) {
      if (freed || !(await releaseExpired(shortages, writer)))
        throw Inventory.insufficient(shortages);
      freed = true;
      levels.clear();
    }
    const steps = [
      {
        write: { Put: { Item: stored, ConditionExpression: "attribute_not_exists(pk)" } },
        refused: () => new Error("a new id is taken"),
      },
      ...lines.flatMap((line) => [
        Inventory.moveStep("hold", line, id, writer, writeId, levels.get(line.productId)),
        lineStep(id, line, until),
      ]),
      ...Idempotency.steps(writer, 0, 1, value, writeId),
    ];
    try {
      if (await attempt(steps, writer, writeId, levels))
        return { value, changed: true, replayed: false };
    } catch (error) {
      if (!(error instanceof MissingRecord)) throw error;
      throw unknownProduct(given.findIndex(({ productId }) => productId === error.id));
    }
    await waitBeforeRetry(writer, tries);
  }
}

const unknownProduct = (index: number) => {
  const fault = {
    pointer: `/lines/${index}/productId`,
    code: "not_found",
    detail: "Product not found",
  };
  return new AppError("product_not_found", "Product not found", { errors: [fault] });
};

const shortagesOf = (lines: readonly Line[], levels: Levels): Inventory.Shortage[] =>
  lines.flatMap(({ productId, quantity: requested }) => {
    const level = levels.get(productId);
    const available = level ? Inventory.availableOf(level) : requested;
    return available < requested ? [{ productId, requested, available }] : [];
  });

/** Gives back what expired reservations hold of these products; false if there were none. */
async function releaseExpired(
  products: readonly { productId: string }[],
  writer: Writer,
): Promise<boolean> {
  let freed = false;
  const now = new Date().toISOString();
  for (const { productId } of products) {
    for (const { id } of await expired(heldPartition(productId), now, FREED_AT_ONCE)) {
      freed = (await expire(id, { ...writer, actor: "expiry", idempotency: undefined })) || freed;
    }
  }
  return freed;
}

/** What a shortage frees before it tries again; the sweep does the rest. */
const FREED_AT_ONCE = 100;

/** Those in a partition of the index whose time has come, the longest past first. */
async function expired(
  partition: string,
  now: string,
  limit: number,
): Promise<{ id: string; until: string }[]> {
  const { items } = await queryStore({
    IndexName: "gsi1",
    KeyConditionExpression: "gsi1pk = :partition AND gsi1sk < :now",
    ExpressionAttributeValues: { ":partition": partition, ":now": now },
    Limit: limit,
  });
  return items.map(({ sk, gsi1sk }) => ({
    id: String(sk),
    until: String(gsi1sk).split("#", 1)[0] ?? "",
  }));
}

const closed = (status: Status) =>
  status === "expired"
    ? new AppError("reservation_expired", "This reservation has expired")
    : new AppError("reservation_closed", `This reservation is ${status}`);

type Held = Stored & Attributes;

/** An active reservation whose product stays missing is a damage, and no race. */
const MISSING_TRIES = 3;

/** Ends an active reservation in one of three ways; its lines' units are sold or given back. */
async function close(
  first: Held,
  to: Exclude<Status, "active">,
  writer: Writer,
  ifMatch?: readonly number[],
): Promise<Outcome<Info>> {
  const id = first.sk;
  const writeId = newId();
  const levels: Levels = new Map();
  let current = first;
  for (let tries = 1; ; tries++) {
    if (wasWrittenBy(current, writeId)) {
      return { value: reservations.decode(current), changed: true, replayed: false };
    }
    if (ifMatch && !ifMatch.includes(current.version))
      throw reservations.preconditionFailed(current);
    if (current.status === to) {
      return { value: reservations.decode(current), changed: false, replayed: false };
    }
    if (current.status !== "active") throw closed(current.status);
    const due = current.until <= Date.now();
    if (to === "expired" && !due) throw closed("active"); // extended meanwhile
    if (to !== "expired" && due) {
      await expire(id, writer);
      throw closed("expired");
    }
    const change = { set: { status: to, gsi1pk: undefined, gsi1sk: undefined } };
    const next = nextVersion(current, change, writer, writeId);
    const value = reservations.decode(next);
    const what = to === "confirmed" ? "sell" : "free";
    const steps = [
      {
        write: { Put: putIfUnchanged(current, next) },
        refused: (old: object | undefined) => new StaleRecord(id, old as Stored | undefined),
      },
      ...current.lines.flatMap((line) => [
        Inventory.moveStep(what, line, id, writer, writeId, levels.get(line.productId)),
        lineStep(id, line),
      ]),
      ...Idempotency.steps(writer, 0, 1, value, writeId),
    ];
    // Another may have closed it since, and its product may even be gone: then it is read again.
    const done = await attempt(steps, writer, writeId, levels).catch((error: unknown) => {
      if (error instanceof MissingRecord && tries <= MISSING_TRIES) return false;
      throw error;
    });
    if (done) return { value, changed: true, replayed: false };
    await waitBeforeRetry(writer, tries);
    current = (await reservations.existing(id)) as Held;
  }
}

const closeLocked = async (
  id: string,
  to: Exclude<Status, "active">,
  writer: Writer,
  ifMatch?: readonly number[],
): Promise<Outcome<Info>> =>
  Idempotency.once(writer, async () => {
    const first = (await reservations.existing(id)) as Held;
    const products = first.lines.map(({ productId }) => productId);
    // It may be closed by the time it has its turn: then its version refuses, and it is read again.
    return withLocks(products, writer, () => close(first, to, writer, ifMatch));
  });

/** Gives an expired reservation's units back; false if another has, or it was extended. */
async function expire(id: string, writer: Writer): Promise<boolean> {
  try {
    const first = (await reservations.existing(id)) as Held;
    return (await close(first, "expired", { ...writer, idempotency: undefined })).changed;
  } catch (error) {
    if (error instanceof AppError && error.code !== "unavailable") return false;
    throw error;
  }
}

/**
 * Sells what is reserved. Throws `reservation_not_found`, `reservation_closed`,
 * `reservation_expired`, `precondition_failed`.
 */
export const confirm = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  closeLocked(id, "confirmed", writer, ifMatch);

/** Gives back what is reserved. Throws as `confirm` does. */
export const cancel = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  closeLocked(id, "cancelled", writer, ifMatch);

/** Moves the end to `ttlSeconds` from now, never closer. Throws as `confirm` does. */
export const extend = (
  id: string,
  { ttlSeconds }: z.output<typeof Extend>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  reservations.update(id, writer, ifMatch, (stored) => {
    if (stored === undefined) return undefined;
    const current = stored as Held;
    if (current.status !== "active") throw closed(current.status);
    if (current.until <= Date.now()) throw closed("expired");
    const until = Math.max(current.until, Date.parse(writer.at) + ttlSeconds * 1000);
    return {
      set: { until, ...activeIndex(id, until) },
      steps: current.lines.map((line) => lineStep(id, line, until)),
    };
  });

/** Throws `reservation_not_found`. */
export const get = (id: string): Promise<Info> => reservations.get(id);

/**
 * All in the order of their ids; active ones in the order in which they expire; a product's, active
 * or not, in one of these two. Throws `invalid_cursor`.
 */
export const list = async ({ status, productId, ...page }: z.output<typeof List>) => {
  if (productId === undefined) {
    if (status === undefined) return paged("reservations", page, reservations.list);
    const { items, nextToken } = await paged("reservations active", page, (of) =>
      reservations.listBy(activePartitions(), of),
    );
    return { items: items.filter((each) => each.status === "active"), nextToken };
  }
  const scope = `reservations ${status ?? "all"} ${productId}`;
  const lines = await paged(scope, page, (of) =>
    status === undefined
      ? mergedPage([linePartition(productId)], of)
      : indexPage([heldPartition(productId)], of),
  );
  const found = await reservations.findAll(lines.items.map(({ sk }) => String(sk)));
  return {
    items: found.filter((each) => status === undefined || each.status === status),
    nextToken: lines.nextToken,
  };
};

/** What one sweep did. */
export interface Swept {
  expired: number;
  /** Whether it stopped before all was done. */
  more: boolean;
  /** For how long the oldest that it met had been overdue. */
  lagMs: number;
}

const SWEEP_PAGE = 50;

/**
 * Gives back the units of all reservations whose time has come, page by page until `deadline`
 * (epoch ms). Two at once do not harm each other: each reservation ends once.
 */
export async function sweep(writer: Writer, deadline: number): Promise<Swept> {
  let count = 0;
  let lagMs = 0;
  const now = new Date().toISOString();
  for (const partition of activePartitions()) {
    for (;;) {
      if (Date.now() > deadline) return { expired: count, more: true, lagMs };
      const due = await expired(partition, now, SWEEP_PAGE);
      if (due[0]) lagMs = Math.max(lagMs, Date.parse(now) - Date.parse(due[0].until));
      const done = await Promise.all(
        due.map(({ id }) => expire(id, { ...writer, at: new Date().toISOString() })),
      );
      const changed = done.filter(Boolean).length;
      count += changed;
      // A page without effect is another sweep's, or the index lags: the next minute sees to it.
      if (due.length < SWEEP_PAGE || changed === 0) break;
    }
  }
  return { expired: count, more: false, lagMs };
}
