/**
 * A count of several products: all quantities are set or none, in one transaction. It is built from
 * the levels as they are read and written over these versions, since the answer is stored with it.
 */

import * as z from "zod";
import { AppError, type Code, type Fault } from "../error.ts";
import { canonicalId, newId } from "../id.ts";
import { lazy } from "../lazy.ts";
import * as Idempotency from "../store/idempotency.ts";
import { withLocks } from "../store/lock.ts";
import { StaleRecord } from "../store/record.ts";
import { hasEffect, nextVersion, putIfUnchanged, type Stored } from "../store/update-expression.ts";
import {
  changed,
  commit,
  type Outcome,
  type Step,
  unchanged,
  waitBeforeRetry,
  type Writer,
} from "../store/write.ts";
import * as Inventory from "./inventory.ts";
import { setUnits } from "./inventory-units.ts";

/** Products in one count. A transaction holds 100 items; a batch that is all or none has as many. */
const MAX_COUNTS = 25;

const Entry = lazy(() =>
  z.strictObject({
    productId: z.string().min(1).max(128).overwrite(canonicalId),
    quantity: Inventory.Quantity(),
    expectedQuantity: Inventory.Quantity().optional(),
  }),
);
type Entry = z.output<typeof Entry>;

export const Create = lazy(() =>
  z
    .strictObject({
      counts: z.array(Entry).min(1).max(MAX_COUNTS).superRefine(refuseRepeated),
      reason: Inventory.Reason().optional(),
    })
    .meta({ id: "InventoryCountRequest" }),
);

/** The levels after a count, in the order of its entries. */
export const Info = lazy(() =>
  z.object({ levels: z.array(Inventory.Info) }).meta({ id: "InventoryCount" }),
);
export type Info = z.output<typeof Info>;

/** A product has one quantity, and a transaction can write its level only once. */
function refuseRepeated(counts: readonly Entry[], context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { productId }] of counts.entries()) {
    if (seen.has(productId)) {
      const message = "This product is counted twice";
      const params = { code: "duplicate" };
      context.addIssue({ code: "custom", path: [index, "productId"], message, params });
    }
    seen.add(productId);
  }
}

type KnownInventories = Map<string, Inventory.StoredInventory>;

/**
 * Sets the quantities of up to 25 products, all or none. Throws `inventory_not_found`,
 * `stale_quantity` or `below_reserved`: the one of the first entry that is refused, with the members
 * of `set`, its `index`, and all refused entries as `refused`.
 */
export const create = (
  { counts, reason }: z.output<typeof Create>,
  writer: Writer,
): Promise<Outcome<Info>> => {
  const products = counts.map(({ productId }) => productId);
  return withLocks(products, writer, () =>
    Inventory.withExpiredReleased(products, writer, () =>
      Idempotency.once(writer, () => setAll(counts, reason, writer)),
    ),
  );
};

async function setAll(
  counts: readonly Entry[],
  reason: string | undefined,
  writer: Writer,
): Promise<Outcome<Info>> {
  const writeId = newId();
  const found = await Inventory.inventories.readAllStored(counts.map((entry) => entry.productId));
  const known: KnownInventories = new Map(
    found.map((stored) => [stored.sk, stored as Inventory.StoredInventory]),
  );
  for (let tries = 1; ; tries++) {
    const results = withLevels(counts, known).map(([entry, current]) =>
      resultOf(entry, current, reason, writer, writeId),
    );
    const value = { levels: results.map(({ next }) => Inventory.inventories.decode(next)) };
    if (!results.some((result) => result.isChanged)) return unchanged(value);
    const steps = [
      ...results.map(({ step }) => step),
      ...Idempotency.steps(writer, value, writeId),
    ];
    const refusals = await commit(steps, writer, [writeId]);
    if (refusals.length === 0) return changed(value);
    for (const { error } of refusals) {
      if (!(error instanceof StaleRecord)) throw error;
      if (error.old === undefined) known.delete(error.id);
      else known.set(error.id, error.old as Inventory.StoredInventory);
    }
    await waitBeforeRetry(writer, tries);
  }
}

/** Returns an entry's level after the count, and its part of the transaction. */
function resultOf(
  { productId, quantity }: Entry,
  current: Inventory.StoredInventory,
  reason: string | undefined,
  writer: Writer,
  writeId: string,
) {
  const change = {
    ...setUnits(productId, quantity, undefined, [], current),
    note: { reason, reference: undefined },
  };
  const isChanged = hasEffect(current, change);
  const next = isChanged ? nextVersion(current, change, writer, writeId) : current;
  const step: Step = {
    write: isChanged ? { Put: putIfUnchanged(current, next) } : checkUnchanged(current),
    conditionError: (old) => new StaleRecord(productId, old as Stored | undefined),
  };
  return { next, isChanged, step };
}

/** The level is right already. It is not written, and must be right when the others are written. */
const checkUnchanged = ({ pk, sk, version }: Inventory.StoredInventory): Step["write"] => ({
  ConditionCheck: {
    Key: { pk, sk },
    ConditionExpression: "version = :version",
    ExpressionAttributeValues: { ":version": version },
  },
});

/** Returns each entry with its level. Throws the refusals of all entries that cannot be set. */
function withLevels(
  counts: readonly Entry[],
  known: KnownInventories,
): (readonly [Entry, Inventory.StoredInventory])[] {
  const refusals: Refusal[] = [];
  const pairs = counts.flatMap((entry, index) => {
    const current = known.get(entry.productId);
    const error = current
      ? Inventory.setRefusal(current, entry)
      : new AppError("inventory_not_found", "Inventory not found");
    if (error) refusals.push({ index, productId: entry.productId, current, error });
    return current ? [[entry, current] as const] : [];
  });
  if (refusals[0]) throw refused(refusals[0], refusals);
  return pairs;
}

/** An entry that cannot be set. */
interface Refusal {
  index: number; // of the entry
  productId: string;
  current: Inventory.StoredInventory | undefined;
  error: AppError;
}

/** The member of an entry that a refusal is about. */
const MEMBERS: Readonly<Partial<Record<Code, string>>> = {
  inventory_not_found: "productId",
  stale_quantity: "expectedQuantity",
  below_reserved: "quantity",
};

/** The error of the first refusal, with all of them. */
const refused = ({ index, error }: Refusal, all: readonly Refusal[]): AppError =>
  new AppError(error.code, error.message, {
    errors: all.map((each): Fault => ({
      pointer: `/counts/${each.index}/${MEMBERS[each.error.code]}`,
      code: each.error.code,
      detail: each.error.message,
    })),
    members: {
      ...error.members,
      index,
      refused: all.map((each) => ({
        index: each.index,
        productId: each.productId,
        code: each.error.code,
        ...(each.current && {
          currentQuantity: each.current.quantity,
          currentVersion: each.current.version,
          reserved: each.current.reserved,
        }),
      })),
    },
  });
