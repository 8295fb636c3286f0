/**
 * Reservations: units of products that are held until a time, then sold or released. A reservation
 * and the counts of its products change in one transaction, so a product's `reserved` is always the
 * sum of its active reservations. A reservation past its time is shown as expired immediately; its
 * units are released by the first request that needs them, or by the sweep.
 */

import * as z from "zod";
import { AppError } from "../error.ts";
import { canonicalId, newId } from "../id.ts";
import { lazy } from "../lazy.ts";
import * as DynamoDB from "../store/dynamodb.ts";
import * as Idempotency from "../store/idempotency.ts";
import { withLocks } from "../store/lock.ts";
import { mergedPage, paged, type PageRequest, query } from "../store/pagination.ts";
import { partitionPages } from "../store/partition.ts";
import { recordStore, shardOf, StaleRecord } from "../store/record.ts";
import { nextVersion, putIfUnchanged, type Stored } from "../store/update-expression.ts";
import { wasWrittenBy } from "../store/write-register.ts";
import {
  assertInTime,
  changed,
  commit,
  type Outcome,
  type Step,
  unchanged,
  waitBeforeRetry,
  type Writer,
} from "../store/write.ts";
import { text } from "../text.ts";
import * as Inventory from "./inventory.ts";

const Line = lazy(() =>
  z.strictObject({
    productId: z.string().min(1).max(128).overwrite(canonicalId),
    quantity: z.int().min(1).max(1_000_000_000),
  }),
);
type Line = z.output<typeof Line>;

const Ttl = () => z.int().min(30).max(86_400).default(900); // seconds

const STATUSES = ["active", "confirmed", "cancelled", "expired"] as const;
type Status = (typeof STATUSES)[number];
type FinalStatus = Exclude<Status, "active">;

/** A reservation as clients see it. */
export const Info = lazy(() =>
  z
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
    .meta({ id: "Reservation" }),
);
export type Info = z.output<typeof Info>;

export const Create = lazy(() =>
  z
    .strictObject({
      lines: z.array(Line).min(1).max(20),
      ttlSeconds: Ttl(),
      reference: text(1, 200).optional(),
    })
    .meta({ id: "ReservationRequest" }),
);

export const Extend = lazy(() =>
  z.strictObject({ ttlSeconds: Ttl() }).meta({ id: "ExtensionRequest" }),
);

export const List = lazy(() =>
  z.strictObject({
    ...query(20),
    status: z.literal("active").optional(),
    productId: z.string().min(1).max(128).overwrite(canonicalId).optional(),
  }),
);

interface Attributes {
  status: Status;
  lines: Line[];
  reference?: string;
  until: number; // epoch ms
  /** The first `until`, if the reservation was extended since. */
  firstUntil?: number;
}

export type StoredReservation = Stored & Attributes;

const isDue = ({ until }: Attributes): boolean => until <= Date.now();

export const reservations = recordStore({
  kind: "RESERVATION",
  notFound: "reservation_not_found",
  name: "Reservation",
  decode: (stored): Info => {
    const reservation = stored as StoredReservation;
    const { status } = reservation;
    return infoOf(reservation, status === "active" && isDue(reservation) ? "expired" : status);
  },
});

/**
 * Returns the reservation with its stored status: in the change log it does not expire by itself.
 */
export const storedInfo = (stored: Stored): Info =>
  infoOf(stored as StoredReservation, (stored as StoredReservation).status);

