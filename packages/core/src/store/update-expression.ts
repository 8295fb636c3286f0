/**
 * Builds the write that takes one record to its next version: an update expression whose conditions
 * hold exactly if the change is still allowed, or a put over the version that was read. Either way
 * a version is counted once, and a write that would change nothing is refused.
 */

import type { Attributes, Key, Write } from "./dynamodb.ts";
import {
  notEvictedCondition,
  notRememberedCondition,
  oldestToKeep,
  rememberAssignments,
  type WriteRegister,
} from "./write-register.ts";
import type { Step, Writer } from "./write.ts";

/** A record as it is stored. All other attributes belong to its resource. */
export interface Stored extends Key, Attributes, WriteRegister {
  version: number; // from 1, + 1 with each change
  createdAt: string;
  updatedAt: string;
}

/** What a change relies on that was built without reading the record. */
export type Condition =
  | readonly [attribute: string, operator: "=" | ">" | "<=", value: string | number]
  | readonly [attribute: string, operator: "same as", other: string]
  | readonly [attribute: string, operator: "absent"];

/** A change of one record. An attribute that is set to undefined is removed. */
export interface RecordUpdate {
  set?: Attributes;
  /** Amounts to add. Concurrent additions do not refuse each other. */
  add?: Readonly<Record<string, number>>;
  /**
   * Attributes that become an amount minus another attribute, as that is stored when the write is
   * applied. They must follow from `set` and do not count as a change themselves.
   */
  minus?: Readonly<Record<string, readonly [amount: number, attribute: string]>>;
  /** Attributes that describe the write, such as its reason. They do not count as a change. */
  note?: Attributes;
  conditions?: readonly Condition[];
  /** Writes of other items that commit together with the record. */
  steps?: readonly Step[];
}

/**
 * Builds a change, from the record or without having read it. Without a record the change costs one
 * round trip if its conditions hold; otherwise it is built again from the record. Returns
 * undefined if it needs the record, or, given the record, if nothing is to change. May throw a
 * refusal.
 */
export type UpdateBuilder = (current: Stored | undefined) => RecordUpdate | undefined;

/**
 * `notBefore` is the time of the version before, where the write has read it: clocks of two hosts
 * differ, and requests overtake each other. An update expression has no maximum, and a condition
 * instead would make writers of one record refuse each other.
 */
export const writerAttributes = ({ actor, requestId, clientRef, at }: Writer, notBefore = at) => ({
  actor,
  requestId,
  clientRef,
  updatedAt: notBefore > at ? notBefore : at,
});

/** True if the change alters the record, so that it must be written. */
export const hasEffect = (current: Stored, { set = {}, add = {} }: RecordUpdate): boolean =>
  Object.entries(set).some(([name, value]) => current[name] !== value) ||
  Object.values(add).some((n) => n !== 0);

/** Returns the version after the one that was read. Its register is that of a transaction. */
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
  ...Object.fromEntries(
    Object.entries(change.minus ?? {}).map(([name, [amount, attribute]]) => [
      name,
      amount - Number(current[attribute]),
    ]),
  ),
  ...writerAttributes(writer, current.updatedAt),
  version: current.version + 1,
  lastWrite: writeId,
});

/** Writes the next version over the one that was read, if that is still the stored one. */
export const putIfUnchanged = (current: Stored, next: Stored) => ({
  Item: next,
  ConditionExpression: "version = :version",
  ExpressionAttributeValues: { ":version": current.version },
});

interface UpdateOptions {
  /**
   * Adds the write to the register, since it has no transaction's token. Either way it is refused
   * if the register has its id. A `repetition` is also refused if its id may have been evicted.
   */
  remember?: "first" | "repetition" | undefined;
  ifMatch?: readonly number[] | undefined; // versions
  /** The time of the version before, if the record was read. */
  notBefore?: string | undefined;
}

