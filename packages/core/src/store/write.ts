/**
 * What every write has in common: who writes, until when it is tried, and how several writes are
 * committed as one transaction whose refusals are the refusals of its steps.
 */

import { AppError } from "../error.ts";
import { type Attributes, transact, TransactionCancelled, type Write } from "./dynamodb.ts";
import { giveWay } from "./retry.ts";
import { wasWrittenBy } from "./write-register.ts";

/** Who writes, why and when. Every record carries it, and so do the images of the stream. */
export interface Writer {
  actor: string;
  requestId: string;
  clientRef?: string | undefined;
  at: string; // ISO 8601, UTC, ms: the only time at which the request reads the clock
  idempotency?: IdempotentRequest | undefined;
}

/** A request with an Idempotency-Key. The fingerprint covers method, path and body. */
export interface IdempotentRequest {
  key: string;
  fingerprint: string;
}

/** Result of a verb. */
export interface Outcome<T> {
  value: T;
  /** False if the record was already as requested, so that nothing was written. */
  changed: boolean;
  /** True if this is the stored answer of an earlier request with the same key. */
  replayed: boolean;
}

export const changed = <T>(value: T): Outcome<T> => ({ value, changed: true, replayed: false });
export const unchanged = <T>(value: T): Outcome<T> => ({ value, changed: false, replayed: false });

/** One write of a transaction. */
export interface Step {
  write: Write;
  /**
   * The error if the write's condition does not hold; `old` is the item as it is now. Absent where
   * there is no condition, or where only a bug could break it.
   */
  conditionError?: (old: Attributes | undefined) => Error;
}

/** A step whose condition did not hold. */
export interface Refusal {
  index: number; // of the step
  error: Error;
}

/**
 * Commits the steps, all or none. Returns the refused steps in their order; none if the transaction
 * is committed. An item that carries one of `writeIds` shows that an earlier attempt of this
 * transaction was applied although its reply was lost: that counts as committed.
 * Throws `unavailable`.
 */
export async function commit(
  steps: readonly Step[],
  writer: Writer,
  writeIds: readonly string[],
): Promise<Refusal[]> {
  try {
    await transact(
      steps.map(({ write }) => write),
      deadlineOf(writer),
    );
    return [];
  } catch (error) {
    if (!(error instanceof TransactionCancelled)) throw error;
    const { failed } = error;
    const applied = failed.values().some((item) => writeIds.some((id) => wasWrittenBy(item, id)));
    if (applied) return [];
    return steps.flatMap(({ conditionError }, index) =>
      failed.has(index) ? [{ index, error: conditionError?.(failed.get(index)) ?? error }] : [],
    );
  }
}

/** Ms after the start of a request in which it may repeat a write that lost a race. */
const RETRY_BUDGET = 20_000;

/** Returns when a request stops trying, in epoch ms. It then answers `unavailable`. */
export const deadlineOf = (writer: Writer): number => Date.parse(writer.at) + RETRY_BUDGET;

/** Throws `unavailable` once the request's time is up. */
export function assertInTime(writer: Writer): void {
  if (Date.now() > deadlineOf(writer)) {
    throw new AppError("unavailable", "Too many concurrent changes of this record; try again");
  }
}

/**
 * Waits before a write is repeated that lost a race; not before the first repetition, since the
 * record as it is now is known by then. Throws `unavailable` once the request's time is up.
 */
export async function waitBeforeRetry(writer: Writer, tries: number): Promise<void> {
  assertInTime(writer);
  if (tries > 1) await giveWay(tries);
}
