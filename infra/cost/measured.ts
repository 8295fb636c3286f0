/**
 * Measured costs of a request and of a change, on 2026-11-21. The infra suite measures the units
 * again in each run (infra/test/cost.test.ts).
 */

/** DynamoDB's units for records under 1 KB. See `npm run bench -- units`. */
export const units = {
  /** `get product`, strongly consistent. */
  read: { reads: 1, writes: 0 },
  /** `adjust inventory`. Creating a product costs 5 writes, with a sku 7. */
  write: { reads: 0, writes: 1 },
  /** Appending and delivering a single change. Changes of one batch share the write of the head. */
  change: { reads: 3, writes: 5 },
} as const;

/** Duration of a function in ms. Most of it is waiting for DynamoDB. See `npm run bench -- warm`. */
export const duration = {
  read: 8,
  write: 12,
  change: 30,
  /** Sending one frame to one connection: 3 000 a second with one vCPU. */
  frame: 0.35,
} as const;

/**
 * Share of invocations that start an environment, and the duration of the start in ms, which is
 * billed since August 2025. AWS says that it is under 1 %; the duration is an assumption.
 * https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
 */
export const coldStart = { share: 0.01, ms: 500 } as const;

/** Bytes of log: the app's line with metrics, the gateway's line, the line of a change. */
export const logBytes = { request: 700, access: 400, change: 600 } as const;

/**
 * A reader of `GET /changes/stream` for an hour: memory of its function in GB, requests, and reads of
 * the log. See docs/scale.md.
 */
export const streamHour = { memory: 0.125, requests: 15, reads: 16_440 } as const;
