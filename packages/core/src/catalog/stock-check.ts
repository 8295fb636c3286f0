/**
 * Checks that all stored numbers of stock fit together: each is computed again from the records and
 * lines. Writers continue meanwhile, so a difference only counts once it was found twice in a record
 * that has not changed in between. Memory is bounded, whatever the size of the table.
 */

import { setTimeout as pause } from "node:timers/promises";
import { type Attributes, read, shardCount } from "../store/dynamodb.ts";
import { partitionPages, retryWhileBusy } from "../store/partition.ts";
import type { Stored } from "../store/update-expression.ts";
import * as Inventory from "./inventory.ts";
import { countsFor } from "./inventory-units.ts";
import * as Reservation from "./reservation-record.ts";

export interface Difference {
  productId: string;
  rule: "bounds" | "available" | "level" | "moved" | "reserved" | "line" | "expiry";
  expected: number | string;
  actual: number | string;
  /** The reservation whose line or index keys are wrong. */
  reservationId?: string;
}

/** How many records have been checked so far. */
export interface Progress {
  products: number;
  reservations: number;
  /** Records that changed during every attempt, so that they could not be checked. */
  unsettled: number;
}

interface Finding {
  differences: Difference[];
  settled: boolean;
}

const RECORDS = 100; // of a page
const LINES = 500; // of a page
const MAX_ORPHANS = 1_000; // lines of one product that are reported in one run
/** Ms before each attempt to confirm a difference. */
export const PAUSES = [0, 50, 100, 200, 400, 400, 800];
/** The first attempts read the index, which is cheaper; only the others read all lines. */
const INDEX_ATTEMPTS = 2;

/**
 * Returns all differences. Reservations are checked first, so that a caller who repairs what it
 * gets has repaired the lines of a product before they are added up. Throws `unavailable`.
 */
export async function* checkStock({
  onProgress = () => undefined,
}: { onProgress?: (progress: Progress) => void } = {}): AsyncGenerator<Difference> {
  const progress: Progress = { products: 0, reservations: 0, unsettled: 0 };
  const walks = [
    [
      "RESERVATION",
      "reservations",
      (stored: Stored) => checkReservation(stored as Reservation.StoredReservation),
    ],
    [
      "INVENTORY",
      "products",
      (stored: Stored) => checkInventory(stored as Inventory.StoredInventory),
    ],
  ] as const;
  for (const [kind, counter, check] of walks) {
    for (let shard = 0; shard < shardCount(); shard++) {
      for await (const page of partitionPages({ partition: `${kind}#${shard}`, limit: RECORDS })) {
        for (const finding of await Promise.all(page.map((item) => check(item as Stored)))) {
          yield* finding.differences;
          if (!finding.settled) progress.unsettled++;
        }
        progress[counter] += page.length;
        onProgress({ ...progress });
      }
    }
  }
}

async function checkInventory(stored: Inventory.StoredInventory): Promise<Finding> {
  const own = ownDifferences(stored);
  const held = await heldDifferences(stored, "index");
  if (held.length === 0) return { differences: own, settled: true };
  const reread = () => retryWhileBusy(() => Inventory.inventories.readStored(stored.sk));
  const { differences, settled } = await confirmed(reread, INDEX_ATTEMPTS, (current, sure) =>
    heldDifferences(current as Inventory.StoredInventory, sure ? "lines" : "index"),
  );
  return { differences: [...own, ...differences], settled };
}

/** Differences within one record. It was read at one moment, so they need no confirmation. */
function ownDifferences(stored: Inventory.StoredInventory): Difference[] {
  const { sk: productId, quantity, reserved, available, reorderPoint, moved } = stored;
  const computed = countsFor(productId, quantity, reserved, reorderPoint);
  const differences: Difference[] = [];
  const expect = (rule: Difference["rule"], expected: number | string, actual: typeof expected) => {
    if (actual !== expected) differences.push({ productId, rule, expected, actual });
  };
  if (!(reserved >= 0 && reserved <= quantity)) {
    expect("bounds", "0 ≤ reserved ≤ quantity", `reserved ${reserved}, quantity ${quantity}`);
  }
  expect("available", computed.available, available);
  expect("level", levelText(computed), levelText(stored));
  expect("moved", quantity, moved);
  return differences;
}

const levelText = (item: Attributes) => `headroom ${String(item["headroom"])}, ${indexText(item)}`;

type Source = "index" | "lines";

async function heldDifferences(
  { sk: productId, reserved }: Inventory.StoredInventory,
  source: Source,
): Promise<Difference[]> {
  const { units, orphans } = await heldUnits(productId, source);
  if (units === reserved) return orphans;
  return [...orphans, { productId, rule: "reserved", expected: units, actual: reserved }];
}

/**
 * Adds up what active reservations hold of a product: by the index, which may be behind, or by the
 * lines themselves. A line that is indexed without an active reservation is an orphan.
 */
