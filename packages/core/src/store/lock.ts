/**
 * Mutual exclusion per key within this process. It only saves retries: writers of one record would
 * otherwise fail each other's conditions. Correctness rests on the conditions, since other
 * processes do not share these locks.
 */

import { Semaphore } from "../semaphore.ts";
import { assertInTime, type Writer } from "./write.ts";

/**
 * Shared work of one key that runs at once. More would not be faster, since the database writes one
 * record's changes one after another, and DynamoDB Local does not answer 200 of them in time.
 */
const SHARED_AT_ONCE = 8;

interface Queue {
  /** The last exclusive work. */
  exclusive?: Promise<unknown> | undefined;
  /** The shared work that was queued after it. */
  shared: Set<Promise<unknown>>;
  permits: Semaphore;
}

const newQueue = (exclusive?: Promise<unknown>): Queue => ({
  exclusive,
  shared: new Set(),
  permits: new Semaphore(SHARED_AT_ONCE),
});

const queues = new Map<string, Queue>();

/**
 * Runs `work` after all earlier work on any of the keys, and before all later work. All keys are
 * queued in the same tick, so two calls cannot wait for each other. `earlier` has the results of the
 * work that it has waited for, undefined for work that failed. Throws `unavailable` if the request's
 * time is up before the work starts, and what `work` throws.
 */
export async function withLocks<T>(
  keys: readonly string[],
  writer: Writer,
  work: (earlier: readonly unknown[]) => Promise<T>,
): Promise<T> {
  const earlier = keys.flatMap((key) => {
    const { exclusive, shared = [] } = queues.get(key) ?? {};
    return exclusive ? [exclusive, ...shared] : [...shared];
  });
  const done = after(earlier, writer, work);
  const exclusive = done.catch(() => undefined);
  for (const key of keys) queues.set(key, newQueue(exclusive));
  try {
    return await done;
  } finally {
    for (const key of keys) {
      const queue = queues.get(key);
      if (queue?.exclusive === exclusive) queue.exclusive = undefined;
      removeIfEmpty(key);
    }
  }
}

/**
 * Runs `work` after all earlier work of `withLocks` on the key and before all later work of it, but
 * concurrently with other shared work, of which eight run at once. Throws as `withLocks` does.
 */
export async function withSharedLock<T>(
  key: string,
  writer: Writer,
  work: () => Promise<T>,
): Promise<T> {
  const queue = queues.get(key) ?? newQueue();
  queues.set(key, queue);
  const earlier = queue.exclusive ? [queue.exclusive] : [];
  const done = queue.permits.run(() => after(earlier, writer, work));
  const tail = done.catch(() => undefined);
  queue.shared.add(tail);
  try {
    return await done;
  } finally {
    queue.shared.delete(tail);
    removeIfEmpty(key);
  }
}

async function after<T>(
  earlier: readonly Promise<unknown>[],
  writer: Writer,
  work: (earlier: readonly unknown[]) => Promise<T>,
): Promise<T> {
  const results = await Promise.all(earlier);
  assertInTime(writer);
  return work(results);
}

function removeIfEmpty(key: string): void {
  const queue = queues.get(key);
  if (queue && queue.exclusive === undefined && queue.shared.size === 0) queues.delete(key);
}
