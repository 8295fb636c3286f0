/** The clock and its timers, so that a test can be the clock. */
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

/** What a `setTimeout` can wait for; a longer wait would end at once. */
const LONGEST = 2 ** 31 - 1; // ms

export const bounded = (ms: number): number => Math.min(Math.max(ms, 0), LONGEST);

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function delay(ms: number, timers: Timers, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      timers.clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = timers.setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, bounded(ms));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
