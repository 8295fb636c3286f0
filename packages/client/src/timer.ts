/**
 * Time for retries and timeouts. All of it comes from `Timers`, so that a test can be the clock.
 */

/** The clock and its timers. */
export interface Timers {
  setTimeout: (run: () => void, ms: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  now: () => number; // epoch ms
}

export const systemTimers: Timers = {
  setTimeout: (run, ms) => globalThis.setTimeout(run, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as number),
  now: () => Date.now(),
};

/** The longest delay that `setTimeout` takes; it runs a longer one immediately. */
const MAX_DELAY = 2 ** 31 - 1; // ms

/** Ms within the range of `setTimeout`. */
export const clampDelay = (ms: number): number => Math.min(Math.max(ms, 0), MAX_DELAY);

/** Resolves after some ms; rejects with the signal's reason as soon as the signal is aborted. */
export function delay(ms: number, timers: Timers, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      timers.clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = timers.setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, clampDelay(ms));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Like `delay`, but resolves to false if the signal is aborted, and to true otherwise. */
export const pause = (ms: number, timers: Timers, signal: AbortSignal): Promise<boolean> =>
  delay(ms, timers, signal).then(
    () => true,
    () => false,
  );

/** Exponential backoff: the limit doubles from `base` with each failure, up to `cap`. */
export interface Backoff {
  base: number; // ms
  cap: number; // ms
  /** Full jitter, so that clients do not retry in step: 0 ≤ n < 1. */
  random: () => number;
}

/** Ms to wait after the `attempt`-th failure in a row, counted from 1. */
export const backoff = (attempt: number, { base, cap, random }: Backoff): number =>
  random() * Math.min(cap, base * 2 ** (attempt - 1));
