/**
 * The verbs that all resources share. A record's version grows by one with each change and is never
 * used twice, every write is conditional, and a write whose reply was lost is neither repeated nor
 * denied. Nothing scans.
 */

import { AppError, type Code } from "../error.ts";
import { newId } from "../id.ts";
import {
  type Attributes,
  type Key,
  put,
  read,
  readAll,
  shardCount,
  update as updateItem,
} from "./dynamodb.ts";
import { commitCreations, type Creation } from "./creation.ts";
import { ConditionFailed, ReplyLost } from "./retry.ts";
import * as Idempotency from "./idempotency.ts";
import { withLocks, withSharedLock } from "./lock.ts";
import { indexPage, mergedPage, type PageRequest } from "./pagination.ts";
import {
  hasEffect,
  nextVersion,
  putIfUnchanged,
  type RecordUpdate,
  type Stored,
  type UpdateBuilder,
  updateExpression,
  writerAttributes,
} from "./update-expression.ts";
import { initialRegister, mayBeEvicted, remembered, wasWrittenBy } from "./write-register.ts";
import {
  changed,
  commit,
  deadlineOf,
  type Outcome,
  type Step,
  unchanged,
  waitBeforeRetry,
  type Writer,
} from "./write.ts";

/** A record before its first write, and the writes that must commit with it. */
export interface NewRecord {
  stored: Stored;
  steps: readonly Step[];
}

/**
 * Returns the shard of an id, by the hash FNV-1a, which spreads ids that differ only in their time.
 * Without shards all new records of a resource would go to one partition of the table.
 */
export function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount();
}

/**
 * A record in a transaction is not as it was assumed to be. `old` is the record as it is now;
 * undefined if it does not exist.
 */
export class StaleRecord extends Error {
  readonly id: string;
  readonly old: Stored | undefined;
  constructor(id: string, old: Stored | undefined) {
    super(`record ${id} is not as this transaction assumed`);
    this.id = id;
    this.old = old;
  }
}

/** What an update has done in its turn of a record's lock. */
class Turn<T> {
  readonly outcome: Outcome<T>;
  /** The record after it, for the next turn; undefined if that should read it. */
  readonly stored: Stored | undefined;
  constructor(outcome: Outcome<T>, stored: Stored | undefined) {
    this.outcome = outcome;
    this.stored = stored;
  }
}

/** Long enough for every reader of the stream to have seen the deletion. */
const DELETION_SECONDS = 90 * 24 * 60 * 60;

interface Options<T> {
  kind: string; // prefix of the partition keys
  notFound: Code;
  name: string; // of the resource, in messages
  decode: (stored: Stored) => T;
  /**
   * Seconds after which a tombstone expires. Without it tombstones are kept: set it only where an
   * id cannot be created again, since the tombstone holds the last version that was used.
   */
  tombstoneSeconds?: number;
}

