/** Event source mappings of the stream and the queue, as infra provisions and the laptop emulates them. */

import { ANNOUNCED } from "@stockwire/core/catalog/index";

/** The stream of the table Data, to `changes.handler`. */
export const stream = {
  batchSize: 100,
  /** After these the record goes to the dead-letter queue. A slow store is waited for inside the function. */
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
