/**
 * The register of write ids that each record carries. It makes a write safe to repeat after a lost
 * reply: the repetition finds its own id in the record, or knows that it may have been evicted.
 */

import type { Attributes } from "./dynamodb.ts";

/**
 * DynamoDB recognises a repeated transaction by its ClientRequestToken, so a transaction only sets
 * `lastWrite`. A single conditional write has no token: it also adds its id to `writes`, and evicts
 * the oldest one. A repetition that cannot know whether its id was evicted is refused, so no write
 * is applied twice; its outcome is then unknown, which is answered as `unavailable`.
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

const FREE = Array.from({ length: REMEMBERED_WRITES - 1 }, () => NO_WRITE);

/** The register of a record after its first write. */
export const initialRegister = (writeId: string): WriteRegister => ({
  lastWrite: writeId,
  writes: [writeId, ...FREE],
});

/** True if an item shows that the write with this id was applied. */
export const wasWrittenBy = (item: Attributes | undefined, writeId: string): boolean =>
  item?.["lastWrite"] === writeId ||
  (Array.isArray(item?.["writes"]) && item["writes"].includes(writeId));

/**
 * Returns a text that sorts after all ids that may be evicted by a write with this id. Write ids
 * are UUIDv7 and start with their time in ms, so they compare.
 */
export function oldestToKeep(writeId: string): string {
  const time = Number.parseInt(writeId.slice(0, 8) + writeId.slice(9, 13), 16);
  const hex = (time - REMEMBERED_FOR).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/**
 * True if a write with this id may have been applied although the register does not have it. It
 * cannot if the oldest id there is older than all that were written after it.
 */
export const mayBeEvicted = ({ writes }: WriteRegister, writeId: string): boolean =>
  (writes.at(-1) ?? "") >= oldestToKeep(writeId);

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

/** The condition that the register does not have the write's id. */
export const notRememberedCondition = "NOT contains(writes, :writeId)";

/** The condition that the write's id cannot have been evicted; see `mayBeEvicted`. */
export const notEvictedCondition = (oldest: string): string =>
  `writes[${REMEMBERED_WRITES - 1}] < ${oldest}`;
