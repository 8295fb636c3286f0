import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "../error.ts";
import * as Inventory from "./inventory.ts";
import * as Reservation from "./reservation.ts";
import {
  heldOf,
  type Held,
  type Level,
  lineText,
  PAUSES,
  placeOf,
  promisedBy,
} from "./stock-check.ts";
import { TransactionCancelled, read, transact } from "../store/dynamodb.ts";
import { shardOf } from "../store/record.ts";
import { type Writer, deadlineOf } from "../store/write.ts";

/** Corrections of what `stock-check.ts` finds. */

/**
 * Corrects what a product's inventory says by what is on hand and what its lines hold; true if
 * that changed it. What would leave more reserved than there is stays as it is, for a person.
 */
export async function repair(productId: string, writer: Writer): Promise<boolean> {
  for (const wait of PAUSES) {
    await pause(wait);
    const stored = (await Inventory.levels.readStored(productId)) as Level | undefined;
    if (stored === undefined) return false;
    const { version, quantity, reorderPoint } = stored;
    const { units } = await heldOf(productId, "lines");
    if (!(Number.isInteger(quantity) && units <= quantity)) return false;
    const set = {
      ...Inventory.countsFor(productId, quantity, units, reorderPoint),
      moved: quantity,
    };
    const note = { reason: "check-stock", reference: undefined };
    try {
      // Whoever holds or frees units changes the version: the sum is of the one that is replaced.
      const outcome = await Inventory.levels.update(
        productId,
        writer,
        [version],
        (current) => current && { set, note },
      );
      return outcome.changed;
    } catch (error) {
      if (!isRivalry(error)) throw error;
    }
  }
  return false;
}

const isRivalry = (error: unknown) =>
  error instanceof TransactionCancelled ||
  (error instanceof AppError && ["precondition_failed", "unavailable"].includes(error.code));

/**
 * Corrects a reservation's line of a product, and its own place in the order of expiry, by what
 * the reservation says; true if that changed anything.
 */
export async function repairReservation(
  reservationId: string,
  productId: string,
  writer: Writer,
): Promise<boolean> {
  const stored = (await Reservation.reservations.readStored(reservationId)) as Held | undefined;
  try {
    const mended = await repairLine(reservationId, productId, stored, writer);
    if (stored === undefined) return mended;
    const set = placeOf(stored);
    const outcome = await Reservation.reservations.update(
      reservationId,
      writer,
      [stored.version],
      (current) => current && { set },
    );
    return mended || outcome.changed;
  } catch (error) {
    if (!isRivalry(error)) throw error;
    return false; // it changed meanwhile; another check tells
  }
}

async function repairLine(
  reservationId: string,
  productId: string,
  stored: Held | undefined,
  writer: Writer,
): Promise<boolean> {
  const line = await read({ pk: Reservation.linePartition(productId), sk: reservationId });
  const promised = promisedBy(stored, productId);
  if (!promised && line?.["gsi1pk"] === undefined) return false;
  const quantity = promised?.quantity ?? Number(line?.["quantity"]);
  const until = promised && stored?.until;
  const Item = Reservation.lineItem(reservationId, { productId, quantity }, until);
  if (lineText(Item) === lineText(line)) return false;
  const Key = { pk: `RESERVATION#${shardOf(reservationId)}`, sk: reservationId };
  const asRead =
    stored === undefined
      ? { ConditionExpression: "attribute_not_exists(pk)" }
      : {
          ConditionExpression: "version = :version",
          ExpressionAttributeValues: { ":version": stored.version },
        };
  await transact([{ ConditionCheck: { Key, ...asRead } }, { Put: { Item } }], deadlineOf(writer));
  return true;
}