export async function heldUnits(productId: string, source: Source) {
  const walk =
    source === "index"
      ? { partition: Reservation.heldPartition(productId), limit: LINES, index: true }
      : { partition: Reservation.linePartition(productId), limit: LINES, indexed: true };
  let units = 0;
  const orphans: Difference[] = [];
  for await (const lines of partitionPages(walk)) {
    const holders = await Promise.all(
      lines.map(({ sk }) => retryWhileBusy(() => Reservation.reservations.readStored(String(sk)))),
    );
    for (const [index, line] of lines.entries()) {
      const holder = holders[index] as Reservation.StoredReservation | undefined;
      const held = heldLine(holder, productId);
      units += held?.quantity ?? 0;
      if (held || orphans.length === MAX_ORPHANS) continue;
      const reservationId = String(line["sk"]);
      const expected = lineText({ quantity: line["quantity"] });
      orphans.push({ productId, rule: "line", expected, actual: lineText(line), reservationId });
    }
  }
  return { units, orphans };
}

/**
 * Returns the line by which a reservation holds a product; one that is due holds it until closed.
 */
export const heldLine = (
  reservation: Reservation.StoredReservation | undefined,
  productId: string,
) =>
  reservation?.status === "active"
    ? reservation.lines.find((line) => line.productId === productId)
    : undefined;

async function checkReservation(stored: Reservation.StoredReservation): Promise<Finding> {
  const own = expiryDifferences(stored);
  if ((await lineDifferences(stored)).length === 0) return { differences: own, settled: true };
  const reread = () => retryWhileBusy(() => Reservation.reservations.readStored(stored.sk));
  const { differences, settled } = await confirmed(reread, 0, (current) =>
    lineDifferences(current as Reservation.StoredReservation),
  );
  return { differences: [...own, ...differences], settled };
}

function expiryDifferences(stored: Reservation.StoredReservation): Difference[] {
  const [expected, actual] = [indexText(expiryIndex(stored)), indexText(stored)];
  const { sk: reservationId, lines } = stored;
  const productId = lines[0]?.productId ?? "";
  return expected === actual
    ? []
    : [{ productId, rule: "expiry", expected, actual, reservationId }];
}

/**
 * Returns the index keys that a reservation should have: only active ones are listed for the sweep.
 */
export const expiryIndex = (stored: Reservation.StoredReservation): Attributes =>
  stored.status === "active"
    ? Reservation.activeIndex(stored.sk, Reservation.firstUntilOf(stored))
    : { gsi1pk: undefined, gsi1sk: undefined };

/** Describes the index keys of an item. */
function indexText(item: Attributes): string {
  const { gsi1pk, gsi1sk } = item as { gsi1pk?: string; gsi1sk?: string };
  return gsi1pk === undefined ? "not listed" : `listed at ${gsi1pk} ${gsi1sk}`;
}

/** Lines of closed reservations are checked with their product, as orphans if they are indexed. */
async function lineDifferences(stored: Reservation.StoredReservation): Promise<Difference[]> {
  if (stored.status !== "active") return [];
  const { sk: reservationId, lines, until } = stored;
  const differences = await Promise.all(
    lines.map(async (line): Promise<Difference[]> => {
      const { productId } = line;
      const found = await retryWhileBusy(() =>
        read({ pk: Reservation.linePartition(productId), sk: reservationId }),
      );
      const actual = lineText(found);
      const expected = lineText(Reservation.lineItem(reservationId, line, until));
      return actual === expected
        ? []
        : [{ productId, rule: "line", expected, actual, reservationId }];
    }),
  );
  return differences.flat();
}

/** Describes a line, with its index keys. */
export const lineText = (line: Attributes | undefined): string =>
  line === undefined ? "no line" : `${String(line["quantity"])} units, ${indexText(line)}`;

/**
 * Compares a record until two attempts in a row find the same differences in the same version, or
 * one finds none. The first `quick` attempts may only find that there are none. Unsettled if the
 * record changed during every attempt.
 */
async function confirmed(
  readRecord: () => Promise<Stored | undefined>,
  quick: number,
  compare: (stored: Stored, sure: boolean) => Promise<Difference[]>,
): Promise<Finding> {
  let last: string | undefined;
  for (const [attempt, wait] of PAUSES.entries()) {
    await pause(wait);
    const before = await readRecord();
    if (before === undefined) return { differences: [], settled: true }; // deleted meanwhile
    const sure = attempt >= quick;
    const differences = await compare(before, sure);
    if ((await readRecord())?.version !== before.version) continue;
    if (differences.length === 0) return { differences, settled: true };
    const found = sure ? JSON.stringify([before.version, differences]) : undefined;
    if (found !== undefined && found === last) return { differences, settled: true };
    last = found;
  }
  return { differences: [], settled: false };
}
