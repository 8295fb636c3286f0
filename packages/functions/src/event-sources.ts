import { Data } from "@stockwire/core/store/tables";

/** How functions are fed from the stream and the queue: infra and the laptop both read it. */

/** Data's stream to `changes.handler`. */
export const stream = {
  batchSize: 100,
  /** A poison record is given up after this many; the function itself waits for a slow store. */
  maximumRetryAttempts: 5,
  bisectBatchOnFunctionError: true,
  maximumRecordAgeSeconds: 24 * 60 * 60,
  timeoutMs: 60_000,
  /** Records of items whose partition keys begin otherwise are nobody's news. */
  announced: Data.announced,
} as const;

/** The delivery queue to `deliver.handler`. */
export const delivery = {
  batchSize: 1,
  maximumConcurrency: 10,
  maxReceiveCount: 3,
  timeoutMs: 60_000,
  visibilityTimeoutMs: 120_000,
} as const;
