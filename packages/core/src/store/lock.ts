/**
 * Mutual exclusion per key within this process. It only saves retries: writers of one record would
 * otherwise fail each other's conditions. Correctness rests on the conditions, since other
 * processes do not share these locks.
 */

import { assertInTime, type Writer } from "./write.ts";

/** The last work queued on each key. */
const tails = new Map<string, Promise<unknown>>();

/**
 * Runs `work` after all earlier work on any of the keys. All keys are queued in the same tick, so
 * two calls cannot wait for each other. Throws `unavailable` if the request's time is up before the
 * work starts, and what `work` throws.
 */
export async function withLocks<T>(
  keys: readonly string[],
  writer: Writer,
  work: () => Promise<T>,
): Promise<T> {
  const earlier = Promise.all(keys.flatMap((key) => tails.get(key) ?? []));
  const done = earlier.then(() => {
    assertInTime(writer);
    return work();
  });
  const tail = done.catch(() => undefined);
  for (const key of keys) tails.set(key, tail);
  try {
    return await done;
  } finally {
    for (const key of keys) if (tails.get(key) === tail) tails.delete(key);
  }
}
