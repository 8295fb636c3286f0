import {
  alone,
  type Revision,
  differs,
  firstWrite,
  mayGoAlone,
  nextOf,
  type Plan,
  putOver,
  stamp,
  type Stored,
  updateUnder,
  wrote,
} from "./update-expression.ts";
import { AppError, type Code } from "../error.ts";
import { newId } from "../id.ts";
import * as Idempotency from "./idempotency.ts";
import { indexed, type List, merged } from "./list.ts";
import {
  type Attributes,
  backOff,
  Cancelled,
  ConditionFailed,
  type Key,
  put,
  read,
  readAll,
  shardCount,
  transact,
  update as updateItem,
} from "./dynamodb.ts";
import { type By, deadlineOf, type Outcome, type Step } from "./write.ts";

/** A record before its first write, with what must be written beside it. */
export interface Draft {
  stored: Stored;
  steps: readonly Step[];
}

/** Waits for rivals of one record, or throws `unavailable` once the request's time is up. */
export async function again(by: By, tries: number): Promise<void> {
  if (Date.now() > deadlineOf(by)) {
    throw new AppError("unavailable", "Too many change this at once; try again");
  }
  if (tries > 1) await backOff(tries);
}

/** Whether an item that refused shows that this very transaction went through before. */
export const wasApplied = ({ failed }: Cancelled, writeId: string): boolean =>
  failed.values().some((item) => wrote(item, writeId));

/** FNV-1a: spreads ids that differ only in time. */
export function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount();
}

/** A record in a transaction is not as it was taken to be; `old` is what it is, if it is there. */
export class Outdated extends Error {
  readonly id: string;
  readonly old: Stored | undefined;
  constructor(id: string, old: Stored | undefined) {
    super("a record is not as it was taken to be");
    this.id = id;
    this.old = old;
  }
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
  /** Where an id can come back, its tombstone is written over: each deletion has an item as well. */
  const deletionKey = (id: string, version: number): Key =>
    tombstoneSeconds === undefined
      ? { pk: `TOMBSTONE#${kind}#${id}`, sk: `DELETION#${version}` }
      : tombstoneKey(id);
  const missing = () => new AppError(notFound, `${noun} not found`);
  const stale = ({ version }: Stored) =>
    new AppError("precondition_failed", `${noun} has changed since`, {
      members: { currentVersion: version },
    });
  const readStored = async (id: string) => (await read(key(id))) as Stored | undefined;

