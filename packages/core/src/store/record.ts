import {
  withRememberedWrite,
  type RecordUpdate,
  hasEffect,
  initialWriteIds,
  canSkipTransaction,
  nextVersion,
  type UpdateBuilder,
  putIfUnchanged,
  writerAttributes,
  type Stored,
  updateExpression,
  wasWrittenBy,
} from "./update-expression.ts";
import { AppError, type Code } from "../error.ts";
import { newId } from "../id.ts";
import * as Idempotency from "./idempotency.ts";
import { indexPage, type PageRequest, mergedPage } from "./pagination.ts";
import {
  type Attributes,
  backOff,
  TransactionCancelled,
  ConditionFailed,
  type Key,
  put,
  read,
  readAll,
  shardCount,
  transact,
  update as updateItem,
} from "./dynamodb.ts";
import { type Writer, deadlineOf, type Outcome, type Step } from "./write.ts";

/** A record before its first write, with what must be written beside it. */
export interface NewRecord {
  stored: Stored;
  steps: readonly Step[];
}

/** Waits for rivals of one record, or throws `unavailable` once the request's time is up. */
export async function waitBeforeRetry(writer: Writer, tries: number): Promise<void> {
  if (Date.now() > deadlineOf(writer)) {
    throw new AppError("unavailable", "Too many change this at once; try again");
  }
  if (tries > 1) await backOff(tries);
}

/** Whether an item that refused shows that this very transaction went through before. */
export const wasApplied = ({ failed }: TransactionCancelled, writeId: string): boolean =>
  failed.values().some((item) => wasWrittenBy(item, writeId));

/** FNV-1a: spreads ids that differ only in time. */
export function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount();
}

