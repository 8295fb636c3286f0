/** Of waits between tries: `base` doubles with each until `cap`. */
export interface Backoff {
  base: number; // ms
  cap: number; // ms
  /** 0 ≤ n < 1 */
  random: () => number;
}

/** Ms to wait after the `attempt`-th failure, counted from 1: exponential, with full jitter. */
export const backoff = (attempt: number, { base, cap, random }: Backoff): number =>
  random() * Math.min(cap, base * 2 ** (attempt - 1));