  /** A new record, and the steps that go with it. */
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
      ...firstWrite(newId()),
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
      const parts = drafts.map((each, index) => [
        opening(each),
        ...each.steps,
        ...Idempotency.steps(by, index, drafts.length, values[index], each.stored.lastWrite),
      ]);
      const steps = parts.flat();
      const [first] = steps;
      try {
        if (steps.length === 1 && first && "Put" in first.write) await put(first.write.Put);
        else await transact(writesOf(steps), deadlineOf(by));
      } catch (error) {
        const refused = error instanceof Cancelled ? error.failed : single(error);
        if (refused === undefined) throw error;
        const applied = refused
          .values()
          .some((old) => drafts.some(({ stored }) => wrote(old, stored.lastWrite)));
        if (!applied) throw refusalAmong(parts, refused);
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
      // An answer that is kept with its key must be known before it is written.
      let current = by.idempotency && (await existing(id));
      for (let tries = 1; ; tries++) {
        const writeId = newId();
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
          const stored =
            current === undefined || (change.expect && !by.idempotency && mayGoAlone(current))
              ? await updateAlone(id, change, by, writeId, ifMatch)
              : await replace(current, change, by, writeId);
          return { value: decode(stored), changed: true, replayed: false };
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
          const old = error.old as Stored | undefined;
          if (old === undefined) throw missing();
          if (wrote(old, writeId)) return { value: decode(old), changed: true, replayed: false };
          current = old;
        }
        await again(by, tries);
      }
    });

  const existing = async (id: string): Promise<Stored> => {
    const stored = await readStored(id);
    if (stored === undefined) throw missing();
    return stored;
  };

  /** Updates the record under what the change expects. Throws `ConditionFailed`. */
  const updateAlone = async (
    id: string,
    change: Revision,
    by: By,
    writeId: string,
    ifMatch: readonly number[] | undefined,
  ) => {
    const goes = { alone: true, ifMatch };
    return (await updateItem(updateUnder(key(id), change, by, writeId, goes))) as Stored;
  };

  /** Writes the next version over the one that was read. Throws `ConditionFailed`. */
  const replace = async (current: Stored, change: Revision, by: By, writeId: string) => {
    const next = nextOf(current, change, by, writeId);
    const steps: Step[] = [
      { write: { Put: putOver(current, next) }, refused: (old) => new ConditionFailed(old) },
      ...(change.steps ?? []),
      ...Idempotency.steps(by, 0, 1, decode(next), writeId),
    ];
    if (steps.length === 1 && mayGoAlone(current)) {
      const remembered = alone(next);
      await put(putOver(current, remembered));
      return remembered;
    }
    try {
      await transact(writesOf(steps), deadlineOf(by));
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
      for (let tries = 1; ; tries++) {
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
          ...Idempotency.steps(by, 0, 1, null, writeId),
        ];
        try {
          await transact(writesOf(steps), deadlineOf(by));
          return done;
        } catch (error) {
          if (!(error instanceof Cancelled)) throw error;
          if (wasApplied(error, writeId)) return done;
          const refusal = firstRefusal(steps, error.failed);
          if (!(refusal instanceof ConditionFailed)) throw refusal;
        }
        await again(by, tries);
      }
    });

  /**
   * A change of one record among others in a transaction: under what it expects, else over the
   * record as it was read. Refused, it throws `Outdated`.
   */
  const revision = (
    id: string,
    change: Revision,
    by: By,
    writeId: string,
    current?: Stored,
  ): Step => ({
    write:
      current === undefined || change.expect
        ? { Update: updateUnder(key(id), change, by, writeId) }
        : { Put: putOver(current, nextOf(current, change, by, writeId)) },
    refused: (old) => new Outdated(id, old as Stored | undefined),
  });

  /** The writes that delete the version that was read. */
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
    ...(tombstoneSeconds === undefined
      ? [
          stone(tombstoneKey(current.sk), current, by, writeId),
          stone(
            deletionKey(current.sk, current.version + 1),
            current,
            by,
            writeId,
            DELETION_SECONDS,
          ),
        ]
      : [stone(tombstoneKey(current.sk), current, by, writeId, tombstoneSeconds)]),
  ];

  const stone = (
    at: Key,
    { version }: Stored,
    by: By,
    writeId: string,
    seconds?: number,
  ): Step => ({
    write: {
      Put: {
        Item: {
          ...at,
          ...stamp(by),
          version: version + 1,
          lastWrite: writeId,
          ...(seconds && { expiresAt: Math.floor(Date.parse(by.at) / 1000) + seconds }),
        },
      },
    },
    refused: () => new Error("a tombstone has no condition"),
  });

  return {
    kind,
    decode,
    tombstoneKey,
    /** Who deleted the record as which version, and when; undefined if nothing tells any more. */
    deletion: async (id: string, version: number): Promise<Attributes | undefined> => {
      const found = await read(deletionKey(id, version));
      return found?.["version"] === version ? found : undefined;
    },
    draft,
    create,
    createAll,
    update,
    remove,
    burial,
    revision,
    stale,
    existing,
    readStored,
    find: async (id: string): Promise<T | undefined> => {
      const stored = await readStored(id);
      return stored && decode(stored);
    },
    /** Those of up to 100 that exist, in the order of the ids given. */
    findAll: async (ids: readonly string[]): Promise<T[]> =>
      (await readAll(ids.map(key))).map((stored) => decode(stored as Stored)),
    /** Throws the kind's `…_not_found`, `unavailable`. */
    get: async (id: string): Promise<T> => decode(await existing(id)),
    /** All records in the order of their ids, strongly consistent. */
    list: async (query: List) => {
      const lanes = Array.from({ length: shardCount() }, (_, shard) => `${kind}#${shard}`);
      return decoded(await merged(lanes, query), decode);
    },
    /** The records of gsi1 partitions in the order of its sort keys; a moment behind. */
    listBy: async (partitions: string | string[], query: List) =>
      decoded(await indexed([partitions].flat(), query), decode),
  };
}

/** Why the step at this place of a transaction was refused. */
export const refusalOf = (
  steps: readonly Step[],
  index: number,
  old: Attributes | undefined,
): Error => steps[index]?.refused(old) ?? new Error("a refused write has a step");

function firstRefusal(steps: readonly Step[], failed: Cancelled["failed"]): Error {
  for (const [index, old] of failed) return refusalOf(steps, index, old);
  return new Error("a cancelled transaction has a refused write");
}

/** Long enough for any change log to have read it. */
const DELETION_SECONDS = 90 * 24 * 60 * 60;

/** The first refusal, which says of which of several drafts it is. */
function refusalAmong(parts: readonly Step[][], failed: Cancelled["failed"]): Error {
  const refusal = firstRefusal(parts.flat(), failed);
  if (parts.length === 1 || !(refusal instanceof AppError)) return refusal;
  const [step = 0] = failed.keys();
  let index = 0;
  for (let passed = 0; passed + (parts[index]?.length ?? 0) <= step; index++) {
    passed += parts[index]?.length ?? 0;
  }
  const { code, message, errors, members } = refusal;
  return new AppError(code, message, { errors, members: { ...members, index } });
}

const writesOf = (steps: readonly Step[]) => steps.map(({ write }) => write);

const decoded = <T>(
  page: { items: Attributes[]; next: string | undefined },
  decode: (s: Stored) => T,
) => ({
  items: page.items.map((item) => decode(item as Stored)),
  next: page.next,
});

const single = (error: unknown) =>
  error instanceof ConditionFailed ? new Map([[0, error.old]]) : undefined;
