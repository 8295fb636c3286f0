import { AppError } from "../error.ts";
import { type Writer, deadlineOf } from "./write.ts";

const tails = new Map<string, Promise<unknown>>();

/**
 * Runs work on the same keys one after another within this process: rivals for one record would
 * only make each other try again. All keys are taken at once, so that no two wait for each other.
 * Throws `unavailable` if the request's time is up before its turn.
 */
export async function withLocks<T>(
  keys: readonly string[],
  writer: Writer,
  work: () => Promise<T>,
): Promise<T> {
  const turn = Promise.all(keys.flatMap((key) => tails.get(key) ?? []));
  const done = turn.then(() => {
    if (Date.now() > deadlineOf(writer)) {
      throw new AppError("unavailable", "Too many change this at once; try again");
    }
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
