/**
 * The register of write ids that each record carries. It makes a write safe to repeat after a lost
 * reply: the repetition finds its own id in the record, or knows that it may have been evicted.
 */

import type { Attributes } from "./dynamodb.ts";

/**
 * DynamoDB recognises a repeated transaction by its ClientRequestToken, so a transaction only sets
 * `lastWrite`. A single conditional write has no token: it also adds its id to `writes`, and evicts
 * the oldest one. If that one may belong to a write that can still be repeated, there are two ways:
 * - A record whose changes add amounts never evicts it; the write becomes a transaction, which costs
 *   twice as much. So a lost reply never makes the outcome of an addition unknown.
 * - Any other record evicts it. A repetition that cannot know whether its id was evicted is refused
 *   as `unavailable`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export interface WriteRegister {
  /** Id of the last write of any kind. */
  lastWrite: string;
  /** Ids of the last writes that were no transactions, newest first. */
  writes: string[];
}

const REMEMBERED_WRITES = 8;

/** Ms for which an id is kept: a write is repeated for 23 s at most, and clocks differ. */
const REMEMBERED_FOR = 30_000;

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
function oldestToKeep(writeId: string): string {
  const time = Number.parseInt(writeId.slice(0, 8) + writeId.slice(9, 13), 16);
  const hex = (time - REMEMBERED_FOR).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/**
 * True if the oldest remembered id is old enough to be evicted by a write with this id. It then also
 * shows that this id has not been evicted: all that was written after it would be younger.
 */
export const registerHasRoom = ({ writes }: WriteRegister, writeId: string): boolean =>
  (writes.at(-1) ?? "") < oldestToKeep(writeId);

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
export const rememberAssignments = (): string[] => [
  ...Array.from(
    { length: REMEMBERED_WRITES - 1 },
    (_, index) => `writes[${index + 1}] = writes[${index}]`,
  ),
  "writes[0] = :writeId",
];

/** The conditions that this write was not applied, and that its id has not been evicted. */
export const notAppliedConditions = (
  writeId: string,
  placeholder: (value: string) => string,
): string[] => [
  "NOT contains(writes, :writeId)",
  `writes[${REMEMBERED_WRITES - 1}] < ${placeholder(oldestToKeep(writeId))}`,
];
