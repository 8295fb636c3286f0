import { AppError, type Code } from "./error.ts";
import { newId } from "./id.ts";
import * as Idempotency from "./idempotency.ts";
import { type List, merged, single } from "./list.ts";
import {
  type Attributes,
  backOff,
  Cancelled,
  ConditionFailed,
  type Key,
  put,
  read,
  shardCount,
  transact,
  update as updateItem,
} from "./store.ts";
import type { By, Outcome, Step } from "./write.ts";

/** Attributes that the mechanism owns in each record. */
export interface Stored extends Key, Attributes {
  version: number;
  createdAt: string;
  updatedAt: string;
  /** Ids of the last writes, newest first: a try whose reply was lost finds its own here. */
  writes: string[];
}

/** What a change that was planned without the current record takes for granted. */
export type Expectation =
  | readonly [attribute: string, operator: "=" | ">" | "<=", value: string | number]
  | readonly [attribute: string, operator: "absent"];

/** A change of one record; an attribute set to undefined is removed. */
export interface Change {
  set?: Attributes;
  add?: Readonly<Record<string, number>>;
  /** Set as well, but on its own no reason to write. */
  note?: Attributes;
  expect?: readonly Expectation[];
  steps?: readonly Step[];
}

/**
 * Plans a change from the record as it stands, or blindly from none: that costs one round trip if
 * what it expects holds, else it is planned again from the record. One that can't be planned
 * blindly returns undefined then. May throw what the caller shall see.
 */
export type Plan = (current: Stored | undefined) => Change | undefined;

/** A record before its first write, with what must be written beside it. */
export interface Draft {
  stored: Stored;
  steps: readonly Step[];
}

/** As many other writes of one record may pass between a try and its retry. */
const REMEMBERED_WRITES = 8;
const MAX_TRIES = 16;

const wrote = (stored: Attributes | undefined, writeId: string): boolean =>
  Array.isArray(stored?.["writes"]) && stored["writes"].includes(writeId);

/** Whether an item that refused shows that this very transaction went through before. */
const wasApplied = ({ failed }: Cancelled, writeId: string): boolean =>
  failed.values().some((item) => wrote(item, writeId));

const stamp = ({ actor, requestId, clientRef, at }: By) => ({
  actor,
  requestId,
  clientRef,
  updatedAt: at,
});

/** FNV-1a: spreads ids that differ only in time. */
function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount();
}

interface Options<T> {
  kind: string; // prefix of the partition keys
  notFound: Code;
  noun: string; // as messages say it
  decode: (stored: Stored) => T;
  /** Epoch seconds from `at` after which a tombstone may go; kept where an id can come back. */
  tombstoneSeconds?: number;
}

