/**
 * Inventory: how many units of a product are on hand, reserved and available. It cannot oversell:
 * every movement is a conditional write that keeps 0 ≤ reserved ≤ quantity, and movements that stay
 * within a level do not refuse each other.
 */

import * as z from "zod";
import { AppError, type Code, invalidMember } from "../error.ts";
import { lazy } from "../lazy.ts";
import { withLocks } from "../store/lock.ts";
import { paged, query } from "../store/pagination.ts";
import { recordStore, shardOf } from "../store/record.ts";
import type { Condition, RecordUpdate, Stored } from "../store/update-expression.ts";
import type { Step, Writer } from "../store/write.ts";
import { text } from "../text.ts";

const MAX_QUANTITY = 1_000_000_000;

export const Quantity = () => z.int().min(0).max(MAX_QUANTITY);
const Reason = () => text(1, 200);

/** A product's inventory as clients see it. */
export const Info = lazy(() =>
  z
    .object({
      id: z.string(),
      productId: z.string(),
      quantity: z.int(),
      reserved: z.int(),
      available: z.int(),
      reorderPoint: z.int(),
      level: z.enum(["out", "low", "ok"]),
      updatedAt: z.iso.datetime(),
      version: z.int(),
    })
    .meta({ id: "Inventory" }),
);
export type Info = z.output<typeof Info>;

export const Put = lazy(() =>
  z
    .strictObject({
      quantity: Quantity(),
      reorderPoint: Quantity().optional(),
      expectedQuantity: Quantity().optional(),
      reason: Reason().optional(),
    })
    .meta({ id: "InventoryRequest" }),
);

export const Adjust = lazy(() =>
  z
    .strictObject({
      delta: z
        .int()
        .min(-MAX_QUANTITY)
        .max(MAX_QUANTITY)
        .refine((delta) => delta !== 0, { error: "Must not be 0" })
        .meta({ not: { const: 0 } }),
      reason: Reason(),
      reference: text(1, 200).optional(),
    })
    .meta({ id: "AdjustmentRequest" }),
);

export const List = lazy(() =>
  z.strictObject({ ...query(20), level: z.enum(["out", "low"]).optional() }),
);

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

export type StoredInventory = Stored & Counts;

export const inventories = recordStore({
  kind: "INVENTORY",
  notFound: "inventory_not_found",
  name: "Inventory",
  tombstoneSeconds: 90 * 24 * 60 * 60,
  decode: (stored): Info => {
    const { quantity, reserved, available, reorderPoint } = stored as StoredInventory;
    return {
      id: stored.sk,
      productId: stored.sk,
      quantity,
      reserved,
      available,
      reorderPoint,
      level: levelOf(available, reorderPoint),
      updatedAt: stored.updatedAt,
      version: stored.version,
    };
  },
});

