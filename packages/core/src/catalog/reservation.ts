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
import * as Idempotency from "../store/idempotency.ts";
import { withLocks } from "../store/lock.ts";
import { mergedPage, paged, type PageRequest, query } from "../store/pagination.ts";
import { partitionPages } from "../store/partition.ts";
import { StaleRecord } from "../store/record.ts";
import type { Stored } from "../store/update-expression.ts";
import { wasWrittenBy } from "../store/write-register.ts";
import {
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
import { expire } from "./reservation-expiry.ts";
import {
  activeIndex,
  activePartitions,
  closed,
  closedSteps,
  DamagedReservation,
  firstUntilOf,
  heldPartition,
  type Info,
  isDue,
  type KnownInventories,
  Line,
  linePartition,
  lineStep,
  merged,
  MISSING_TRIES,
  reservations,
  type Status,
  type StoredReservation,
} from "./reservation-record.ts";

export { Info } from "./reservation-record.ts";

const Ttl = () => z.int().min(30).max(86_400).default(900); // seconds

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
export const create = (input: z.output<typeof Create>, writer: Writer): Promise<Outcome<Info>> => {
  const lines = merged(input.lines);
  const products = lines.map(({ productId }) => productId);
  return withLocks(products, writer, () =>
    Inventory.withExpiredReleased(products, writer, () =>
      Idempotency.once(writer, () => reserve(input, lines, writer)),
    ),
  );
};

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

const notActive = (status: Status) =>
  status === "expired"
    ? new AppError("reservation_expired", "This reservation has expired")
    : new AppError("reservation_closed", `This reservation is ${status}`);

/** What the end of a reservation does to its inventories. */
const MOVEMENTS = { confirmed: "sell", cancelled: "release" } as const;

/**
 * Ends an active reservation: its units are sold if it is confirmed, else released. `first`
 * may be outdated. The write over that version is then refused and the reservation is read again.
 */
async function close(
  first: StoredReservation,
  to: keyof typeof MOVEMENTS,
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

const closeLocked = async (
  id: string,
  to: keyof typeof MOVEMENTS,
  writer: Writer,
  ifMatch?: readonly number[],
): Promise<Outcome<Info>> =>
  Idempotency.once(writer, async () => {
    const first = (await reservations.getStored(id)) as StoredReservation;
    const products = first.lines.map(({ productId }) => productId);
    return withLocks(products, writer, () => close(first, to, writer, ifMatch));
  });

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
