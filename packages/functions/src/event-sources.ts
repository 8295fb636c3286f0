/** Event source mappings of the stream and the queue, as infra provisions and the laptop emulates them. */

import { ANNOUNCED } from "@stockwire/core/catalog/index";

/** The stream of the table Data, to `changes.handler`. */
export const stream = {
  batchSize: 100,
  /**
   * Until the record is too old: only a store that does not answer fails a batch, and that is not the
   * fault of its records. The function itself sends a record that it cannot read to the dead-letter queue.
   */
  maximumRetryAttempts: -1,
  bisectBatchOnFunctionError: true,
  maximumRecordAgeSeconds: 24 * 60 * 60,
  timeoutMs: 60_000,
  /** The mapping's filter: partition keys that start otherwise are not announced. */
  announced: ANNOUNCED,
} as const;

/** The delivery queue to `deliver.handler`. */
export const delivery = {
  batchSize: 1,
  maximumConcurrency: 10,
  maxReceiveCount: 3,
  timeoutMs: 60_000,
  visibilityTimeoutMs: 120_000,
} as const;

/** The records of an event; none in a warm-up ping or another event that no mapping sends. */
export function recordsOf<Event extends { Records: readonly object[] }>(
  event: Event,
): Event["Records"] {
  const records: unknown = (event as Partial<Event> | null)?.Records;
  return Array.isArray(records) ? records.filter(isObject) : [];
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