/** Returns the verbs of a resource whose records have keys `<kind>#<shard>` and the id. */
export function recordStore<T>({ kind, notFound, name, decode, tombstoneSeconds }: Options<T>) {
  const key = (id: string): Key => ({ pk: `${kind}#${shardOf(id)}`, sk: id });
  const tombstoneKey = (id: string): Key => ({ pk: `TOMBSTONE#${kind}#${id}`, sk: "TOMBSTONE" });
  /** An id that comes back has its tombstone overwritten, so each deletion has an item as well. */
  const deletionKey = (id: string, version: number): Key =>
    tombstoneSeconds === undefined
      ? { pk: `TOMBSTONE#${kind}#${id}`, sk: `DELETION#${version}` }
      : tombstoneKey(id);

  const notFoundError = () => new AppError(notFound, `${name} not found`);
  const preconditionFailed = ({ version }: Stored) =>
    new AppError("precondition_failed", `${name} has changed since`, {
      members: { currentVersion: version },
    });
  const assertMatch = (current: Stored, ifMatch: readonly number[] | undefined) => {
    if (ifMatch && !ifMatch.includes(current.version)) throw preconditionFailed(current);
  };

  const lock = (id: string) => `${kind} ${id}`;

  const readStored = async (id: string) => (await read(key(id))) as Stored | undefined;
  /** Returns the records that exist, of up to 100 ids and in their order. */
  const readAllStored = async (ids: readonly string[]) => (await readAll(ids.map(key))) as Stored[];
  const getStored = async (id: string): Promise<Stored> => {
    const stored = await readStored(id);
    if (stored === undefined) throw notFoundError();
    return stored;
  };

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
      ...initialRegister(newId()),
    },
    steps,
  });

  /** All that is written with a new record: the record, its steps, and the row of its key. */
  const creationOf = ({ stored, steps }: NewRecord, writer: Writer): Creation<T> => {
    const value = decode(stored);
    const Put = { Item: stored, ConditionExpression: "attribute_not_exists(pk)" };
    const conditionError = (old: Attributes | undefined) => preconditionFailed(old as Stored);
    return {
      value,
      writeId: stored.lastWrite,
      put: Put,
      tombstoneKey: tombstoneKey(stored.sk),
      steps: [
        { write: { Put }, conditionError },
        ...steps,
        ...Idempotency.steps(writer, value, stored.lastWrite),
      ],
    };
  };

  /** Throws `precondition_failed` if the id is taken, what the steps throw, and `unavailable`. */
  const create = (record: NewRecord, writer: Writer): Promise<Outcome<T>> =>
    Idempotency.once(writer, async () => {
      const creation = creationOf(record, writer);
      await commitCreations([creation], writer);
      return changed(creation.value);
    });

  /** Creates all or none. Throws as `create` does, with the member `index` of the first refused. */
  const createAll = (records: readonly NewRecord[], writer: Writer): Promise<Outcome<T>[]> =>
    Idempotency.onceAll(writer, records.length, async () => {
      const creations = records.map((record, index) =>
        creationOf(record, Idempotency.forEntry(writer, index)),
      );
      await commitCreations(creations, writer);
      return creations.map(({ value }) => changed(value));
    });

  /**
   * Changes a record. `ifMatch` lists the versions that may be changed. Throws the resource's
   * `…_not_found`, `precondition_failed`, `unavailable`, and what `build` throws.
   */
  const update = (
    id: string,
    writer: Writer,
    ifMatch: readonly number[] | undefined,
    build: UpdateBuilder,
  ): Promise<Outcome<T>> =>
    Idempotency.once(writer, async () => {
      let known: Stored | undefined;
      // The row of a key holds the answer, so the next version must be known before it is written.
      for (let tries = 1; !writer.idempotency && tries <= SHARED_TRIES; tries++) {
        const change = build(known);
        if (known && !hasEffect(known, change ?? {})) return unchanged(decode(known));
        if (change === undefined || (known && !isIndependent(change))) break;
        // Shared: changes that do not depend on a version do not refuse each other.
        const attempt = await withSharedLock(lock(id), writer, () =>
          tryUpdate(id, known, change, writer, ifMatch),
        );
        if (attempt.written) return changed(decode(attempt.written));
        known = attempt.current;
        assertMatch(known, ifMatch);
      }
      // In turn: otherwise each would be built from a version that another one has just replaced.
      const turn = await withLocks([lock(id)], writer, (earlier) => {
        const before = earlier.length > 0 ? leftBy(earlier, ifMatch, build) : known;
        return updateFromRecord(id, before, writer, ifMatch, build);
      });
      return turn.outcome;
    });

  /**
   * The record as the last turn of its lock has left it, which saves the read, if a change can be built
   * from it. Otherwise undefined: another process may have changed the record since, and only one that
   * is read now may refuse a change or make it needless.
   */
  const leftBy = (
    earlier: readonly unknown[],
    ifMatch: readonly number[] | undefined,
    build: UpdateBuilder,
  ): Stored | undefined => {
    const [last, ...others] = earlier;
    if (!(last instanceof Turn) || others.length > 0) return undefined;
    const { stored } = last as Turn<T>;
    if (!stored) return undefined;
    try {
      assertMatch(stored, ifMatch);
      return hasEffect(stored, build(stored) ?? {}) ? stored : undefined;
    } catch {
      return undefined;
    }
  };

  /** Changes a record, built from `known` or from the record as it is read. */
  const updateFromRecord = async (
    id: string,
    known: Stored | undefined,
    writer: Writer,
    ifMatch: readonly number[] | undefined,
    build: UpdateBuilder,
  ): Promise<Turn<T>> => {
    let current = known ?? (await getStored(id));
    for (let tries = 1; ; tries++) {
      assertMatch(current, ifMatch);
      const change = build(current) ?? {};
      if (!hasEffect(current, change)) return new Turn(unchanged(decode(current)), current);
      const attempt = await tryUpdate(id, current, change, writer, ifMatch);
      const { written } = attempt;
      // Where other processes write too, the next turn reads, so that one of them can be first.
      if (written) return new Turn(changed(decode(written)), tries === 1 ? written : undefined);
      ({ current } = attempt);
      await waitBeforeRetry(writer, tries);
    }
  };

  /**
   * Writes a change, built from `current` if that is given. Returns the record as written, or as it
   * is now if the change's conditions did not hold. Throws the resource's `…_not_found`, what the
   * steps throw, and `unavailable`.
   */
  const tryUpdate = async (
    id: string,
    current: Stored | undefined,
    change: RecordUpdate,
    writer: Writer,
    ifMatch: readonly number[] | undefined,
  ): Promise<{ written: Stored } | { written?: undefined; current: Stored }> => {
    const writeId = newId();
    try {
      const byConditions = current === undefined || (isIndependent(change) && !writer.idempotency);
      const written = byConditions
        ? await updateByConditions(id, change, writer, writeId, {
            ifMatch,
            notBefore: current?.updatedAt,
          })
        : await replace(current, change, writer, writeId);
      return { written };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const old = error.old as Stored | undefined;
      if (old === undefined) throw notFoundError();
      if (wasWrittenBy(old, writeId)) return { written: old }; // its reply was lost
      if (error.mayBeApplied && mayBeEvicted(old, writeId)) throw new ReplyLost(error);
      return { current: old };
    }
  };

  /** Writes a change if its conditions hold, in one round trip. Throws `ConditionFailed`. */
  const updateByConditions = async (
    id: string,
    change: RecordUpdate,
    writer: Writer,
    writeId: string,
    limits: { ifMatch: readonly number[] | undefined; notBefore: string | undefined },
  ) => {
    const expression = (remember: "first" | "repetition") =>
      updateExpression(key(id), change, writer, writeId, { remember, ...limits });
    // A first attempt cannot have been applied. So a record that is written often still costs one
    // unit and one call.
    const first = expression("first");
    const repetition = () => expression("repetition");
    const deadline = deadlineOf(writer);
    return (await updateItem(first, "Data", { repetition, deadline })) as Stored;
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
      {
        write: { Put: putIfUnchanged(current, next) },
        conditionError: (old) => new ConditionFailed(old),
      },
      ...(change.steps ?? []),
      ...Idempotency.steps(writer, decode(next), writeId),
    ];
    if (steps.length === 1) {
      const stored = remembered(next);
      await put(putIfUnchanged(current, stored), "Data", { deadline: deadlineOf(writer) });
      return stored;
    }
    const [refusal] = await commit(steps, writer, [writeId]);
    if (refusal) throw refusal.error;
    return next;
  };

  /**
   * Deletes a record, commits `extraSteps` with it, and leaves a tombstone. Throws the resource's
   * `…_not_found`, `precondition_failed`, `unavailable`, and what the steps throw.
   */
  const remove = (
    id: string,
    writer: Writer,
    ifMatch: readonly number[] | undefined,
    extraSteps: (current: Stored, writeId: string) => Step[] | Promise<Step[]> = () => [],
  ): Promise<Outcome<null>> =>
    Idempotency.once(writer, () =>
      withLocks([lock(id)], writer, async () => {
        const writeId = newId();
        for (let tries = 1; ; tries++) {
          const current = await readStored(id);
          if (current === undefined) {
            // An earlier attempt may have deleted the record although its reply was lost.
            if (tries > 1 && wasWrittenBy(await read(tombstoneKey(id)), writeId)) {
              return changed(null);
            }
            throw notFoundError();
          }
          assertMatch(current, ifMatch);
          const steps = [
            ...deleteSteps(current, writer, writeId),
            ...(await extraSteps(current, writeId)),
            ...Idempotency.steps(writer, null, writeId),
          ];
          const [refusal] = await commit(steps, writer, [writeId]);
          if (refusal === undefined) return changed(null);
          if (!(refusal.error instanceof ConditionFailed)) throw refusal.error;
          await waitBeforeRetry(writer, tries);
        }
      }),
    );

  /**
   * Returns the step that changes a record as part of a transaction: if the change's conditions
   * hold, or else over the version that was read. Its error is `StaleRecord`.
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
        ? {
            Update: updateExpression(key(id), change, writer, writeId, {
              notBefore: current?.updatedAt,
            }),
          }
        : { Put: putIfUnchanged(current, nextVersion(current, change, writer, writeId)) },
    conditionError: (old) => new StaleRecord(id, old as Stored | undefined),
  });

  /** Returns the steps that delete the version that was read. Their error is `ConditionFailed`. */
  const deleteSteps = (current: Stored, writer: Writer, writeId: string): Step[] => [
    {
      write: {
        Delete: {
          Key: { pk: current.pk, sk: current.sk },
          ConditionExpression: "version = :version",
          ExpressionAttributeValues: { ":version": current.version },
        },
      },
      conditionError: (old) => new ConditionFailed(old),
    },
    tombstoneStep(tombstoneKey(current.sk), current, writer, writeId, tombstoneSeconds),
    ...(tombstoneSeconds === undefined
      ? [
          tombstoneStep(
            deletionKey(current.sk, current.version + 1),
            current,
            writer,
            writeId,
            DELETION_SECONDS,
          ),
        ]
      : []),
  ];

  return {
    kind,
    notFound,
    decode,
    tombstoneKey,
    preconditionFailed,
    newRecord,
    create,
    createAll,
    update,
    updateStep,
    remove,
    deleteSteps,
    /** Undefined if the record does not exist. */
    readStored,
    /** Throws the resource's `…_not_found`. */
    getStored,
    /** The tombstone of a deleted version; undefined once it has expired. */
    tombstone: async (id: string, version: number): Promise<Attributes | undefined> => {
      const found = await read(deletionKey(id, version));
      return found?.["version"] === version ? found : undefined;
    },
    find: async (id: string): Promise<T | undefined> => {
      const stored = await readStored(id);
      return stored && decode(stored);
    },
    readAllStored,
    /** Returns the records that exist, of up to 100 ids and in their order. */
    findAll: async (ids: readonly string[]): Promise<T[]> => (await readAllStored(ids)).map(decode),
    /** Throws the resource's `…_not_found`, `unavailable`. */
    get: async (id: string): Promise<T> => decode(await getStored(id)),
    /** One page of all records in the order of their ids, strongly consistent. */
    list: async (page: PageRequest) => {
      const shards = Array.from({ length: shardCount() }, (_, shard) => `${kind}#${shard}`);
      return decoded(await mergedPage(shards, page), decode);
    },
    /** One page of gsi1 partitions in the order of its sort keys; the index may be behind. */
    listByIndex: async (partitions: readonly string[], page: PageRequest) =>
      decoded(await indexPage(partitions, page), decode),
  };
}

/** Attempts of a change that does not depend on a version, before it waits for its turn. */
const SHARED_TRIES = 2;

/** True if the change is allowed whenever its conditions hold, whatever the version is. */
const isIndependent = ({ conditions, steps = [] }: RecordUpdate): boolean =>
  conditions !== undefined && steps.length === 0;

/** What a record's deletion leaves: who deleted it, when, and its last version. */
const tombstoneStep = (
  at: Key,
  { version, updatedAt }: Stored,
  writer: Writer,
  writeId: string,
  seconds: number | undefined,
): Step => ({
  write: {
    Put: {
      Item: {
        ...at,
        ...writerAttributes(writer, updatedAt),
        version: version + 1,
        lastWrite: writeId,
        ...(seconds && { expiresAt: Math.floor(Date.parse(writer.at) / 1000) + seconds }),
      },
    },
  },
});

const decoded = <T>(
  { items, next }: { items: Attributes[]; next: string | undefined },
  decode: (stored: Stored) => T,
) => ({ items: items.map((item) => decode(item as Stored)), next });