/** A record in a transaction is not as it was taken to be; `old` is what it is, if it is there. */
export class StaleRecord extends Error {
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
export function recordStore<T>({ kind, notFound, noun, decode, tombstoneSeconds }: Options<T>) {
  const key = (id: string): Key => ({ pk: `${kind}#${shardOf(id)}`, sk: id });
  const tombstoneKey = (id: string): Key => ({ pk: `TOMBSTONE#${kind}#${id}`, sk: "TOMBSTONE" });
  /** Where an id can come back, its tombstone is written over: each deletion has an item as well. */
  const deletionKey = (id: string, version: number): Key =>
    tombstoneSeconds === undefined
      ? { pk: `TOMBSTONE#${kind}#${id}`, sk: `DELETION#${version}` }
      : tombstoneKey(id);
  const notFoundError = () => new AppError(notFound, `${noun} not found`);
  const preconditionFailed = ({ version }: Stored) =>
    new AppError("precondition_failed", `${noun} has changed since`, {
      members: { currentVersion: version },
    });
  const readStored = async (id: string) => (await read(key(id))) as Stored | undefined;

  /** A new record, and the steps that go with it. */
  const newRecord = (
    id: string,
    attributes: Attributes,
    writer: Writer,
    steps: NewRecord["steps"] = [],
  ): NewRecord => ({
    stored: {
      ...attributes,
      ...key(id),
      version: 1,
      createdAt: writer.at,
      ...writerAttributes(writer),
      ...initialWriteIds(newId()),
    },
    steps,
  });

  const createStep = ({ stored }: NewRecord): Step => ({
    write: { Put: { Item: stored, ConditionExpression: "attribute_not_exists(pk)" } },
    refused: (old) => preconditionFailed(old as Stored),
  });

  /** Stores drafts together, all or none; one draft without company is a plain put. */
  const createAll = (drafts: readonly NewRecord[], writer: Writer): Promise<Outcome<T>[]> =>
    Idempotency.onceAll(writer, drafts.length, async () => {
      const values = drafts.map(({ stored }) => decode(stored));
      const parts = drafts.map((each, index) => [
        createStep(each),
        ...each.steps,
        ...Idempotency.steps(writer, index, drafts.length, values[index], each.stored.lastWrite),
      ]);
      const steps = parts.flat();
      const [first] = steps;
      try {
        if (steps.length === 1 && first && "Put" in first.write) await put(first.write.Put);
        else await transact(writesOf(steps), deadlineOf(writer));
      } catch (error) {
        const refused = error instanceof TransactionCancelled ? error.failed : single(error);
        if (refused === undefined) throw error;
        const applied = refused
          .values()
          .some((old) => drafts.some(({ stored }) => wasWrittenBy(old, stored.lastWrite)));
        if (!applied) throw refusalAmong(parts, refused);
      }
      return values.map((value) => ({ value, changed: true, replayed: false }));
    });

  const create = async (each: NewRecord, writer: Writer): Promise<Outcome<T>> => {
    const [outcome] = await createAll([each], writer);
    if (outcome === undefined) throw new Error("a draft has an outcome");
    return outcome;
  };

  /** Throws the kind's `…_not_found`, `precondition_failed`, `unavailable`, and what `plan` throws. */
  const update = (
    id: string,
    writer: Writer,
    ifMatch: readonly number[] | undefined,
    plan: UpdateBuilder,
  ): Promise<Outcome<T>> =>
    Idempotency.once(writer, async () => {
      // An answer that is kept with its key must be known before it is written.
      let current = writer.idempotency && (await existing(id));
      for (let tries = 1; ; tries++) {
        const writeId = newId();
        if (current && ifMatch && !ifMatch.includes(current.version))
          throw preconditionFailed(current);
        let change = plan(current);
        if (change === undefined) {
          current = await existing(id);
          if (ifMatch && !ifMatch.includes(current.version)) throw preconditionFailed(current);
          change = plan(current) ?? {};
        }
        if (current && !hasEffect(current, change)) {
          return { value: decode(current), changed: false, replayed: false };
        }
        try {
          const stored =
            current === undefined ||
            (change.conditions && !writer.idempotency && canSkipTransaction(current))
              ? await updateAlone(id, change, writer, writeId, ifMatch)
              : await replace(current, change, writer, writeId);
          return { value: decode(stored), changed: true, replayed: false };
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
          const old = error.old as Stored | undefined;
          if (old === undefined) throw notFoundError();
          if (wasWrittenBy(old, writeId))
            return { value: decode(old), changed: true, replayed: false };
          current = old;
        }
        await waitBeforeRetry(writer, tries);
      }
    });

  const existing = async (id: string): Promise<Stored> => {
    const stored = await readStored(id);
    if (stored === undefined) throw notFoundError();
    return stored;
  };

  /** Updates the record under what the change expects. Throws `ConditionFailed`. */
  const updateAlone = async (
    id: string,
    change: RecordUpdate,
    writer: Writer,
    writeId: string,
    ifMatch: readonly number[] | undefined,
  ) => {
    const options = { remember: true, ifMatch };
    return (await updateItem(
      updateExpression(key(id), change, writer, writeId, options),
    )) as Stored;
  };

  /** Writes the next version over the one that was read. Throws `ConditionFailed`. */
  const replace = async (
    current: Stored,
    change: RecordUpdate,
    writer: Writer,
    writeId: string,
  ) => {
    const next = nextVersion(current, change, writer, writeId);
    const steps: Step[] = [
      { write: { Put: putIfUnchanged(current, next) }, refused: (old) => new ConditionFailed(old) },
      ...(change.steps ?? []),
      ...Idempotency.steps(writer, 0, 1, decode(next), writeId),
    ];
    if (steps.length === 1 && canSkipTransaction(current)) {
      const remembered = withRememberedWrite(next);
      await put(putIfUnchanged(current, remembered));
      return remembered;
    }
    try {
      await transact(writesOf(steps), deadlineOf(writer));
    } catch (error) {
      if (!(error instanceof TransactionCancelled)) throw error;
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
    writer: Writer,
    ifMatch: readonly number[] | undefined,
    extraSteps: (current: Stored, writeId: string) => Step[] | Promise<Step[]> = () => [],
  ): Promise<Outcome<null>> =>
    Idempotency.once(writer, async () => {
      const done = { value: null, changed: true, replayed: false };
      const writeId = newId();
      for (let tries = 1; ; tries++) {
        const current = await readStored(id);
        if (current === undefined) {
          // A try of ours may have deleted it although its reply was lost.
          if (tries > 1 && wasWrittenBy(await read(tombstoneKey(id)), writeId)) return done;
          throw notFoundError();
        }
        if (ifMatch && !ifMatch.includes(current.version)) throw preconditionFailed(current);
        const steps: Step[] = [
          ...deleteSteps(current, writer, writeId),
          ...(await extraSteps(current, writeId)),
          ...Idempotency.steps(writer, 0, 1, null, writeId),
        ];
        try {
          await transact(writesOf(steps), deadlineOf(writer));
          return done;
        } catch (error) {
          if (!(error instanceof TransactionCancelled)) throw error;
          if (wasApplied(error, writeId)) return done;
          const refusal = firstRefusal(steps, error.failed);
          if (!(refusal instanceof ConditionFailed)) throw refusal;
        }
        await waitBeforeRetry(writer, tries);
      }
    });

  /**
   * A change of one record among others in a transaction: under what it expects, else over the
   * record as it was read. Refused, it throws `Outdated`.
   */
  const updateStep = (
    id: string,
    change: RecordUpdate,
    writer: Writer,
    writeId: string,
    current?: Stored,
  ): Step => ({
    write:
      current === undefined || change.conditions
        ? { Update: updateExpression(key(id), change, writer, writeId) }
        : { Put: putIfUnchanged(current, nextVersion(current, change, writer, writeId)) },
    refused: (old) => new StaleRecord(id, old as Stored | undefined),
  });

  /** The writes that delete the version that was read. */
  const deleteSteps = (current: Stored, writer: Writer, writeId: string): Step[] => [
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
          tombstone(tombstoneKey(current.sk), current, writer, writeId),
          tombstone(
            deletionKey(current.sk, current.version + 1),
            current,
            writer,
            writeId,
            DELETION_SECONDS,
          ),
        ]
      : [tombstone(tombstoneKey(current.sk), current, writer, writeId, tombstoneSeconds)]),
  ];

