/**
 * The end of reservations whose time has passed: the sweep, and the release of units that a request
 * needs. Reservations of the same products expire together, and those that share some of them in
 * turn: transactions that change one inventory at the same time refuse each other.
 */

import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import * as DynamoDB from "../store/dynamodb.ts";
import { withLocks } from "../store/lock.ts";
import { shardOf, StaleRecord } from "../store/record.ts";
import { assertInTime, commit, type Step, waitBeforeRetry, type Writer } from "../store/write.ts";
import * as Inventory from "./inventory.ts";
import {
  activePartitions,
  closed,
  closedSteps,
  DamagedReservation,
  heldPartition,
  isDue,
  type KnownInventories,
  merged,
  MISSING_TRIES,
  type StoredReservation,
} from "./reservation-record.ts";

const DUE_PAGE = 100;

/**
 * Releases what expired reservations hold of these products, all of it or until the request's time
 * is up. True if any was listed as expired, also if another request has just released it: the
 * caller's counts are then outdated. Throws `unavailable`.
 */
async function releaseExpired(productIds: readonly string[], writer: Writer): Promise<boolean> {
  let found = false;
  const now = new Date().toISOString();
  for (const productId of productIds) {
    for await (const page of duePages(heldPartition(productId), now, DUE_PAGE)) {
      found ||= page.length > 0;
      assertInTime(writer);
      const ids = page.map(({ id }) => id);
      const { failures } = await expireAll(ids, onBehalfOf(writer));
      // Errors of one reservation are not errors of the request: the sweep reports them.
      const error = failures.find((failure) => failure instanceof AppError);
      if (error) throw error;
    }
  }
  return found;
}

Inventory.configureRelease(releaseExpired);

/**
 * Returns the writer of a release that a request needs. The request's caller has not made these
 * changes: with its `clientRef` a client would take them for those of its own write.
 */
const onBehalfOf = (writer: Writer): Writer => ({
  ...writer,
  actor: "expiry",
  clientRef: undefined,
});

/** A reservation of an index partition whose time has passed. */
interface Due {
  id: string;
  until: number; // epoch ms; NaN for a line
}

/**
 * Returns the due reservations of an index partition page by page, the oldest first. Each is
 * returned once, whether or not it could be expired: one that cannot does not hide the others.
 */
async function* duePages(partition: string, now: string, limit: number): AsyncGenerator<Due[]> {
  let from: { ExclusiveStartKey?: DynamoDB.Attributes } = {};
  for (;;) {
    const { items, last } = await DynamoDB.query({
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :partition AND gsi1sk < :now",
      // Reservations that were extended are listed by their first expiry. Lines have no `until`.
      FilterExpression: "attribute_not_exists(#until) OR #until < :nowMs",
      ExpressionAttributeNames: { "#until": "until" },
      ExpressionAttributeValues: {
        ":partition": partition,
        ":now": now,
        ":nowMs": Date.parse(now),
      },
      Limit: limit,
      ...from,
    });
    yield items.map(({ sk, until }) => ({ id: String(sk), until: Number(until) }));
    if (last === undefined) return;
    from = { ExclusiveStartKey: last };
  }
}

interface Expiry {
  expired: number; // reservations; another request may have ended the others
  /** An error for each reservation that could not be expired. */
  failures: unknown[];
}

/**
 * Expires those of up to 100 reservations that are due. Reservations of the same products expire
 * together, as many as a transaction takes. Throws `unavailable` if they cannot be read.
 */
async function expireAll(ids: readonly string[], writer: Writer): Promise<Expiry> {
  const keys = ids.map((id) => ({ pk: `RESERVATION#${shardOf(id)}`, sk: id }));
  const stored = (await DynamoDB.readAll(keys)) as StoredReservation[];
  const due = stored.filter(canExpire);
  const groups = Map.groupBy(due.filter(hasLines), ({ lines }) =>
    lines
      .map(({ productId }) => productId)
      .toSorted()
      .join(" "),
  );
  const damaged = due.filter((each) => !hasLines(each));
  const result: Expiry = {
    expired: 0,
    failures: damaged.map(({ sk }) => new DamagedReservation(`reservation ${sk} has no lines`)),
  };
  const ends = await Promise.all(groups.values().map((group) => expireInTurn(group, writer)));
  for (const end of ends) addUp(result, end);
  return result;
}

const hasLines = ({ lines }: StoredReservation): boolean =>
  Array.isArray(lines) && lines.length > 0;

const canExpire = (reservation: StoredReservation | undefined): boolean =>
  reservation?.status === "active" && isDue(reservation);

/** Actions in one transaction; DynamoDB takes no more. */
const MAX_ACTIONS = 100;

/**
 * Expires due reservations of the same products once all others of this process that share a
 * product have expired. Its locks are not those of buyers: a buyer who waits for expired units
 * holds the lock of their product.
 */
async function expireInTurn(group: StoredReservation[], writer: Writer): Promise<Expiry> {
  const locks = (group[0]?.lines ?? []).map(({ productId }) => `EXPIRY ${productId}`);
  try {
    return await withLocks(locks, writer, () => expireGroup(group, writer));
  } catch (error) {
    return { expired: 0, failures: group.map(() => error) }; // the request's time is up
  }
}

