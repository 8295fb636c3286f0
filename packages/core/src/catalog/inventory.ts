import * as z from "zod";
import type { RecordUpdate, Condition, Stored } from "../store/update-expression.ts";
import { AppError, invalidMember } from "../error.ts";
import { withLocks } from "../store/lock.ts";
import { paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import { text } from "../text.ts";
import type { Writer, Step } from "../store/write.ts";

const MAX_QUANTITY = 1_000_000_000;

export const Quantity = z.int().min(0).max(MAX_QUANTITY);
const Reason = text(1, 200);

/** How much of a product there is: on hand, promised to reservations, and free to sell. */
export const Info = z
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
  .meta({ id: "Inventory" });
export type Info = z.output<typeof Info>;

export const Put = z
  .strictObject({
    quantity: Quantity,
    reorderPoint: Quantity.optional(),
    expectedQuantity: Quantity.optional(),
    reason: Reason.optional(),
  })
  .meta({ id: "InventoryRequest" });

export const Adjust = z
  .strictObject({
    delta: z
      .int()
      .min(-MAX_QUANTITY)
      .max(MAX_QUANTITY)
      .refine((delta) => delta !== 0, { error: "Must not be 0" }),
    reason: Reason,
    reference: text(1, 200).optional(),
  })
  .meta({ id: "AdjustmentRequest" });

export const List = z.strictObject({ ...query(20), level: z.enum(["out", "low"]).optional() });

export interface Counts {
  quantity: number;
  reserved: number;
  available: number; // quantity − reserved; stored, since conditions do no arithmetic
  reorderPoint: number;
  headroom: number; // available − reorderPoint; above 0 the level is ok
  moved: number; // sum of all movements, kept apart from quantity to be checked against it
}

export const levels = recordStore({
  kind: "INVENTORY",
  notFound: "inventory_not_found",
  noun: "Inventory",
  tombstoneSeconds: 90 * 24 * 60 * 60,
  decode: (stored): Info => {
    const { quantity, reserved, available, reorderPoint } = stored as Stored & Counts;
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

/** All that follows from the three numbers; only levels that want attention are indexed. */
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

/** Partition of the index; undefined for the level that is not indexed. */
export const levelKey = (level: string): string | undefined =>
  level === "out" || level === "low" ? `LEVEL#${level}` : undefined;

/** The write that opens a product's inventory in the product's own transaction. */
export const createStep = (productId: string, quantity: number, writer: Writer): Step => ({
  write: {
    Put: {
      Item: levels.newRecord(
        productId,
        { ...countsFor(productId, quantity, 0, 0), moved: quantity },
        writer,
      ).stored,
      ConditionExpression: "attribute_not_exists(pk)",
    },
  },
  refused: () => new Error("a new product has inventory already"),
});

/** The writes that close it. They refuse with `has_active_reservations`. */
export const deleteSteps = async (
  productId: string,
  writer: Writer,
  writeId: string,
): Promise<Step[]> => {
  const current = await levels.readStored(productId);
  if (current === undefined) return [];
  if (current["reserved"] !== 0) {
    throw new AppError("has_active_reservations", "Reservations of this product are active");
  }
  return levels.deleteSteps(current, writer, writeId);
};

/** Throws `inventory_not_found`. */
export const get = (productId: string): Promise<Info> => levels.get(productId);

/** Throws `invalid_cursor`. */
export const list = ({ level, ...page }: z.output<typeof List>) =>
  level === undefined
    ? paged("inventory", page, levels.list)
    : paged(`inventory level=${level}`, page, (of) => levels.listBy(`LEVEL#${level}`, of));

/**
 * Sets what is on hand. Throws `inventory_not_found`, `below_reserved`, `stale_quantity`,
 * `precondition_failed`.
 */
export const set = (
  productId: string,
  { quantity, reorderPoint, expectedQuantity, reason }: z.output<typeof Put>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  levels.update(productId, writer, ifMatch, (current) => {
    if (current === undefined) return undefined; // what moves is the difference to what is there
    const counts = current as Stored & Counts;
    if (expectedQuantity !== undefined && counts.quantity !== expectedQuantity) {
      throw new AppError("stale_quantity", "The quantity is not the expected one", {
        members: { currentQuantity: counts.quantity, currentVersion: counts.version },
      });
    }
    if (quantity < counts.reserved) {
      throw new AppError("below_reserved", "More than this is reserved", {
        members: { reserved: counts.reserved },
      });
    }
    return {
      set: countsFor(productId, quantity, counts.reserved, reorderPoint ?? counts.reorderPoint),
      add: { moved: quantity - counts.quantity },
      note: { reason, reference: undefined },
    };
  });

/** Adds to what is on hand. Throws `inventory_not_found`, `insufficient_stock`. */
export const adjust = (
  productId: string,
  { delta, reason, reference }: z.output<typeof Adjust>,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  withLocks([productId], writer, () =>
    levels.update(productId, writer, ifMatch, (current) => {
      const known = current as (Stored & Counts) | undefined;
      if (known && known.available + delta < 0) {
        throw insufficient([{ productId, requested: -delta, available: known.available }]);
      }
      if (known && known.quantity + delta > MAX_QUANTITY) {
        throw invalidMember("/delta", "out_of_range", `The quantity is at most ${MAX_QUANTITY}`);
      }
      return moveUnits(productId, { quantity: delta, reserved: 0 }, { reason, reference }, known);
    }),
  );

export interface Shortage {
  productId: string;
  requested: number;
  available: number;
}

export const insufficient = (shortages: readonly Shortage[]) =>
  new AppError("insufficient_stock", "Fewer than this are available", { members: { shortages } });

/** What the level is taken to be where it has not been read: right for nearly every product. */
const PLENTY = { level: "ok", index: ["gsi1pk", "absent"] } as const;

/**
 * Moves units. Within a level the move holds for any counts that leave it there, so that rivals do
 * not hinder each other; across levels it is planned from the counts as read.
 */
function moveUnits(
  productId: string,
  by: { quantity: number; reserved: number },
  note: { reason: string; reference?: string | undefined },
  known: (Stored & Counts) | undefined,
): RecordUpdate {
  const available = by.quantity - by.reserved;
  const need = Math.max(0, -available);
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
  const before = known ? levelOf(known.available, known.reorderPoint) : PLENTY.level;
  const after = known ? levelOf(known.available + available, known.reorderPoint) : PLENTY.level;
  if (available === 0) return { add, note, conditions: bounds };
  if (before === "ok" && after === "ok") {
    return { add, note, conditions: [...bounds, ["headroom", ">", need], PLENTY.index] };
  }
  if (before === "low" && after === "low") {
    const stays = [
      ["available", ">", need],
      ["headroom", "<=", Math.min(0, -available)],
      ["gsi1pk", "=", "LEVEL#low"],
    ] as const;
    return { add, note, conditions: [...bounds, ...stays] };
  }
  if (known === undefined) throw new Error("only an ok level is taken for granted");
  const quantity = known.quantity + by.quantity;
  const reserved = known.reserved + by.reserved;
  return {
    set: countsFor(productId, quantity, reserved, known.reorderPoint),
    add: { moved: by.quantity },
    note,
  };
}

/** One line of a reservation, as a step of its transaction. Refused, it throws `Outdated`. */
export const moveStep = (
  what: "hold" | "sell" | "free",
  { productId, quantity }: { productId: string; quantity: number },
  reference: string,
  writer: Writer,
  writeId: string,
  known?: Stored,
): Step => {
  const move = {
    hold: { quantity: 0, reserved: quantity },
    sell: { quantity: -quantity, reserved: -quantity },
    free: { quantity: 0, reserved: -quantity },
  }[what];
  const note = { reason: REASONS[what], reference };
  const counts = known as (Stored & Counts) | undefined;
  return levels.updateStep(
    productId,
    moveUnits(productId, move, note, counts),
    writer,
    writeId,
    known,
  );
};

const REASONS = { hold: "reserved", sell: "sold", free: "released" } as const;

/** How many units of the level as read are free to promise. */
export const availableOf = (level: Stored): number => (level as Stored & Counts).available;