/** The verbs that each kind of record has in common. All are conditional, none scans. */
export function table<T>({ kind, notFound, noun, decode, tombstoneSeconds }: Options<T>) {
  const key = (id: string): Key => ({ pk: `${kind}#${shardOf(id)}`, sk: id });
  const tombstoneKey = (id: string): Key => ({ pk: `TOMBSTONE#${kind}#${id}`, sk: "TOMBSTONE" });
  const missing = () => new AppError(notFound, `${noun} not found`);
  const stale = ({ version }: Stored) =>
    new AppError("precondition_failed", `${noun} has changed since`, {
      members: { currentVersion: version },
    });
  const readStored = async (id: string) => (await read(key(id))) as Stored | undefined;

  /** A new record; `index` is its partition key in gsi1, `version` above 1 only if it comes back. */
  const draft = (
    id: string,
    attributes: Attributes,
    by: By,
    steps: Draft["steps"] = [],
  ): Draft => ({
    stored: {
      ...attributes,
      ...key(id),
      version: 1,
      createdAt: by.at,
      ...stamp(by),
      writes: [newId(), ...Array.from({ length: REMEMBERED_WRITES - 1 }, () => "-")],
    },
    steps,
  });

  const opening = ({ stored }: Draft): Step => ({
    write: { Put: { Item: stored, ConditionExpression: "attribute_not_exists(pk)" } },
    refused: (old) => stale(old as Stored),
  });

  /** Stores drafts together, all or none; one draft without company is a plain put. */
  const createAll = (drafts: readonly Draft[], by: By): Promise<Outcome<T>[]> =>
    Idempotency.onceAll(by, drafts.length, async () => {
      const values = drafts.map(({ stored }) => decode(stored));
      const steps = drafts.flatMap((each, index) => [
        opening(each),
        ...each.steps,
        ...Idempotency.steps(by, index, drafts.length, values[index], each.stored.writes),
      ]);
      const [first] = steps;
      try {
        if (steps.length === 1 && first && "Put" in first.write) await put(first.write.Put);
        else await transact(steps.map(({ write }) => write));
      } catch (error) {
        const refused = error instanceof Cancelled ? error.failed : alone(error);
        if (refused === undefined) throw error;
        const writeIds = drafts.map(({ stored }) => stored.writes[0] ?? "");
        const applied = refused.values().some((old) => writeIds.some((id) => wrote(old, id)));
        if (!applied) throw firstRefusal(steps, refused);
      }
      return values.map((value) => ({ value, changed: true, replayed: false }));
    });

  const create = async (each: Draft, by: By): Promise<Outcome<T>> => {
    const [outcome] = await createAll([each], by);
    if (outcome === undefined) throw new Error("a draft has an outcome");
    return outcome;
  };

  /** Throws the kind's `…_not_found`, `precondition_failed`, `unavailable`, and what `plan` throws. */
  const update = (
    id: string,
    by: By,
    ifMatch: readonly number[] | undefined,
    plan: Plan,
  ): Promise<Outcome<T>> =>
    Idempotency.once(by, async () => {
      const writeId = newId();
      // An answer that is kept with its key must be known before it is written.
      let current = by.idempotency && (await existing(id));
      for (let tries = 1; tries <= MAX_TRIES; tries++) {
        if (current && ifMatch && !ifMatch.includes(current.version)) throw stale(current);
        let change = plan(current);
        if (change === undefined) {
          current = await existing(id);
          if (ifMatch && !ifMatch.includes(current.version)) throw stale(current);
          change = plan(current) ?? {};
        }
        if (current && !differs(current, change)) {
          return { value: decode(current), changed: false, replayed: false };
        }
        try {
          const stored: Stored = current
            ? await replace(current, change, by, writeId)
            : await updateBlindly(key(id), change, by, writeId, ifMatch);
          return { value: decode(stored), changed: true, replayed: false };
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
          const old = error.old as Stored | undefined;
          if (old === undefined) throw missing();
          if (wrote(old, writeId)) return { value: decode(old), changed: true, replayed: false };
          current = old;
        }
        if (tries > 1) await backOff(tries);
      }
      throw new AppError("unavailable", `${noun} is changed by too many at once; try again`);
    });

  const existing = async (id: string): Promise<Stored> => {
    const stored = await readStored(id);
    if (stored === undefined) throw missing();
    return stored;
  };

  /** Writes the next version over the one that was read. Throws `ConditionFailed`. */
  const replace = async (current: Stored, change: Change, by: By, writeId: string) => {
    const next: Stored = {
      ...current,
      ...change.set,
      ...change.note,
      ...Object.fromEntries(
        Object.entries(change.add ?? {}).map(([name, n]) => [name, Number(current[name]) + n]),
      ),
      ...stamp(by),
      version: current.version + 1,
      writes: [writeId, ...current.writes.slice(0, REMEMBERED_WRITES - 1)],
    };
    const overRead = {
      Item: next,
      ConditionExpression: "version = :version",
      ExpressionAttributeValues: { ":version": current.version },
    };
    const steps: Step[] = [
      { write: { Put: overRead }, refused: (old) => new ConditionFailed(old) },
      ...(change.steps ?? []),
      ...Idempotency.steps(by, 0, 1, decode(next), next.writes),
    ];
    try {
      if (steps.length === 1) await put(overRead);
      else await transact(steps.map(({ write }) => write));
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
      if (!wasApplied(error, writeId)) throw firstRefusal(steps, error.failed);
    }
    return next;
  };

  /**
   * Deletes a record together with what `company` names, and leaves a tombstone: it says who
   * deleted it, and keeps its last version from being used again.
   */
  const remove = (
    id: string,
    by: By,
    ifMatch: readonly number[] | undefined,
    company: (current: Stored, writeId: string) => Step[] | Promise<Step[]> = () => [],
  ): Promise<Outcome<null>> =>
    Idempotency.once(by, async () => {
      const done = { value: null, changed: true, replayed: false };
      const writeId = newId();
      for (let tries = 1; tries <= MAX_TRIES; tries++) {
        const current = await readStored(id);
        if (current === undefined) {
          // A try of ours may have deleted it although its reply was lost.
          if (tries > 1 && wrote(await read(tombstoneKey(id)), writeId)) return done;
          throw missing();
        }
        if (ifMatch && !ifMatch.includes(current.version)) throw stale(current);
        const steps: Step[] = [
          ...burial(current, by, writeId),
          ...(await company(current, writeId)),
          ...Idempotency.steps(by, 0, 1, null, [writeId]),
        ];
        try {
          await transact(steps.map(({ write }) => write));
          return done;
        } catch (error) {
          if (!(error instanceof Cancelled)) throw error;
          if (wasApplied(error, writeId)) return done;
          const refusal = firstRefusal(steps, error.failed);
          if (!(refusal instanceof ConditionFailed)) throw refusal;
        }
        if (tries > 1) await backOff(tries);
      }
      throw new AppError("unavailable", `${noun} is changed by too many at once; try again`);
    });

  /** The two writes that delete the version that was read. */
  const burial = (current: Stored, by: By, writeId: string): Step[] => [
    {
      write: {
        Delete: {
          Key: { pk: current.pk, sk: current.sk },
          ConditionExpression: "version = :version",
          ExpressionAttributeValues: { ":version": current.version },
        },
      },
      refused: (old) => new ConditionFailed(old),
    },
    {
      write: {
        Put: {
          Item: {
            ...tombstoneKey(current.sk),
            ...stamp(by),
            version: current.version + 1,
            writes: [writeId],
            ...(tombstoneSeconds && {
              expiresAt: Math.floor(Date.parse(by.at) / 1000) + tombstoneSeconds,
            }),
          },
        },
      },
      refused: () => new Error("a tombstone has no condition"),
    },
  ];

  return {
    decode,
    tombstoneKey,
    draft,
    create,
    createAll,
    update,
    remove,
    burial,
    readStored,
    find: async (id: string): Promise<T | undefined> => {
      const stored = await readStored(id);
      return stored && decode(stored);
    },
    /** Throws the kind's `…_not_found`, `unavailable`. */
    get: async (id: string): Promise<T> => decode(await existing(id)),
    /** All records in the order of their ids, strongly consistent. */
    list: async (query: List) => {
      const lanes = Array.from({ length: shardCount() }, (_, shard) => `${kind}#${shard}`);
      return decoded(await merged(lanes, query), decode);
    },
    /** The records of one gsi1 partition in the order of their ids; a moment behind. */
    listBy: async (gsi1pk: string, query: List) => decoded(await single(gsi1pk, query), decode),
  };
}