/** Updates a record without having read it, if the change's conditions hold. */
export function updateExpression(
  Key: Key,
  change: RecordUpdate,
  writer: Writer,
  writeId: string,
  { remember, ifMatch, notBefore }: UpdateOptions = {},
): Extract<Write, { Update: unknown }>["Update"] {
  const { name, value, ...used } = placeholders({ ":one": 1, ":writeId": writeId });
  const assignments = [
    "version = version + :one",
    "lastWrite = :writeId",
    ...(remember ? rememberAssignments() : []),
  ];
  const removals: string[] = [];
  const written = { ...change.set, ...change.note, ...writerAttributes(writer, notBefore) };
  for (const [attribute, to] of Object.entries(written)) {
    if (to === undefined) removals.push(name(attribute));
    else assignments.push(`${name(attribute)} = ${value(to)}`);
  }
  for (const [attribute, n] of Object.entries(change.add ?? {})) {
    if (n !== 0) assignments.push(`${name(attribute)} = ${name(attribute)} + ${value(n)}`);
  }
  for (const [attribute, [amount, other]] of Object.entries(change.minus ?? {})) {
    assignments.push(`${name(attribute)} = ${value(amount)} - ${name(other)}`);
  }

  const conditions = [
    "attribute_exists(pk)", // an update must not create a record
    // An earlier attempt of this write has not been applied.
    ...(remember === undefined ? ["lastWrite <> :writeId"] : [notRememberedCondition]),
    ...(remember === "repetition" ? [notEvictedCondition(value(oldestToKeep(writeId)))] : []),
    ...(ifMatch ? [`version IN (${ifMatch.map(value).join(", ")})`] : []),
    ...(change.conditions ?? []).map((condition) => comparison(condition, { name, value })),
    ...hasEffectCondition(change, { name, value }),
  ];

  return {
    Key,
    UpdateExpression:
      `SET ${assignments.join(", ")}` +
      (removals.length > 0 ? ` REMOVE ${removals.join(", ")}` : ""),
    ConditionExpression: conditions.join(" AND "),
    ...used,
  };
}

/** Both return the placeholder of an attribute's name, or of a value. */
interface Placeholders {
  name: (attribute: string) => string;
  value: (value: unknown) => string;
}

/**
 * Collects the placeholders of one request. Attribute names need them because DynamoDB reserves
 * many words. A value that occurs in several clauses is sent once.
 */
function placeholders(ExpressionAttributeValues: Attributes) {
  const ExpressionAttributeNames: Record<string, string> = {};
  const known = new Map<unknown, string>();
  return {
    ExpressionAttributeNames,
    ExpressionAttributeValues,
    name: (attribute: string) => {
      ExpressionAttributeNames[`#${attribute}`] = attribute;
      return `#${attribute}`;
    },
    value: (value: unknown) => {
      const placeholder = known.get(value) ?? `:v${known.size}`;
      known.set(value, placeholder);
      ExpressionAttributeValues[placeholder] = value;
      return placeholder;
    },
  };
}

const comparison = (
  [attribute, operator, than]: Condition,
  { name, value }: Placeholders,
): string =>
  operator === "absent"
    ? `attribute_not_exists(${name(attribute)})`
    : operator === "same as"
      ? `${name(attribute)} = ${name(than)}`
      : `${name(attribute)} ${operator} ${value(than)}`;

/**
 * The condition that at least one attribute differs from what it is set to: `hasEffect` as an
 * expression. Without it a write that changes nothing would use up a version. None if the change
 * adds amounts, which alter the record in any case.
 */
function hasEffectCondition(
  { set = {}, add = {} }: RecordUpdate,
  { name, value }: Placeholders,
): string[] {
  if (Object.values(add).some((n) => n !== 0)) return [];
  const differences = Object.entries(set).flatMap(([attribute, to]) =>
    to === undefined
      ? [`attribute_exists(${name(attribute)})`]
      : [`attribute_not_exists(${name(attribute)})`, `${name(attribute)} <> ${value(to)}`],
  );
  return differences.length > 0 ? [`(${differences.join(" OR ")})`] : [];
}
