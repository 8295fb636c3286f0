import { AppError } from "../error.ts";
import { type Attributes, backOff, query } from "./dynamodb.ts";

/** Reading whole partitions of any size, gently. */

const AT_ONCE = 16; // calls
const PATIENCE = 8; // tries of a call that the store is too busy for

interface Walk {
  partition: string;
  limit: number; // of a page
  /** Walks a partition of gsi1, which is a moment behind. */
  index?: boolean;
  /** Leaves out items that do not stand in gsi1. */
  indexed?: boolean;
}

/** The items of a partition, strongly consistent unless of an index. Throws `unavailable`. */
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

let free = AT_ONCE;
const waiting: (() => void)[] = [];

/** Makes a call when its turn comes, again while the store is too busy. Throws `unavailable`. */
export async function retryWhileBusy<T>(call: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => void waiting.push(resolve));
  try {
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        const busy = error instanceof AppError && error.code === "unavailable";
        if (!busy || tries === PATIENCE) throw error;
      }
      await backOff(tries);
    }
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}