const decoded = <T>(
  page: { items: Attributes[]; next: string | undefined },
  decode: (s: Stored) => T,
) => ({
  items: page.items.map((item) => decode(item as Stored)),
  next: page.next,
});

const alone = (error: unknown) =>
  error instanceof ConditionFailed ? new Map([[0, error.old]]) : undefined;

function firstRefusal(steps: readonly Step[], failed: Cancelled["failed"]): Error {
  for (const [index, old] of failed) {
    const step = steps[index];
    if (step) return step.refused(old);
  }
  return new Error("a cancelled transaction has a refused write");
}

const differs = (current: Stored, { set = {}, add = {} }: Change): boolean =>
  Object.entries(set).some(([name, value]) => current[name] !== value) ||
  Object.values(add).some((n) => n !== 0);

/**
 * One conditional update, without having read the record. Write ids move one place down: the right
 * sides of SET all see the item as it was.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
 */
async function updateBlindly(
  Key: Key,
  { set = {}, add = {}, note = {}, expect = [] }: Change,
  by: By,
  writeId: string,
  ifMatch: readonly number[] | undefined,
): Promise<Stored> {
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

  const assign: string[] = ["version = version + :one"];
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
  for (const [attribute, by_] of Object.entries(add)) {
    const path = name(attribute);
    assign.push(`${path} = ${path} + ${value(by_)}`);
  }
  for (const [attribute, to] of Object.entries({ ...note, ...stamp(by) })) {
    if (to === undefined) drop.push(name(attribute));
    else assign.push(`${name(attribute)} = ${value(to)}`);
  }
  for (let i = REMEMBERED_WRITES - 1; i > 0; i--) assign.push(`writes[${i}] = writes[${i - 1}]`);
  assign.push("writes[0] = :writeId");

  const conditions = ["attribute_exists(pk)", "NOT contains(writes, :writeId)"];
  if (ifMatch) conditions.push(`version IN (${ifMatch.map(value).join(", ")})`);
  for (const [attribute, operator, than] of expect) {
    const path = name(attribute);
    conditions.push(
      operator === "absent"
        ? `attribute_not_exists(${path})`
        : `${path} ${operator} ${value(than)}`,
    );
  }
  if (unlike.length > 0 && Object.keys(add).length === 0) {
    conditions.push(`(${unlike.join(" OR ")})`); // else there is nothing to write
  }

  return (await updateItem({
    Key,
    UpdateExpression: `SET ${assign.join(", ")}${drop.length > 0 ? ` REMOVE ${drop.join(", ")}` : ""}`,
    ConditionExpression: conditions.join(" AND "),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  })) as Stored;
}