function infoOf(stored: StoredReservation, status: Status): Info {
  const { lines, reference, until } = stored;
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

const untilKey = (id: string, until: number) => `${new Date(until).toISOString()}#${id}`;

/**
 * Returns the index keys of an active reservation: in each shard, the order of the first expiry. An
 * extension leaves it in its place, so that a walk over the active ones neither skips nor repeats
 * it. The sweep finds it by these keys as well, since an extension only moves the expiry later.
 */
export const activeIndex = (id: string, firstUntil: number) => ({
  gsi1pk: `ACTIVE#${shardOf(id)}`,
  gsi1sk: untilKey(id, firstUntil),
});

const activePartitions = () =>
  Array.from({ length: DynamoDB.shardCount() }, (_, shard) => `ACTIVE#${shard}`);

/** The partition of all lines of a product: its reservations, in the order of their ids. */
export const linePartition = (productId: string) => `LINE#${productId}`;
/** The index partition of the lines that hold units of a product, in the order of expiry. */
export const heldPartition = (productId: string) => `HELD#${productId}`;

/**
 * Returns the item of a line. It is indexed as long as it holds its units, which `heldUntil` says.
 */
export const lineItem = (id: string, { productId, quantity }: Line, heldUntil?: number) => ({
  pk: linePartition(productId),
  sk: id,
  quantity,
  ...(heldUntil !== undefined && {
    gsi1pk: heldPartition(productId),
    gsi1sk: untilKey(id, heldUntil),
  }),
});

const lineStep = (id: string, line: Line, heldUntil?: number): Step => ({
  write: { Put: { Item: lineItem(id, line, heldUntil) } },
});

/** Adds up lines of the same product: a transaction can write each inventory only once. */
function merged(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Inventories as far as they have been read, by product. */
type KnownInventories = Map<string, Inventory.StoredInventory>;

/** `missing` is the id of a record that the transaction needs and that does not exist. */
interface Attempt {
  committed: boolean;
  missing?: string;
}

/**
 * Commits the steps, or learns from the refusals why it could not: records that are not as they
 * were assumed are added to `known`, so that the next attempt is built from them. Throws the
 * refusals that no further attempt can change.
 */
async function attempt(
  steps: readonly Step[],
  writer: Writer,
  writeId: string,
  known: KnownInventories,
): Promise<Attempt> {
  const refusals = await commit(steps, writer, [writeId]);
  for (const { error } of refusals) {
    if (!(error instanceof StaleRecord)) throw error;
    if (error.old === undefined) return { committed: false, missing: error.id };
    known.set(error.id, error.old as Inventory.StoredInventory);
  }
  return { committed: refusals.length === 0 };
}

/**
 * Reserves all lines or none. Throws `insufficient_stock`, `product_not_found`, `product_archived`.
 */
export const create = (input: z.output<typeof Create>, writer: Writer): Promise<Outcome<Info>> =>
  Idempotency.once(writer, () => {
    const lines = merged(input.lines);
    const products = lines.map(({ productId }) => productId);
    return withLocks(products, writer, () =>
      Inventory.withExpiredReleased(products, writer, () => reserve(input, lines, writer)),
    );
  });

/**
 * The first attempt is built without reading anything: one transaction is the whole cost of most
 * reservations. Inventories are only known, and shortages only seen, after a refused attempt.
 */
async function reserve(
  input: z.output<typeof Create>,
  lines: readonly Line[],
  writer: Writer,
): Promise<Outcome<Info>> {
  const stored = newReservation(input, lines, writer);
  const value = reservations.decode(stored);
  const writeId = stored.lastWrite;
  const known: KnownInventories = new Map();
  for (let tries = 1; ; tries++) {
    const shortages = shortagesOf(lines, known);
    if (shortages.length > 0) throw Inventory.insufficient(shortages);
    const steps = [
      ...reservationSteps(stored, lines, known, writer),
      ...lines.map(({ productId }) =>
        Inventory.onSaleStep(productId, () => archivedProduct(input.lines, productId)),
      ),
      ...Idempotency.steps(writer, value, writeId),
    ];
    const { committed, missing } = await attempt(steps, writer, writeId, known);
    if (committed) return changed(value);
    if (missing !== undefined) throw unknownProduct(input.lines, missing);
    await waitBeforeRetry(writer, tries);
  }
}

function newReservation(
  { ttlSeconds, reference }: z.output<typeof Create>,
  lines: readonly Line[],
  writer: Writer,
): Stored {
  const id = newId();
  const until = Date.parse(writer.at) + ttlSeconds * 1000;
  const attributes = { status: "active", lines, reference, until, ...activeIndex(id, until) };
  return reservations.newRecord(id, attributes, writer).stored;
}

/** Returns the writes of a new reservation: itself, and for each line the movement and its item. */
const reservationSteps = (
  stored: Stored,
  lines: readonly Line[],
  known: KnownInventories,
  writer: Writer,
): Step[] => [
  { write: { Put: { Item: stored, ConditionExpression: "attribute_not_exists(pk)" } } },
  ...lines.flatMap((line) => [
    Inventory.moveStep(
      "reserve",
      line,
      stored.sk,
      writer,
      stored.lastWrite,
      known.get(line.productId),
    ),
    lineStep(stored.sk, line, (stored as StoredReservation).until),
  ]),
];

const unknownProduct = (lines: readonly Line[], id: string): AppError =>
  new AppError("product_not_found", "Product not found", {
    errors: [{ pointer: pointerTo(lines, id), code: "not_found", detail: "Product not found" }],
  });

const archivedProduct = (lines: readonly Line[], id: string): AppError =>
  new AppError("product_archived", "An archived product cannot be reserved", {
    errors: [{ pointer: pointerTo(lines, id), code: "archived", detail: "Archived product" }],
  });

/** The product's line as the client wrote it, before lines were added up. */
const pointerTo = (lines: readonly Line[], id: string): string =>
  `/lines/${lines.findIndex(({ productId }) => productId === id)}/productId`;

/** Returns the lines that ask for more than is available, as far as inventories are known. */
const shortagesOf = (lines: readonly Line[], known: KnownInventories): Inventory.Shortage[] =>
  lines.flatMap(({ productId, quantity: requested }) => {
    const { available = requested } = known.get(productId) ?? {};
    return available < requested ? [{ productId, requested, available }] : [];
  });

const DUE_PAGE = 100;

/**
 * Releases what expired reservations hold of these products, all of it or until the request's time
 * is up. True if any was listed as expired, also if another request has just released it: the
 * caller's counts are then outdated. Throws `unavailable`.
 */
async function releaseExpired(productIds: readonly string[], writer: Writer): Promise<boolean> {
  let found = false;
  const now = new Date().toISOString();
  for (const productId of productIds) {
    for await (const page of duePages(heldPartition(productId), now, DUE_PAGE)) {
      found ||= page.length > 0;
      assertInTime(writer);
      const ids = page.map(({ id }) => id);
      const { failures } = await expireAll(ids, { ...writer, actor: "expiry" });
      // Errors of one reservation are not errors of the request: the sweep reports them.
      const error = failures.find((failure) => failure instanceof AppError);
      if (error) throw error;
    }
  }
  return found;
}

Inventory.configureRelease(releaseExpired);

/** A reservation of an index partition whose time has passed. */
interface Due {
  id: string;
  until: number; // epoch ms; NaN for a line
}

/**
 * Returns the due reservations of an index partition page by page, the oldest first. Each is
 * returned once, whether or not it could be expired: one that cannot does not hide the others.
 */
async function* duePages(partition: string, now: string, limit: number): AsyncGenerator<Due[]> {
  let from: { ExclusiveStartKey?: DynamoDB.Attributes } = {};
  for (;;) {
    const { items, last } = await DynamoDB.query({
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :partition AND gsi1sk < :now",
      // Reservations that were extended are listed by their first expiry. Lines have no `until`.
      FilterExpression: "attribute_not_exists(#until) OR #until < :nowMs",
      ExpressionAttributeNames: { "#until": "until" },
      ExpressionAttributeValues: {
        ":partition": partition,
        ":now": now,
        ":nowMs": Date.parse(now),
      },
      Limit: limit,
      ...from,
    });
    yield items.map(({ sk, until }) => ({ id: String(sk), until: Number(until) }));
    if (last === undefined) return;
    from = { ExclusiveStartKey: last };
  }
}

const notActive = (status: Status) =>
  status === "expired"
    ? new AppError("reservation_expired", "This reservation has expired")
    : new AppError("reservation_closed", `This reservation is ${status}`);

/** A reservation that cannot be closed, since its stored data are damaged. */
class DamagedReservation extends Error {}

/** An inventory that is missing in more attempts is not a race: the stored data are damaged. */
const MISSING_TRIES = 3;

/**
 * Ends an active reservation: its units are sold if it is confirmed, else released. `first`
 * may be outdated. The write over that version is then refused and the reservation is read again.
 */
async function close(
  first: StoredReservation,
  to: Exclude<FinalStatus, "expired">,
  writer: Writer,
  ifMatch?: readonly number[],
): Promise<Outcome<Info>> {
  const id = first.sk;
  const writeId = newId();
  const known: KnownInventories = new Map();
  let current = first;
  for (let tries = 1; ; tries++) {
    if (wasWrittenBy(current, writeId)) return changed(reservations.decode(current)); // lost reply
    if (ifMatch && !ifMatch.includes(current.version)) {
      throw reservations.preconditionFailed(current);
    }
    if (current.status === to) return unchanged(reservations.decode(current));
    await assertCanClose(current, writer);
    const next = closed(current, to, writer, writeId);
    const value = reservations.decode(next);
    const steps = [
      ...closedSteps(current, next),
      ...current.lines.map((line) =>
        Inventory.moveStep(MOVEMENTS[to], line, id, writer, writeId, known.get(line.productId)),
      ),
      ...Idempotency.steps(writer, value, writeId),
    ];
    const { committed, missing } = await attempt(steps, writer, writeId, known);
    if (committed) return changed(value);
    // Another request may have closed the reservation since, and even deleted the product.
    if (missing !== undefined && tries > MISSING_TRIES) {
      throw new DamagedReservation(`reservation ${id} is active, but ${missing} does not exist`);
    }
    await waitBeforeRetry(writer, tries);
    current = (await reservations.getStored(id)) as StoredReservation;
  }
}

/**
 * Throws `reservation_closed` or `reservation_expired`; in the latter case the units are released.
 */
async function assertCanClose(current: StoredReservation, writer: Writer): Promise<void> {
  if (current.status !== "active") throw notActive(current.status);
  if (!isDue(current)) return;
  await expire(current, writer);
  throw notActive("expired");
}

/** What the end of a reservation does to its inventories. */
const MOVEMENTS = { confirmed: "sell", cancelled: "release", expired: "release" } as const;

/** Returns the reservation after its end. */
const closed = (current: StoredReservation, to: FinalStatus, writer: Writer, writeId: string) =>
  nextVersion(
    current,
    { set: { status: to, gsi1pk: undefined, gsi1sk: undefined } },
    writer,
    writeId,
  );

/** Returns the writes of a reservation that ends and of its lines, without its inventories. */
const closedSteps = (current: StoredReservation, next: Stored): Step[] => [
  {
    write: { Put: putIfUnchanged(current, next) },
    conditionError: (old) => new StaleRecord(current.sk, old as Stored | undefined),
  },
  ...current.lines.map((line) => lineStep(current.sk, line)), // not in the index: it holds no units
];

const closeLocked = async (
  id: string,
  to: Exclude<FinalStatus, "expired">,
  writer: Writer,
  ifMatch?: readonly number[],
): Promise<Outcome<Info>> =>
  Idempotency.once(writer, async () => {
    const first = (await reservations.getStored(id)) as StoredReservation;
    const products = first.lines.map(({ productId }) => productId);
    return withLocks(products, writer, () => close(first, to, writer, ifMatch));
  });

/** Actions in one transaction; DynamoDB takes no more. */
const MAX_ACTIONS = 100;

interface Expiry {
  expired: number; // reservations; another request may have ended the others
  /** An error for each reservation that could not be expired. */
  failures: unknown[];
}

/**
 * Expires those of up to 100 reservations that are due. Reservations of the same products expire
 * together, as many as a transaction takes: each alone would change the same inventories, and they
 * would refuse each other. Throws `unavailable` if they cannot be read.
 */
async function expireAll(ids: readonly string[], writer: Writer): Promise<Expiry> {
  const keys = ids.map((id) => ({ pk: `RESERVATION#${shardOf(id)}`, sk: id }));
  const stored = (await DynamoDB.readAll(keys)) as StoredReservation[];
  const due = stored.filter(canExpire);
  const groups = Map.groupBy(due.filter(hasLines), ({ lines }) =>
    lines
      .map(({ productId }) => productId)
      .toSorted()
      .join(" "),
  );
  const damaged = due.filter((each) => !hasLines(each));
  const result: Expiry = {
    expired: 0,
    failures: damaged.map(({ sk }) => new DamagedReservation(`reservation ${sk} has no lines`)),
  };
  const ends = await Promise.all(groups.values().map((group) => expireGroup(group, writer)));
  for (const end of ends) addUp(result, end);
  return result;
}

const hasLines = ({ lines }: StoredReservation): boolean =>
  Array.isArray(lines) && lines.length > 0;

const canExpire = (reservation: StoredReservation | undefined): boolean =>
  reservation?.status === "active" && isDue(reservation);

/** Expires due reservations of the same products, one transaction after another. */
async function expireGroup(group: StoredReservation[], writer: Writer): Promise<Expiry> {
  const result: Expiry = { expired: 0, failures: [] };
  const products = group[0]?.lines.length ?? 0;
  const size = Math.floor((MAX_ACTIONS - products) / (1 + products));
  for (let from = 0; from < group.length; from += size) {
    const some = group.slice(from, from + size);
    try {
      result.expired += await expireTogether(some, writer);
    } catch (error) {
      if (error instanceof DamagedReservation && some.length > 1) {
        for (const each of some) addUp(result, await expireGroup([each], writer));
      } else result.failures.push(...some.map(() => error));
    }
  }
  return result;
}

function addUp(result: Expiry, { expired, failures }: Expiry): void {
  result.expired += expired;
  result.failures.push(...failures);
}

/**
 * Expires due reservations of the same products in one transaction, which changes each inventory
 * once. Those that another request ends or extends meanwhile are left out. Returns how many it has
 * expired. Throws `unavailable`, and any other error if the stored data are damaged.
 */
async function expireTogether(all: readonly StoredReservation[], writer: Writer): Promise<number> {
  const writeId = newId();
  const known: KnownInventories = new Map();
  const due = new Map(all.map((each) => [each.sk, each]));
  let missing = 0;
  for (let tries = 1; due.size > 0; tries++) {
    const steps = expirySteps([...due.values()], known, writer, writeId);
    const refusals = await commit(steps, writer, [writeId]);
    if (refusals.length === 0) return due.size;
    for (const { error } of refusals) {
      if (!(error instanceof StaleRecord)) throw error;
      const { id, old } = error;
      if (due.has(id)) {
        if (canExpire(old as StoredReservation | undefined)) due.set(id, old as StoredReservation);
        else due.delete(id);
      } else if (old) known.set(id, old as Inventory.StoredInventory);
      // Other requests may have closed all of them since, and even deleted the product.
      else if (++missing > MISSING_TRIES) {
        const [first = ""] = due.keys();
        throw new DamagedReservation(`reservation ${first} is active, but ${id} does not exist`);
      }
    }
    await waitBeforeRetry(writer, tries);
  }
  return 0;
}

/** Throws `DamagedReservation` if an inventory has fewer units reserved than are to be released. */
function expirySteps(
  due: readonly StoredReservation[],
  known: KnownInventories,
  writer: Writer,
  writeId: string,
): Step[] {
  const [only] = due.length === 1 ? due : [];
  const movements = merged(due.flatMap(({ lines }) => lines)).map((line) => {
    const { productId, quantity } = line;
    const inventory = known.get(productId);
    if (inventory && inventory.reserved < quantity) {
      throw new DamagedReservation(
        `reservation ${due[0]?.sk} is active, but ${productId} has fewer units reserved`,
      );
    }
    return Inventory.moveStep("release", line, only?.sk, writer, writeId, inventory);
  });
  return [
    ...due.flatMap((each) => closedSteps(each, closed(each, "expired", writer, writeId))),
    ...movements,
  ];
}

/** Expires a due reservation, unless another request ends or extends it. Throws `unavailable`. */
async function expire(current: StoredReservation, writer: Writer): Promise<void> {
  const { failures } = await expireGroup([current], writer);
  if (failures[0] instanceof AppError) throw failures[0];
}

/**
 * Sells what is reserved. Throws `reservation_not_found`, `reservation_closed`,
 * `reservation_expired`, `precondition_failed`.
 */
export const confirm = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  closeLocked(id, "confirmed", writer, ifMatch);

/** Releases what is reserved. Throws as `confirm` does. */
export const cancel = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  closeLocked(id, "cancelled", writer, ifMatch);

/**
 * Moves the expiry to `ttlSeconds` from now, never to an earlier time. Throws as `confirm` does.
 */
export const extend = (
  id: string,
  { ttlSeconds }: z.output<typeof Extend>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  reservations.update(id, writer, ifMatch, (stored) => {
    if (stored === undefined) return undefined;
    const current = stored as StoredReservation;
    if (current.status !== "active") throw notActive(current.status);
    if (isDue(current)) throw notActive("expired");
    const until = Math.max(current.until, Date.parse(writer.at) + ttlSeconds * 1000);
    return {
      set: { until, ...(until > current.until && { firstUntil: firstUntilOf(current) }) },
      steps: current.lines.map((line) => lineStep(id, line, until)),
    };
  });

export const firstUntilOf = ({ firstUntil, until }: Attributes): number => firstUntil ?? until;

/** Throws `reservation_not_found`. */
export const get = (id: string): Promise<Info> => reservations.get(id);

/**
 * Returns a page of all reservations, of those of a product, or of the active ones of a product, in
 * the order of their ids; or of all active ones in the order of their first expiry. A page can have fewer records than `limit`, since the
 * index also lists reservations that are due. Throws `invalid_cursor`.
 */
export const list = async ({ status, productId, ...page }: z.output<typeof List>) => {
  if (productId === undefined) {
    if (status === undefined) return paged("reservations", page, reservations.list);
    const { items, nextToken } = await paged("reservations active", page, (of) =>
      reservations.listByIndex(activePartitions(), of),
    );
    return { items: items.filter((each) => each.status === "active"), nextToken };
  }
  const scope = `reservations ${status ?? "all"} ${productId}`;
  const lines = await paged(scope, page, (of) =>
    status === undefined ? mergedPage([linePartition(productId)], of) : heldPage(productId, of),
  );
  const found = await reservations.findAll(lines.items.map(({ sk }) => String(sk)));
  return {
    items: found.filter((each) => status === undefined || each.status === status),
    nextToken: lines.nextToken,
  };
};

const HELD_LINES = 500; // of a page

/**
 * Returns one page of the lines that hold units of a product, in the order of their ids. The index
 * has them in the order of expiry, which an extension changes, so all of them are read.
 */
async function heldPage(productId: string, { limit, order, after }: PageRequest) {
  const ids = new Set<string>();
  const walk = { partition: heldPartition(productId), limit: HELD_LINES, index: true };
  for await (const lines of partitionPages(walk)) {
    for (const { sk } of lines) ids.add(String(sk));
  }
  const sorted = [...ids].toSorted();
  if (order === "desc") sorted.reverse();
  const follows = (id: string) =>
    after === undefined || (order === "asc" ? id > after : id < after);
  const following = sorted.filter(follows);
  const items = following.slice(0, limit).map((sk) => ({ sk }));
  return { items, next: following.length > limit ? items.at(-1)?.sk : undefined };
}

/** What one sweep did. */
export interface SweepResult {
  expired: number; // reservations
  /** Reservations that could not be expired. */
  failed: number;
  /** The error of the first of them. */
  failure?: unknown;
  /** True if it stopped at its deadline. */
  more: boolean;
  /** How long the oldest reservation that it found had been due. */
  lagMs: number;
}

const SWEEP_PAGE = 50;

/**
 * Expires all reservations that are due, page by page, until `deadline` (epoch ms). One that cannot
 * be expired is counted and does not stop the others. Concurrent sweeps are safe: each reservation
 * is closed by one conditional write. Throws `unavailable` if the list cannot be read.
 */
export async function sweep(writer: Writer, deadline: number): Promise<SweepResult> {
  const result: SweepResult = { expired: 0, failed: 0, more: false, lagMs: 0 };
  const now = new Date().toISOString();
  for (const partition of activePartitions()) {
    if (Date.now() > deadline) return { ...result, more: true };
    for await (const due of duePages(partition, now, SWEEP_PAGE)) {
      if (due[0]) {
        result.lagMs = Math.max(result.lagMs, Date.parse(now) - due[0].until);
      }
      const ids = due.map(({ id }) => id);
      const at = new Date().toISOString();
      const { expired, failures } = await expireAll(ids, { ...writer, at });
      result.expired += expired;
      if (failures.length > 0) result.failure ??= failures[0];
      result.failed += failures.length;
      if (Date.now() > deadline) return { ...result, more: true };
    }
  }
  return result;
}
