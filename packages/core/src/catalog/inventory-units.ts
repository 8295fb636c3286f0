/**
 * The numbers of an inventory and how they change: pure builders of conditional changes. Whatever the
 * order of such changes, 0 ≤ reserved ≤ quantity holds, and the level and the keys of the index follow
 * from the numbers.
 */

import type { Condition, RecordUpdate } from "../store/update-expression.ts";

export const MAX_QUANTITY = 1_000_000_000;

/**
 * The numbers as they are stored, in units. DynamoDB's conditions do no arithmetic, so every
 * difference that a condition compares is stored as a number of its own.
 */
export interface Counts {
  quantity: number; // on hand
  reserved: number;
  available: number; // quantity − reserved
  reorderPoint: number;
  headroom: number; // available − reorderPoint; the level is `ok` while it is above 0
  moved: number; // sum of all movements; `check-stock` compares it with quantity
}

export type Level = "out" | "low" | "ok";

export const levelOf = (available: number, reorderPoint: number): Level => {
  if (available === 0) return "out";
  return available <= reorderPoint ? "low" : "ok";
};

/**
 * Returns all attributes that follow from the three numbers. Only inventories that are low or out
 * have keys of the index.
 */
export const countsFor = (
  productId: string,
  quantity: number,
  reserved: number,
  reorderPoint: number,
) => {
  const available = quantity - reserved;
  const gsi1pk = levelKey(levelOf(available, reorderPoint));
  return {
    quantity,
    reserved,
    available,
    reorderPoint,
    headroom: available - reorderPoint,
    gsi1pk,
    gsi1sk: gsi1pk && productId,
  };
};

/** Returns the index partition of a level; undefined for `ok`, which is not indexed. */
export const levelKey = (level: string): string | undefined =>
  level === "out" || level === "low" ? `LEVEL#${level}` : undefined;

/**
 * Builds a count of the units. It does not depend on a version but only on the level: its
 * conditions hold for all units reserved that give the same one, so it is refused neither by
 * another count nor by most reservations. An inventory that was not read is assumed to have nothing
 * reserved and no reorder point, as most.
 */
export function setUnits(
  productId: string,
  quantity: number,
  newReorderPoint: number | undefined,
  conditions: readonly Condition[],
  known: Counts | undefined,
): RecordUpdate {
  const reserved = known?.reserved ?? 0;
  const reorderPoint = newReorderPoint ?? known?.reorderPoint ?? 0;
  if (known && known.moved !== known.quantity) {
    const counts = countsFor(productId, quantity, reserved, reorderPoint);
    // Damaged: the difference is kept, so that a check still finds it.
    return { set: counts, add: { moved: quantity - known.quantity } };
  }
  const level = levelOf(quantity - reserved, reorderPoint);
  const gsi1pk = levelKey(level);
  return {
    set: {
      quantity,
      moved: quantity,
      gsi1pk,
      gsi1sk: gsi1pk && productId,
      ...(newReorderPoint !== undefined && { reorderPoint }),
    },
    minus: {
      available: [quantity, "reserved"],
      headroom: [quantity - reorderPoint, "reserved"],
    },
    conditions: [
      ...conditions,
      ["moved", "same as", "quantity"],
      ...(newReorderPoint === undefined ? [["reorderPoint", "=", reorderPoint] as const] : []),
      ...reservedFor(level, quantity, reorderPoint),
    ],
  };
}

/** Returns the conditions on the units reserved that give this level. */
function reservedFor(level: Level, quantity: number, reorderPoint: number): readonly Condition[] {
  if (level === "out") return [["reserved", "=", quantity]];
  if (level === "ok") return [["reserved", "<=", quantity - reorderPoint - 1]];
  return [
    ["reserved", "<=", quantity - 1],
    ["reserved", ">", quantity - reorderPoint - 1],
  ];
}

/** The condition that an inventory is not indexed, as one whose level is `ok`. */
const NOT_INDEXED: Condition = ["gsi1pk", "absent"];

/**
 * Builds a movement of units. While the level stays `ok`, or stays `low`, the movement only adds,
 * and its conditions hold for all counts that keep the level: concurrent movements do not refuse
 * each other, and the keys of the index stay right. A movement across levels also changes those
 * keys, so it is computed from the counts as read and written over that version. An inventory that
 * was not read is assumed to be `ok`, as nearly all are.
 */
export function moveUnits(
  productId: string,
  by: { quantity: number; reserved: number },
  note: { reason: string; reference?: string | undefined },
  known: Counts | undefined,
): RecordUpdate {
  const available = by.quantity - by.reserved;
  const taken = Math.max(0, -available);
  const add = {
    moved: by.quantity,
    quantity: by.quantity,
    reserved: by.reserved,
    available,
    headroom: available,
  };
  const bounds: Condition[] = [
    ...(by.quantity > 0 ? [["quantity", "<=", MAX_QUANTITY - by.quantity] as const] : []),
    ...(by.reserved < 0 ? [["reserved", ">", -by.reserved - 1] as const] : []),
  ];
  if (available === 0) return { add, note, conditions: bounds }; // a sale of reserved units

  const levelIfMoved = (units: number) =>
    known ? levelOf(known.available + units, known.reorderPoint) : "ok";
  const [before, after] = [levelIfMoved(0), levelIfMoved(available)];
  if (known === undefined || (before === "ok" && after === "ok")) {
    // More headroom than is taken: afterwards it is still above 0, which is what `ok` means.
    return { add, note, conditions: [...bounds, ["headroom", ">", taken], NOT_INDEXED] };
  }
  if (before === "low" && after === "low") {
    // Something is left, and the headroom is not above 0 afterwards either.
    const staysLow: Condition[] = [
      ["available", ">", taken],
      ["headroom", "<=", Math.min(0, -available)],
      ["gsi1pk", "=", "LEVEL#low"],
    ];
    return { add, note, conditions: [...bounds, ...staysLow] };
  }
  const quantity = known.quantity + by.quantity;
  const reserved = known.reserved + by.reserved;
  return {
    set: countsFor(productId, quantity, reserved, known.reorderPoint),
    add: { moved: by.quantity },
    note,
  };
}