const levelOf = (available: number, reorderPoint: number): Info["level"] => {
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

/** Returns the step that creates a product's inventory in the product's own transaction. */
export const createStep = (productId: string, quantity: number, writer: Writer): Step => ({
  write: {
    Put: {
      Item: inventories.newRecord(
        productId,
        { ...countsFor(productId, quantity, 0, 0), moved: quantity },
        writer,
      ).stored,
      ConditionExpression: "attribute_not_exists(pk)",
    },
  },
});

/** Releases the units that expired reservations hold of these products. True if it found some. */
type Release = (productIds: readonly string[], writer: Writer) => Promise<boolean>;

let releaseExpired: Release = () => Promise.resolve(false);

/** Set by reservation.ts, which knows how to close a reservation; inventory may not import it. */
export const configureRelease = (release: Release): void => {
  releaseExpired = release;
};

/** Refusals because of units that are reserved. */
const HELD_CODES: ReadonlySet<string> = new Set<Code>([
  "insufficient_stock",
  "below_reserved",
  "has_active_reservations",
]);

/**
 * Runs a verb, and once more if it was refused because units are reserved while some of these
 * belong to expired reservations. Every verb that can be refused so must run in here: an expired
 * reservation never blocks anything. Throws what the verb throws, and `unavailable`.
 */
export async function withExpiredReleased<T>(
  productIds: readonly string[],
  writer: Writer,
  verb: () => Promise<T>,
): Promise<T> {
  try {
    return await verb();
  } catch (error) {
    if (!(error instanceof AppError && HELD_CODES.has(error.code))) throw error;
    const shortages = error.members["shortages"] as readonly Shortage[] | undefined;
    const refused = shortages?.map(({ productId }) => productId) ?? productIds;
    // Once: what is refused again is refused because of units that are really held.
    if (!(await releaseExpired(refused, writer))) throw error;
    return verb();
  }
}

/** Returns the steps that delete it with the product. Throws `has_active_reservations`. */
export const deleteSteps = async (
  productId: string,
  writer: Writer,
  writeId: string,
): Promise<Step[]> => {
  const current = await inventories.readStored(productId);
  if (current === undefined) return [];
  if (current["reserved"] !== 0) {
    throw new AppError("has_active_reservations", "This product has active reservations");
  }
  return inventories.deleteSteps(current, writer, writeId);
};

/** Throws `inventory_not_found`. */
export const get = (productId: string): Promise<Info> => inventories.get(productId);

/** Returns a page of all inventories, or of those that are low or out. Throws `invalid_cursor`. */
export const list = ({ level, ...page }: z.output<typeof List>) =>
  level === undefined
    ? paged("inventory", page, inventories.list)
    : paged(`inventory level=${level}`, page, (of) =>
        inventories.listByIndex([`LEVEL#${level}`], of),
      );

/**
 * Sets the quantity on hand, for example after a count. Throws `inventory_not_found`,
 * `below_reserved`, `stale_quantity`, `precondition_failed`.
 */
export const set = (
  productId: string,
  { quantity, reorderPoint, expectedQuantity, reason }: z.output<typeof Put>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  withExpiredReleased([productId], writer, () =>
    inventories.update(productId, writer, ifMatch, (current) => {
      const known = current as StoredInventory | undefined;
      const conditions: Condition[] = [];
      if (expectedQuantity !== undefined) {
        if (known && known.quantity !== expectedQuantity) {
          throw new AppError("stale_quantity", "The quantity is not the expected one", {
            members: { currentQuantity: known.quantity, currentVersion: known.version },
          });
        }
        conditions.push(["quantity", "=", expectedQuantity]);
      }
      if (known && quantity < known.reserved) {
        throw new AppError("below_reserved", "More units than this are reserved", {
          members: { reserved: known.reserved },
        });
      }
      const note = { reason, reference: undefined };
      return { ...setUnits(productId, quantity, reorderPoint, conditions, known), note };
    }),
  );

/**
 * Builds a count of the units. It does not depend on a version but only on the level: its
 * conditions hold for all units reserved that give the same one, so it is refused neither by
 * another count nor by most reservations. An inventory that was not read is assumed to have nothing
 * reserved and no reorder point, as most.
 */
function setUnits(
  productId: string,
  quantity: number,
  newReorderPoint: number | undefined,
  conditions: readonly Condition[],
  known: StoredInventory | undefined,
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
function reservedFor(
  level: Info["level"],
  quantity: number,
  reorderPoint: number,
): readonly Condition[] {
  if (level === "out") return [["reserved", "=", quantity]];
  if (level === "ok") return [["reserved", "<=", quantity - reorderPoint - 1]];
  return [
    ["reserved", "<=", quantity - 1],
    ["reserved", ">", quantity - reorderPoint - 1],
  ];
}

/**
 * Adds `delta` units to the quantity on hand. Throws `inventory_not_found`, `insufficient_stock`,
 * `invalid_request`, `precondition_failed`.
 */
export const adjust = (
  productId: string,
  { delta, reason, reference }: z.output<typeof Adjust>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  withLocks([productId], writer, () =>
    withExpiredReleased([productId], writer, () =>
      inventories.update(productId, writer, ifMatch, (current) => {
        const known = current as StoredInventory | undefined;
        if (known && known.available + delta < 0) {
          throw insufficient([{ productId, requested: -delta, available: known.available }]);
        }
        if (known && known.quantity + delta > MAX_QUANTITY) {
          throw invalidMember("/delta", "out_of_range", `The quantity is at most ${MAX_QUANTITY}`);
        }
        return moveUnits(productId, { quantity: delta, reserved: 0 }, { reason, reference }, known);
      }),
    ),
  );

/** A line that asks for more units than are available. */
export interface Shortage {
  productId: string;
  requested: number;
  available: number;
}

export const insufficient = (shortages: readonly Shortage[]) =>
  new AppError("insufficient_stock", "Fewer units than requested are available", {
    members: { shortages },
  });

/** The condition that an inventory is not indexed, as one whose level is `ok`. */
const NOT_INDEXED: Condition = ["gsi1pk", "absent"];

/**
 * Builds a movement of units. While the level stays `ok`, or stays `low`, the movement only adds,
 * and its conditions hold for all counts that keep the level: concurrent movements do not refuse
 * each other, and the keys of the index stay right. A movement across levels also changes those
 * keys, so it is computed from the counts as read and written over that version. An inventory that
 * was not read is assumed to be `ok`, as nearly all are.
 */
function moveUnits(
  productId: string,
  by: { quantity: number; reserved: number },
  note: { reason: string; reference?: string | undefined },
  known: StoredInventory | undefined,
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

/** What the lines of a reservation do to inventories, with the reason that the change log shows. */
const MOVEMENTS = {
  reserve: { reason: "reserved", sign: { quantity: 0, reserved: 1 } },
  sell: { reason: "sold", sign: { quantity: -1, reserved: -1 } },
  release: { reason: "released", sign: { quantity: 0, reserved: -1 } },
} as const;

/**
 * Returns the step that moves one line of a reservation, or the sum of several reservations' lines,
 * then without a reference. `known` is the inventory if it was read.
 * The step's error is `StaleRecord`.
 */
export const moveStep = (
  movement: keyof typeof MOVEMENTS,
  { productId, quantity }: { productId: string; quantity: number },
  reference: string | undefined,
  writer: Writer,
  writeId: string,
  known?: StoredInventory,
): Step => {
  const { reason, sign } = MOVEMENTS[movement];
  const by = { quantity: sign.quantity * quantity, reserved: sign.reserved * quantity };
  const update = moveUnits(productId, by, { reason, reference }, known);
  return inventories.updateStep(productId, update, writer, writeId, known);
};

/** Returns the step that checks that a product is not archived; its error is `archived`. */
export const onSaleStep = (productId: string, archived: () => AppError): Step => ({
  write: {
    ConditionCheck: {
      Key: { pk: `PRODUCT#${shardOf(productId)}`, sk: productId },
      // A product that does not exist has no inventory either: the step of that says so.
      ConditionExpression: "attribute_not_exists(pk) OR #status <> :archived",
      ExpressionAttributeNames: { "#status": "status" },
      ExpressionAttributeValues: { ":archived": "archived" },
    },
  },
  conditionError: archived,
});
