/**
 * Repairs the differences that `stock-check.ts` finds. The quantity on hand and the reservations
 * are taken as the truth; everything else is computed from them. A repair is written over the
 * version that it was computed from, so it never undoes a concurrent change.
 */

import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "../error.ts";
import { read, transact, TransactionCancelled } from "../store/dynamodb.ts";
import { shardOf } from "../store/record.ts";
import { deadlineOf, type Writer } from "../store/write.ts";
import * as Inventory from "./inventory.ts";
import { countsFor } from "./inventory-units.ts";
import * as Reservation from "./reservation-record.ts";
import { expiryIndex, heldLine, heldUnits, lineText, PAUSES } from "./stock-check.ts";

/**
 * Corrects a product's inventory. Returns true if that changed it. An inventory with more units
 * reserved than on hand is left as it is: only a person can decide which reservations to cancel.
 * Throws `unavailable`.
 */
export async function repair(productId: string, writer: Writer): Promise<boolean> {
  for (const wait of PAUSES) {
    await pause(wait);
    const stored = await Inventory.inventories.readStored(productId);
    if (stored === undefined) return false;
    const { version, quantity, reorderPoint } = stored as Inventory.StoredInventory;
    const { units } = await heldUnits(productId, "lines");
    if (!(Number.isInteger(quantity) && units <= quantity)) return false;
    const set = {
      ...countsFor(productId, quantity, units, reorderPoint),
      moved: quantity,
    };
    const note = { reason: "check-stock", reference: undefined };
    try {
      // Every reservation changes the version, so the sum is that of the version that is replaced.
      const outcome = await Inventory.inventories.update(
        productId,
        writer,
        [version],
        (current) => current && { set, note },
      );
      return outcome.changed;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
  return false;
}

const isConflict = (error: unknown) =>
  error instanceof TransactionCancelled ||
  (error instanceof AppError && ["precondition_failed", "unavailable"].includes(error.code));

/**
 * Corrects a reservation's line of a product and the reservation's own index keys. Returns true if
 * that changed anything; false also if the reservation changed meanwhile, so that the next check
 * has to look again. Throws `unavailable`.
 */
export async function repairReservation(
  reservationId: string,
  productId: string,
  writer: Writer,
): Promise<boolean> {
  const stored = (await Reservation.reservations.readStored(reservationId)) as
    | Reservation.StoredReservation
    | undefined;
  try {
    const lineRepaired = await repairLine(reservationId, productId, stored, writer);
    if (stored === undefined) return lineRepaired;
    const set = expiryIndex(stored);
    const outcome = await Reservation.reservations.update(
      reservationId,
      writer,
      [stored.version],
      (current) => current && { set },
    );
    return lineRepaired || outcome.changed;
  } catch (error) {
    if (!isConflict(error)) throw error;
    return false;
  }
}

async function repairLine(
  reservationId: string,
  productId: string,
  stored: Reservation.StoredReservation | undefined,
  writer: Writer,
): Promise<boolean> {
  const line = await read({ pk: Reservation.linePartition(productId), sk: reservationId });
  const held = heldLine(stored, productId);
  if (!held && line?.["gsi1pk"] === undefined) return false;
  const quantity = held?.quantity ?? Number(line?.["quantity"]);
  const heldUntil = held && stored?.until;
  const Item = Reservation.lineItem(reservationId, { productId, quantity }, heldUntil);
  if (lineText(Item) === lineText(line)) return false;
  // The line follows from the reservation, so it is only written while that is as it was read.
  const Key = { pk: `RESERVATION#${shardOf(reservationId)}`, sk: reservationId };
  const unchanged =
    stored === undefined
      ? { ConditionExpression: "attribute_not_exists(pk)" }
      : {
          ConditionExpression: "version = :version",
          ExpressionAttributeValues: { ":version": stored.version },
        };
  await transact(
    [{ ConditionCheck: { Key, ...unchanged } }, { Put: { Item } }],
    deadlineOf(writer),
  );
  return true;
}
