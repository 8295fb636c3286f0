import type { Attributes, Key, Write } from "./dynamodb.ts";
import type { Writer, Step } from "./write.ts";

/** How one record goes from a version to the next, and the writes that this takes. */

/** Attributes that the mechanism owns in each record. */
export interface Stored extends Key, Attributes {
  version: number;
  createdAt: string;
  updatedAt: string;
  /** Id of the last write of any kind. */
  lastWrite: string;
  /** Ids of the last writes that went alone, newest first. */
  writes: string[];
}

/** What a change that was planned without the current record takes for granted. */
export type Condition =
  | readonly [attribute: string, operator: "=" | ">" | "<=", value: string | number]
  | readonly [attribute: string, operator: "absent"];

/** A change of one record; an attribute set to undefined is removed. */
export interface RecordUpdate {
  set?: Attributes;
  add?: Readonly<Record<string, number>>;
  /** Set as well, but on its own no reason to write. */
  note?: Attributes;
  conditions?: readonly Condition[];
  steps?: readonly Step[];
}

/**
 * Plans a change from the record as it stands, or blindly from none: that costs one round trip if
 * what it expects holds, else it is planned again from the record. One that can't be planned
 * blindly returns undefined then. May throw what the caller shall see.
 */
export type UpdateBuilder = (current: Stored | undefined) => RecordUpdate | undefined;

/*
 * The SDK repeats a write whose reply was lost, and the repetition must find that the write has
 * gone through, whatever others wrote in between. A transaction carries a token for that. A write
 * that goes alone leaves its id in the record, and no id leaves the register before it is older
 * than any repetition: where the register is full of young ids, writes go as transactions.
 */

const REMEMBERED_WRITES = 8;

/** In ms: the tries of one call take 8 s at most, and clocks differ. */
const REMEMBERED_FOR = 20_000;

/** Stands where no write id is remembered yet; it sorts before all ids. */
const NO_WRITE = "-";

/** What a record's first write leaves in it. */
export const initialWriteIds = (writeId: string) => ({
  lastWrite: writeId,
  writes: [writeId, ...Array.from({ length: REMEMBERED_WRITES - 1 }, () => NO_WRITE)],
});

/** Whether this write has gone through: a retry whose reply was lost finds its own id. */
export const wasWrittenBy = (stored: Attributes | undefined, writeId: string): boolean =>
  stored?.["lastWrite"] === writeId ||
  (Array.isArray(stored?.["writes"]) && stored["writes"].includes(writeId));

/** Ids are UUIDv7, so they compare by their time: this is the least that is still young. */
function youngest(): string {
  const hex = (Date.now() - REMEMBERED_FOR).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** Whether a write may go alone: the register's oldest id may leave it. */
export const canSkipTransaction = ({ writes }: Stored): boolean =>
  (writes.at(-1) ?? "") < youngest();

export const writerAttributes = ({ actor, requestId, clientRef, at }: Writer) => ({
  actor,
  requestId,
  clientRef,
  updatedAt: at,
});

type UpdateUnder = Extract<Write, { Update: unknown }>["Update"];

/** Whether there is anything to write. */
export const hasEffect = (current: Stored, { set = {}, add = {} }: RecordUpdate): boolean =>
  Object.entries(set).some(([name, value]) => current[name] !== value) ||
  Object.values(add).some((n) => n !== 0);

/** The version that follows the one that was read, as a write in a transaction leaves it. */
export const nextVersion = (
  current: Stored,
  change: RecordUpdate,
  writer: Writer,
  writeId: string,
): Stored => ({
  ...current,
  ...change.set,
  ...change.note,
  ...Object.fromEntries(
    Object.entries(change.add ?? {}).map(([name, n]) => [name, Number(current[name]) + n]),
  ),
  ...writerAttributes(writer),
  version: current.version + 1,
  lastWrite: writeId,
});

/** The same, as a write that goes alone leaves it. */
export const withRememberedWrite = (next: Stored): Stored => ({
  ...next,
  writes: [next.lastWrite, ...next.writes.slice(0, REMEMBERED_WRITES - 1)],
});

/** Writes the next version over the one that was read. */
export const putIfUnchanged = (current: Stored, next: Stored) => ({
  Item: next,
  ConditionExpression: "version = :version",
  ExpressionAttributeValues: { ":version": current.version },
});

/** Updates the record whatever it holds, as long as it is as expected. */
export function updateExpression(
  Key: Key,
  { set = {}, add = {}, note = {}, conditions = [] }: RecordUpdate,
  writer: Writer,
  writeId: string,
  options: { remember?: boolean; ifMatch?: readonly number[] | undefined } = {},
): UpdateUnder {
  const names: Record<string, string> = {};
  const values: Attributes = { ":one": 1, ":writeId": writeId };
  const name = (attribute: string) => {
    names[`#${attribute}`] = attribute;
    return `#${attribute}`;
  };
  let count = 0;
  const value = (of: unknown) => {
    const placeholder = `:v${count++}`;
    values[placeholder] = of;
    return placeholder;
  };

  const assign: string[] = ["version = version + :one", "lastWrite = :writeId"];
  const drop: string[] = [];
  const unlike: string[] = [];
  for (const [attribute, to] of Object.entries(set)) {
    const path = name(attribute);
    if (to === undefined) {
      drop.push(path);
      unlike.push(`attribute_exists(${path})`);
    } else {
      const placeholder = value(to);
      assign.push(`${path} = ${placeholder}`);
      unlike.push(`attribute_not_exists(${path})`, `${path} <> ${placeholder}`);
    }
  }
  for (const [attribute, n] of Object.entries(add)) {
    if (n === 0) continue;
    const path = name(attribute);
    assign.push(`${path} = ${path} + ${value(n)}`);
  }
  for (const [attribute, to] of Object.entries({ ...note, ...writerAttributes(writer) })) {
    if (to === undefined) drop.push(name(attribute));
    else assign.push(`${name(attribute)} = ${value(to)}`);
  }
  const clauses = ["attribute_exists(pk)"];
  if (options.remember) {
    // Ids move one place down: the right sides of SET all see the item as it was.
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    const last = REMEMBERED_WRITES - 1;
    for (let i = last; i > 0; i--) assign.push(`writes[${i}] = writes[${i - 1}]`);
    assign.push("writes[0] = :writeId");
    clauses.push("NOT contains(writes, :writeId)", `writes[${last}] < ${value(youngest())}`);
  } else {
    clauses.push("lastWrite <> :writeId");
  }
  if (options.ifMatch) clauses.push(`version IN (${options.ifMatch.map(value).join(", ")})`);
  for (const [attribute, operator, than] of conditions) {
    const path = name(attribute);
    clauses.push(
      operator === "absent"
        ? `attribute_not_exists(${path})`
        : `${path} ${operator} ${value(than)}`,
    );
  }
  if (unlike.length > 0 && Object.keys(add).length === 0) {
    clauses.push(`(${unlike.join(" OR ")})`); // else there is nothing to write
  }

  return {
    Key,
    UpdateExpression: `SET ${assign.join(", ")}${drop.length > 0 ? ` REMOVE ${drop.join(", ")}` : ""}`,
    ConditionExpression: clauses.join(" AND "),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}
