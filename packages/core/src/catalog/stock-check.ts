import { setTimeout as pause } from "node:timers/promises";
import type { Stored } from "../store/update-expression.ts";
import * as Inventory from "./inventory.ts";
import * as Reservation from "./reservation.ts";
import { type Attributes, read, shardCount } from "../store/dynamodb.ts";
import { retryWhileBusy, partitionPages } from "../store/partition.ts";

/** Whether all that is stored about stock fits together, recomputed from the records. */

export interface Difference {
  productId: string;
  rule: "bounds" | "available" | "level" | "moved" | "reserved" | "line" | "expiry";
  expected: number | string;
  actual: number | string;
  /** Whose line, or whose place in the order of expiry, is wrong. */
  reservationId?: string;
}

export interface Progress {
  products: number;
  reservations: number;
  /** Of these, how many changed at every look, so that nothing can be said of them. */
  unsettled: number;
}

export type Level = Stored & Inventory.Counts;
export type Held = Stored & Reservation.Attributes;

interface Finding {
  differences: Difference[];
  settled: boolean;
}

const RECORDS = 100; // of a page
const LINES = 500; // of a page
const MOST_STRAYS = 1_000; // of one product that are told in one run
export const PAUSES = [0, 50, 100, 200, 400, 400, 800]; // ms before each look at what seems wrong
const INDEX_LOOKS = 2; // of them, before all lines of a product are read

/**
 * Tells what does not fit, in bounded memory. What seems wrong is looked at again until it has held
 * still, so that records that change meanwhile are no differences. Reservations come first: whoever
 * repairs while this goes on has the lines right before they are summed.
 */