  const tombstone = (
    at: Key,
    { version }: Stored,
    writer: Writer,
    writeId: string,
    seconds?: number,
  ): Step => ({
    write: {
      Put: {
        Item: {
          ...at,
          ...writerAttributes(writer),
          version: version + 1,
          lastWrite: writeId,
          ...(seconds && { expiresAt: Math.floor(Date.parse(writer.at) / 1000) + seconds }),
        },
      },
    },
    refused: () => new Error("a tombstone has no condition"),
  });

  return {
    kind,
    notFound,
    decode,
    tombstoneKey,
    /** Who deleted the record as which version, and when; undefined if nothing tells any more. */
    deletion: async (id: string, version: number): Promise<Attributes | undefined> => {
      const found = await read(deletionKey(id, version));
      return found?.["version"] === version ? found : undefined;
    },
    newRecord,
    create,
    createAll,
    update,
    remove,
    deleteSteps,
    updateStep,
    preconditionFailed,
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
    list: async (query: PageRequest) => {
      const lanes = Array.from({ length: shardCount() }, (_, shard) => `${kind}#${shard}`);
      return decoded(await mergedPage(lanes, query), decode);
    },
    /** The records of gsi1 partitions in the order of its sort keys; a moment behind. */
    listBy: async (partitions: string | string[], query: PageRequest) =>
      decoded(await indexPage([partitions].flat(), query), decode),
  };
}

/** Why the step at this place of a transaction was refused. */
export const errorOfStep = (
  steps: readonly Step[],
  index: number,
  old: Attributes | undefined,
): Error => steps[index]?.refused(old) ?? new Error("a refused write has a step");

function firstRefusal(steps: readonly Step[], failed: TransactionCancelled["failed"]): Error {
  for (const [index, old] of failed) return errorOfStep(steps, index, old);
  return new Error("a cancelled transaction has a refused write");
}

/** Long enough for any change log to have read it. */
const DELETION_SECONDS = 90 * 24 * 60 * 60;

/** The first refusal, which says of which of several drafts it is. */
function refusalAmong(parts: readonly Step[][], failed: TransactionCancelled["failed"]): Error {
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
