/**
 * Reads whole partitions of any size, for checks and repairs. It limits its own load, so that the
 * requests of clients keep their capacity.
 */

import { AppError } from "../error.ts";
import { Semaphore } from "../semaphore.ts";
import { type Attributes, query } from "./dynamodb.ts";
import { backOff } from "./retry.ts";

/** Concurrent calls of this process. */
const MAX_CALLS = 16;
/** Attempts of a call while the store is too busy for it. */
const MAX_TRIES = 8;

interface Walk {
  partition: string;
  limit: number; // items of a page
  /** Reads a partition of gsi1, which is eventually consistent. */
  index?: boolean;
  /** Leaves out items without keys of gsi1. */
  indexed?: boolean;
}

/**
 * Returns the items of a partition page by page, strongly consistently unless of an index. Throws
 * `unavailable`.
 */
export async function* partitionPages({
  partition,
  limit,
  index = false,
  indexed = false,
}: Walk): AsyncGenerator<Attributes[]> {
  const input = {
    Limit: limit,
    ...(index ? { IndexName: "gsi1" } : { ConsistentRead: true }),
    KeyConditionExpression: `${index ? "gsi1pk" : "pk"} = :partition`,
    ExpressionAttributeValues: { ":partition": partition },
    ...(indexed && { FilterExpression: "attribute_exists(gsi1pk)" }),
  };
  let last: Attributes | undefined;
  do {
    const from = last && { ExclusiveStartKey: last };
    const page = await retryWhileBusy(() => query({ ...input, ...from }));
    yield page.items;
    last = page.last;
  } while (last !== undefined);
}

const permits = new Semaphore(MAX_CALLS);

/**
 * Makes a call once one of the permits is free, and repeats it while the store is too busy. Throws
 * `unavailable` after several attempts, and what else the call throws.
 */
export const retryWhileBusy = <T>(call: () => Promise<T>): Promise<T> =>
  permits.run(async () => {
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        const busy = error instanceof AppError && error.code === "unavailable";
        if (!busy || tries === MAX_TRIES) throw error;
      }
      await backOff(tries);
    }
  });
