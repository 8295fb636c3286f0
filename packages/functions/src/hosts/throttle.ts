/** One token bucket for each caller, in the memory of this process: n processes admit n times as much. */

export interface Bucket {
  rate: number; // requests a second; 0 sets no limit
  burst: number; // requests
}

/** Callers whose buckets are kept. The one that has been idle longest is forgotten, and starts full. */
const MAX_CALLERS = 10_000;

/**
 * Returns a function that takes a request from a caller's bucket. It returns 0, or the whole seconds
 * after which the caller may try again. `clock` returns ms.
 */
export function createThrottle(
  { rate, burst }: Bucket,
  clock: () => number = Date.now,
): (caller: string) => number {
  const buckets = new Map<string, { left: number; at: number }>();
  return (caller) => {
    if (rate === 0) return 0;
    const now = clock();
    const { left, at } = buckets.get(caller) ?? { left: burst, at: now };
    const filled = Math.min(burst, left + (Math.max(0, now - at) / 1000) * rate);
    const admitted = filled >= 1;
    buckets.delete(caller); // and set again, as the latest
    buckets.set(caller, { left: admitted ? filled - 1 : filled, at: now });
    if (buckets.size > MAX_CALLERS) buckets.delete(buckets.keys().next().value ?? "");
    return admitted ? 0 : Math.ceil((1 - filled) / rate);
  };
}