export async function* checkStock({
  onProgress = () => undefined,
}: { onProgress?: (progress: Progress) => void } = {}): AsyncGenerator<Difference> {
  const progress: Progress = { products: 0, reservations: 0, unsettled: 0 };
  const walks = [
    ["RESERVATION", "reservations", (stored: Stored) => checkReservation(stored as Held)],
    ["INVENTORY", "products", (stored: Stored) => checkProduct(stored as Level)],
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

async function checkProduct(stored: Level): Promise<Finding> {
  const own = ownDifferences(stored);
  const held = await heldDifferences(stored, "index");
  if (held.length === 0) return { differences: own, settled: true };
  const reread = () => retryWhileBusy(() => Inventory.levels.readStored(stored.sk));
  const { differences, settled } = await confirmed(reread, INDEX_LOOKS, (current, sure) =>
    heldDifferences(current as Level, sure ? "lines" : "index"),
  );
  return { differences: [...own, ...differences], settled };
}

/** What a record says of itself: it was read at one moment, so one look is enough. */
function ownDifferences(stored: Level): Difference[] {
  const { sk: productId, quantity, reserved, available, reorderPoint, moved } = stored;
  const fit = Inventory.countsFor(productId, quantity, reserved, reorderPoint);
  const differences: Difference[] = [];
  const expect = (rule: Difference["rule"], expected: number | string, actual: typeof expected) => {
    if (actual !== expected) differences.push({ productId, rule, expected, actual });
  };
  if (!(reserved >= 0 && reserved <= quantity)) {
    expect("bounds", "0 ≤ reserved ≤ quantity", `reserved ${reserved}, quantity ${quantity}`);
  }
  expect("available", fit.available, available);
  expect("level", levelText(fit), levelText(stored));
  expect("moved", quantity, moved);
  return differences;
}

const levelText = (item: Attributes) => `headroom ${String(item["headroom"])}, ${placeText(item)}`;

type Source = "index" | "lines";

async function heldDifferences(
  { sk: productId, reserved }: Level,
  source: Source,
): Promise<Difference[]> {
  const { units, strays } = await heldOf(productId, source);
  if (units === reserved) return strays;
  return [...strays, { productId, rule: "reserved", expected: units, actual: reserved }];
}

/**
 * Sums what active reservations hold of a product, by the index, which may be a moment behind, or
 * by the lines themselves; those that hold it for no active reservation are strays.
 */
export async function heldOf(productId: string, source: Source) {
  const walk =
    source === "index"
      ? { partition: Reservation.heldPartition(productId), limit: LINES, index: true }
      : { partition: Reservation.linePartition(productId), limit: LINES, indexed: true };
  let units = 0;
  const strays: Difference[] = [];
  for await (const lines of partitionPages(walk)) {
    const holders = await Promise.all(
      lines.map(({ sk }) => retryWhileBusy(() => Reservation.reservations.readStored(String(sk)))),
    );
    for (const [index, line] of lines.entries()) {
      const promised = promisedBy(holders[index] as Held | undefined, productId);
      units += promised?.quantity ?? 0;
      if (promised || strays.length === MOST_STRAYS) continue;
      const reservationId = String(line["sk"]);
      const expected = lineText({ quantity: line["quantity"] });
      strays.push({ productId, rule: "line", expected, actual: lineText(line), reservationId });
    }
  }
  return { units, strays };
}

/** What a reservation holds of a product. One that is past its time holds until it is closed. */
export const promisedBy = (holder: Held | undefined, productId: string) =>
  holder?.status === "active"
    ? holder.lines.find((line) => line.productId === productId)
    : undefined;

async function checkReservation(stored: Held): Promise<Finding> {
  const own = expiryDifferences(stored);
  if ((await lineDifferences(stored)).length === 0) return { differences: own, settled: true };
  const reread = () => retryWhileBusy(() => Reservation.reservations.readStored(stored.sk));
  const { differences, settled } = await confirmed(reread, 0, (current) =>
    lineDifferences(current as Held),
  );
  return { differences: [...own, ...differences], settled };
}

/** Active ones are listed for the sweep, others are not. */
function expiryDifferences(stored: Held): Difference[] {
  const [expected, actual] = [placeText(placeOf(stored)), placeText(stored)];
  const { sk: reservationId, lines } = stored;
  const productId = lines[0]?.productId ?? "";
  return expected === actual
    ? []
    : [{ productId, rule: "expiry", expected, actual, reservationId }];
}

export const placeOf = ({ sk, status, until }: Held): Attributes =>
  status === "active"
    ? Reservation.activeIndex(sk, until)
    : { gsi1pk: undefined, gsi1sk: undefined };

/** Where the index lists an item. */
function placeText(item: Attributes): string {
  const { gsi1pk, gsi1sk } = item as { gsi1pk?: string; gsi1sk?: string };
  return gsi1pk === undefined ? "not listed" : `listed at ${gsi1pk} ${gsi1sk}`;
}

/** Lines of closed reservations are seen from their products, where they would hold units. */
async function lineDifferences(stored: Held): Promise<Difference[]> {
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

export const lineText = (line: Attributes | undefined): string =>
  line === undefined ? "no line" : `${String(line["quantity"])} units, ${placeText(line)}`;

/**
 * Differences that two looks in a row find while the record stays at one version. The first
 * `quick` looks may find that there are none, no more. Not settled if the record never held still.
 */
async function confirmed(
  readRecord: () => Promise<Stored | undefined>,
  quick: number,
  look: (stored: Stored, sure: boolean) => Promise<Difference[]>,
): Promise<Finding> {
  let last: string | undefined;
  for (const [count, wait] of PAUSES.entries()) {
    await pause(wait);
    const before = await readRecord();
    if (before === undefined) return { differences: [], settled: true }; // deleted meanwhile
    const sure = count >= quick;
    const differences = await look(before, sure);
    if ((await readRecord())?.version !== before.version) continue;
    if (differences.length === 0) return { differences, settled: true };
    const seen = sure ? JSON.stringify([before.version, differences]) : undefined;
    if (seen !== undefined && seen === last) return { differences, settled: true };
    last = seen;
  }
  return { differences: [], settled: false };
}
