import * as z from "zod";
import { AppError, invalidMember } from "./error.ts";
import { paged, query } from "./page.ts";
import { type Stored, table } from "./table.ts";
import { text } from "./text.ts";
import type { By, Step } from "./write.ts";

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

interface Counts {
  quantity: number;
  reserved: number;
  available: number; // quantity − reserved; stored, since conditions do no arithmetic
  reorderPoint: number;
  headroom: number; // available − reorderPoint; above 0 the level is ok
}

const levels = table({
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
const counted = (productId: string, quantity: number, reserved: number, reorderPoint: number) => {
  const available = quantity - reserved;
  const level = levelOf(available, reorderPoint);
  return {
    quantity,
    reserved,
    available,
    reorderPoint,
    headroom: available - reorderPoint,
    gsi1pk: level === "ok" ? undefined : `LEVEL#${level}`,
    gsi1sk: level === "ok" ? undefined : productId,
  };
};

/** The write that opens a product's inventory in the product's own transaction. */
export const opening = (productId: string, quantity: number, by: By): Step => ({
  write: {
    Put: {
      Item: levels.draft(productId, counted(productId, quantity, 0, 0), by).stored,
      ConditionExpression: "attribute_not_exists(pk)",
    },
  },
  refused: () => new Error("a new product has inventory already"),
});

/** The writes that close it. They refuse with `has_active_reservations`. */
export const closing = async (productId: string, by: By, writeId: string): Promise<Step[]> => {
  const current = await levels.readStored(productId);
  if (current === undefined) return [];
  if (current["reserved"] !== 0) {
    throw new AppError("has_active_reservations", "Reservations of this product are active");
  }
  return levels.burial(current, by, writeId);
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
export const put = (
  productId: string,
  { quantity, reorderPoint, expectedQuantity, reason }: z.output<typeof Put>,
  by: By,
  ifMatch?: readonly number[],
) =>
  levels.update(productId, by, ifMatch, (current) => {
    const note = { reason, reference: undefined };
    if (current === undefined) {
      const expect = [
        ["reserved", "=", 0],
        ...(reorderPoint === undefined ? [["reorderPoint", "=", 0] as const] : []),
        ...(expectedQuantity === undefined ? [] : [["quantity", "=", expectedQuantity] as const]),
      ] as const;
      return { set: counted(productId, quantity, 0, reorderPoint ?? 0), note, expect };
    }
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
    const set = counted(productId, quantity, counts.reserved, reorderPoint ?? counts.reorderPoint);
    return { set, note };
  });

/** Adds to what is on hand. Throws `inventory_not_found`, `insufficient_stock`. */
export const adjust = (
  productId: string,
  { delta, reason, reference }: z.output<typeof Adjust>,
  by: By,
  ifMatch?: readonly number[],
) =>
  levels.update(productId, by, ifMatch, (current) => {
    const note = { reason, reference };
    if (current === undefined) {
      // Blind only while the level is ok before and after: no index entry moves, and with headroom
      // left there is more than enough available.
      return {
        add: { quantity: delta, available: delta, headroom: delta },
        note,
        expect: [
          ["headroom", ">", Math.max(0, -delta)],
          ["quantity", "<=", MAX_QUANTITY - Math.max(0, delta)],
          ["gsi1pk", "absent"],
        ],
      };
    }
    const { quantity, reserved, available, reorderPoint } = current as Stored & Counts;
    if (available + delta < 0) {
      throw new AppError("insufficient_stock", "Fewer than this are available", {
        members: { shortages: [{ productId, requested: -delta, available }] },
      });
    }
    if (quantity + delta > MAX_QUANTITY) {
      throw invalidMember("/delta", "out_of_range", `The quantity is at most ${MAX_QUANTITY}`);
    }
    return { set: counted(productId, quantity + delta, reserved, reorderPoint), note };
  });
