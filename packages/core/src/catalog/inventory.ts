/**
 * Inventory: how many units of a product are on hand, reserved and available. It cannot oversell:
 * every movement is a conditional write that keeps 0 ≤ reserved ≤ quantity, and movements that stay
 * within a level do not refuse each other.
 */

import * as z from "zod";
import { AppError, type Code, invalidMember } from "../error.ts";
import { lazy } from "../lazy.ts";
import { withSharedLock } from "../store/lock.ts";
import { paged, query } from "../store/pagination.ts";
import { recordStore, shardOf } from "../store/record.ts";
import type { Condition, Stored } from "../store/update-expression.ts";
import type { Step, Writer } from "../store/write.ts";
import { text } from "../text.ts";
import {
  type Counts,
  countsFor,
  levelOf,
  MAX_QUANTITY,
  moveUnits,
  setUnits,
} from "./inventory-units.ts";

export const Quantity = () => z.int().min(0).max(MAX_QUANTITY);
export const Reason = () => text(1, 200);

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

/** The products whose reserved units are the reason of a refusal; none if it has another reason. */
function heldProducts({ code, members }: AppError, asked: readonly string[]): readonly string[] {
  const { refused, shortages } = members as {
    refused?: readonly { productId: string; code: string }[]; // of a count
    shortages?: readonly Shortage[];
  };
  const held = refused?.filter((entry) => HELD_CODES.has(entry.code));
  if (held) return held.map(({ productId }) => productId);
  if (!HELD_CODES.has(code)) return [];
  return shortages?.map(({ productId }) => productId) ?? asked;
}

/**
 * Runs a verb, and once more if it was refused because units are reserved while some of these
 * belong to expired reservations. Every verb that can be refused so must run in here: an expired
 * reservation never blocks anything. `Idempotency.once` runs within the verb: a repeated request gets
 * its stored answer and releases nothing. Throws what the verb throws, and `unavailable`.
 */
export async function withExpiredReleased<T>(
  productIds: readonly string[],
  writer: Writer,
  verb: () => Promise<T>,
): Promise<T> {
  try {
    return await verb();
  } catch (error) {
    const held = error instanceof AppError ? heldProducts(error, productIds) : [];
    // Once: what is refused again is refused because of units that are really held.
    if (held.length === 0 || !(await releaseExpired(held, writer))) throw error;
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

/** Returns why a quantity cannot be set: `stale_quantity` or `below_reserved`; undefined if it can. */
export function setRefusal(
  { quantity: currentQuantity, version: currentVersion, reserved }: StoredInventory,
  { quantity, expectedQuantity }: { quantity: number; expectedQuantity?: number | undefined },
): AppError | undefined {
  if (expectedQuantity !== undefined && currentQuantity !== expectedQuantity) {
    return new AppError("stale_quantity", "The quantity is not the expected one", {
      members: { currentQuantity, currentVersion },
    });
  }
  if (quantity >= reserved) return undefined;
  return new AppError("below_reserved", "More units than this are reserved", {
    members: { reserved },
  });
}

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
      const refusal = known && setRefusal(known, { quantity, expectedQuantity });
      if (refusal) throw refusal;
      const conditions: Condition[] = [];
      if (expectedQuantity !== undefined) {
        conditions.push(["quantity", "=", expectedQuantity]);
      }
      const note = { reason, reference: undefined };
      return { ...setUnits(productId, quantity, reorderPoint, conditions, known), note };
    }),
  );

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
  withSharedLock(productId, writer, () =>
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
