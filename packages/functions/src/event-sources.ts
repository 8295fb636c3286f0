import { ANNOUNCED } from "@stockwire/core/catalog/index";

/** How functions are fed from the stream and the queue: infra and the laptop both read it. */

/** Data's stream to `changes.handler`. */
export const stream = {
  batchSize: 100,
  /** A poison record is given up after this many; the function itself waits for a slow store. */
  maximumRetryAttempts: 5,
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
