/**
 * How a reservation is stored: its record, one line for each of its products, and the keys under
 * which the index lists both while they hold units.
 */

import * as z from "zod";
import { canonicalId } from "../id.ts";
import { lazy } from "../lazy.ts";
import { shardCount } from "../store/dynamodb.ts";
import { recordStore, shardOf, StaleRecord } from "../store/record.ts";
import { nextVersion, putIfUnchanged, type Stored } from "../store/update-expression.ts";
import type { Step, Writer } from "../store/write.ts";
import type { StoredInventory } from "./inventory.ts";

export const Line = lazy(() =>
  z.strictObject({
    productId: z.string().min(1).max(128).overwrite(canonicalId),
    quantity: z.int().min(1).max(1_000_000_000),
  }),
);
export type Line = z.output<typeof Line>;

const STATUSES = ["active", "confirmed", "cancelled", "expired"] as const;
export type Status = (typeof STATUSES)[number];
export type FinalStatus = Exclude<Status, "active">;

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

interface Attributes {
  status: Status;
  lines: Line[];
  reference?: string;
  until: number; // epoch ms
  /** The first `until`, if the reservation was extended since. */
  firstUntil?: number;
}

export type StoredReservation = Stored & Attributes;

export const isDue = ({ until }: Attributes): boolean => until <= Date.now();

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

/** The index partitions of all active reservations. */
export const activePartitions = () =>
  Array.from({ length: shardCount() }, (_, shard) => `ACTIVE#${shard}`);

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

export const lineStep = (id: string, line: Line, heldUntil?: number): Step => ({
  write: { Put: { Item: lineItem(id, line, heldUntil) } },
});

/** Adds up lines of the same product: a transaction can write each inventory only once. */
export function merged(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Returns the reservation after its end. */
export const closed = (
  current: StoredReservation,
  to: FinalStatus,
  writer: Writer,
  writeId: string,
) =>
  nextVersion(
    current,
    { set: { status: to, gsi1pk: undefined, gsi1sk: undefined } },
    writer,
    writeId,
  );

/** Returns the writes of a reservation that ends and of its lines, without its inventories. */
export const closedSteps = (current: StoredReservation, next: Stored): Step[] => [
  {
    write: { Put: putIfUnchanged(current, next) },
    conditionError: (old) => new StaleRecord(current.sk, old as Stored | undefined),
  },
  ...current.lines.map((line) => lineStep(current.sk, line)), // not in the index: it holds no units
];

export const firstUntilOf = ({ firstUntil, until }: Attributes): number => firstUntil ?? until;

/** Inventories as far as they have been read, by product. */
export type KnownInventories = Map<string, StoredInventory>;

/** A reservation that cannot be closed, since its stored data are damaged. */
export class DamagedReservation extends Error {}

/** An inventory that is missing in more attempts is not a race: the stored data are damaged. */
export const MISSING_TRIES = 3;