/** Expires due reservations of the same products, one transaction after another. */
async function expireGroup(group: StoredReservation[], writer: Writer): Promise<Expiry> {
  const result: Expiry = { expired: 0, failures: [] };
  const products = group[0]?.lines.length ?? 0;
  const size = Math.floor((MAX_ACTIONS - products) / (1 + products));
  for (let from = 0; from < group.length; from += size) {
    const some = group.slice(from, from + size);
    try {
      result.expired += await expireTogether(some, writer);
    } catch (error) {
      if (error instanceof DamagedReservation && some.length > 1) {
        for (const each of some) addUp(result, await expireGroup([each], writer));
      } else result.failures.push(...some.map(() => error));
    }
  }
  return result;
}

function addUp(result: Expiry, { expired, failures }: Expiry): void {
  result.expired += expired;
  result.failures.push(...failures);
}

/**
 * Expires due reservations of the same products in one transaction, which changes each inventory
 * once. Those that another request ends or extends meanwhile are left out. Returns how many it has
 * expired. Throws `unavailable`, and any other error if the stored data are damaged.
 */
async function expireTogether(all: readonly StoredReservation[], writer: Writer): Promise<number> {
  const writeId = newId();
  const known: KnownInventories = new Map();
  const due = new Map(all.map((each) => [each.sk, each]));
  for (let tries = 1; due.size > 0; tries++) {
    const steps = expirySteps([...due.values()], known, writer, writeId);
    const refusals = await commit(steps, writer, [writeId]);
    if (refusals.length === 0) return due.size;
    let missing: string | undefined;
    for (const { error } of refusals) {
      if (!(error instanceof StaleRecord)) throw error;
      const { id, old } = error;
      if (due.has(id)) {
        if (canExpire(old as StoredReservation | undefined)) due.set(id, old as StoredReservation);
        else due.delete(id);
      } else if (old) known.set(id, old as Inventory.StoredInventory);
      else missing ??= id;
    }
    // Other requests may have closed all of them since, and even deleted the product.
    if (missing !== undefined && tries > MISSING_TRIES && due.size > 0) {
      const [first = ""] = due.keys();
      throw new DamagedReservation(`reservation ${first} is active, but ${missing} does not exist`);
    }
    await waitBeforeRetry(writer, tries);
  }
  return 0;
}

/** Throws `DamagedReservation` if an inventory has fewer units reserved than are to be released. */
function expirySteps(
  due: readonly StoredReservation[],
  known: KnownInventories,
  writer: Writer,
  writeId: string,
): Step[] {
  const [only] = due.length === 1 ? due : [];
  const movements = merged(due.flatMap(({ lines }) => lines)).map((line) => {
    const { productId, quantity } = line;
    const inventory = known.get(productId);
    if (inventory && inventory.reserved < quantity) {
      throw new DamagedReservation(
        `reservation ${due[0]?.sk} is active, but ${productId} has fewer units reserved`,
      );
    }
    return Inventory.moveStep("release", line, only?.sk, writer, writeId, inventory);
  });
  return [
    ...due.flatMap((each) => closedSteps(each, closed(each, "expired", writer, writeId))),
    ...movements,
  ];
}

/** Expires a due reservation, unless another request ends or extends it. Throws `unavailable`. */
export async function expire(current: StoredReservation, writer: Writer): Promise<void> {
  const { failures } = await expireInTurn([current], onBehalfOf(writer));
  if (failures[0] instanceof AppError) throw failures[0];
}

/** What one sweep did. */
export interface SweepResult {
  expired: number; // reservations
  /** Reservations that could not be expired. */
  failed: number;
  /** The error of the first of them. */
  failure?: unknown;
  /** True if it stopped at its deadline. */
  more: boolean;
  /** How long the oldest reservation that it found had been due. */
  lagMs: number;
}

const SWEEP_PAGE = 50;

/**
 * Expires all reservations that are due, page by page, until `deadline` (epoch ms). One that cannot
 * be expired is counted and does not stop the others. Concurrent sweeps are safe: each reservation
 * is closed by one conditional write. Throws `unavailable` if the list cannot be read.
 */
export async function sweep(writer: Writer, deadline: number): Promise<SweepResult> {
  const result: SweepResult = { expired: 0, failed: 0, more: false, lagMs: 0 };
  const now = new Date().toISOString();
  for (const partition of activePartitions()) {
    if (Date.now() > deadline) return { ...result, more: true };
    for await (const due of duePages(partition, now, SWEEP_PAGE)) {
      if (due[0]) {
        result.lagMs = Math.max(result.lagMs, Date.parse(now) - due[0].until);
      }
      const ids = due.map(({ id }) => id);
      const at = new Date().toISOString();
      const { expired, failures } = await expireAll(ids, { ...writer, at });
      result.expired += expired;
      if (failures.length > 0) result.failure ??= failures[0];
      result.failed += failures.length;
      if (Date.now() > deadline) return { ...result, more: true };
    }
  }
  return result;
}
