/**
 * The register of write ids that each record carries. It makes a write safe to repeat: the SDK
 * repeats a write whose reply was lost, and the repetition finds its own id in the record, whatever
 * other writers did in between.
 */

import type { Attributes } from "./dynamodb.ts";

/**
 * DynamoDB recognises a repeated transaction by its ClientRequestToken, so a transaction only sets
 * `lastWrite`. A single conditional write has no token: it also adds its id to `writes`. An id must
 * not be evicted from there while its write can still be repeated. Where the oldest id is too young
 * to be evicted, the write becomes a transaction, which costs twice as much.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export interface WriteRegister {
  /** Id of the last write of any kind. */
  lastWrite: string;
  /** Ids of the last writes that were no transactions, newest first. */
  writes: string[];
}

const REMEMBERED_WRITES = 8;

/** Ms for which an id is kept: all attempts of one call take 8 s at most, and clocks differ. */
const REMEMBERED_FOR = 20_000;

/** Fills the places of a new register; it sorts before every id. */
const NO_WRITE = "-";

/** The register of a record after its first write. */
export const initialRegister = (writeId: string): WriteRegister => ({
  lastWrite: writeId,
  writes: [writeId, ...Array.from({ length: REMEMBERED_WRITES - 1 }, () => NO_WRITE)],
});

/** True if an item shows that the write with this id was applied. */
export const wasWrittenBy = (item: Attributes | undefined, writeId: string): boolean =>
  item?.["lastWrite"] === writeId ||
  (Array.isArray(item?.["writes"]) && item["writes"].includes(writeId));

/** Write ids are UUIDv7 and start with their time in ms, so the oldest that must stay compares. */
function oldestToKeep(): string {
  const hex = (Date.now() - REMEMBERED_FOR).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** True if the oldest remembered id can be evicted, so that a write needs no transaction. */
export const canSkipTransaction = ({ writes }: WriteRegister): boolean =>
  (writes.at(-1) ?? "") < oldestToKeep();

/** Adds a record's last write to its register, in memory. */
export const remembered = <T extends WriteRegister>(next: T): T => ({
  ...next,
  writes: [next.lastWrite, ...next.writes.slice(0, REMEMBERED_WRITES - 1)],
});

/**
 * The same in an update expression, where `:writeId` is the new id. The right sides of SET all see
 * the item before the update, so the order of the assignments does not matter.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
 */
export function rememberClauses(placeholder: (value: string) => string) {
  const last = REMEMBERED_WRITES - 1;
  return {
    assignments: [
      ...Array.from({ length: last }, (_, index) => `writes[${index + 1}] = writes[${index}]`),
      "writes[0] = :writeId",
    ],
    conditions: [
      "NOT contains(writes, :writeId)",
      `writes[${last}] < ${placeholder(oldestToKeep())}`,
    ],
  };
}
