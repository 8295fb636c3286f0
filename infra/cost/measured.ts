/**
 * What was measured of a request and of a change, on 2026-11-21; infra/test/cost.test.ts measures
 * the units again.
 */

/** DynamoDB's units, records under 1 KB: `npm run bench -- units`. */
export const units = {
  /** `get product`, read strongly. */
  read: { reads: 1, writes: 0 },
  /** `adjust inventory`; creating a product costs 5, with a sku 7. */
  write: { reads: 0, writes: 1 },
  /** One change into the log, on its own: in a batch the head is shared; then who listens. */
  change: { reads: 3, writes: 5 },
} as const;

/** Ms of a function's time; the store's answer is most of it. `npm run bench -- warm` has the rest. */
export const duration = {
  read: 8,
  write: 12,
  change: 30,
  /** Of one frame to one connection: 3 000 a second and vCPU. */
  frame: 0.35,
} as const;

/** Bytes of log for a request: its line, with metrics, and the gateway's. */
export const logBytes = { request: 700, access: 400, change: 600 } as const;
