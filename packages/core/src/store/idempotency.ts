/**
 * Idempotency keys. A key's row holds the answer and commits in the transaction of the effect, so
 * that after any crash a retry finds both or neither. The key is not read first: a repeated request
 * runs into the row when it commits, or looks it up when it is refused or finds nothing to change.
 * Every request has a row under the key itself, so that a key never serves two requests. A batch
 * whose entries commit separately writes that row first.
 */

import { createHash } from "node:crypto";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import { type Attributes, type Key, put, read } from "./dynamodb.ts";
import { ConditionFailed } from "./retry.ts";
import type { IdempotentRequest, Outcome, Step, Writer } from "./write.ts";

type KeyedWriter = Writer & { idempotency: IdempotentRequest };

const isKeyed = (writer: Writer): writer is KeyedWriter => writer.idempotency !== undefined;

const KEPT_SECONDS = 24 * 60 * 60;

interface Row extends Attributes {
  fingerprint: string;
  answer: string; // JSON: { value }, { problem }, or { entries } for the row of a batch
  lastWrite: string;
  expiresAt: number; // epoch seconds
}

const epochSeconds = (writer: Writer) => Math.floor(Date.parse(writer.at) / 1000);

/** A key that no caller can send: theirs contain no space. */
const withKey = (writer: KeyedWriter, ...parts: readonly (string | number)[]): Writer => ({
  ...writer,
  idempotency: {
    ...writer.idempotency,
    key: [writer.idempotency.key, ...parts].join(" "),
  },
});

/**
 * Returns the writer of one entry of an atomic batch. All entries commit together, each with a row
 * of its own, since one row could not hold all answers. The first entry has the row under the key
 * itself, which makes the whole transaction fail if another request has used the key.
 */
export const forEntry = (writer: Writer, index: number): Writer =>
  isKeyed(writer) && index > 0 ? withKey(writer, index) : writer;

/**
 * Binds the key to a batch of `count` entries that commit separately, before any of them does.
 * Returns the writers of the entries; each has a row of its own. Their keys contain the id of the
 * batch's row, so that rows of an earlier batch whose key has expired do not count. Throws
 * `idempotency_key_reused` if the key belongs to another request, and `unavailable`.
 */
export async function entryWriters(writer: Writer, count: number): Promise<Writer[]> {
  const all = Array.from({ length: count }, (_, index) => index);
  if (!isKeyed(writer)) return all.map(() => writer);
  const id = await bindBatch(writer, count);
  return all.map((index) => withKey(writer, id, index));
}

/** Returns the id of the batch's row; that of an earlier attempt if there is one. */
async function bindBatch(writer: KeyedWriter, count: number): Promise<string> {
  const id = newId();
  try {
    await put(putRow(writer, { entries: count }, id));
    return id;
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
    const row = error.old as Row;
    if (row.fingerprint !== writer.idempotency.fingerprint) throw keyReused();
    return row.lastWrite;
  }
}

/** The caller is hashed, so that no caller's name can run into the key that follows it. */
const keyOf = ({ actor, idempotency: { key } }: KeyedWriter): Key => ({
  pk: `IDEMPOTENCY#${createHash("sha256").update(actor).digest("base64url")}#${key}`,
  sk: "IDEMPOTENCY",
});

/** Puts the row unless there is one. TTL deletes late, so an expired row counts as absent. */
const putRow = (writer: KeyedWriter, answer: Attributes, writeId: string) => ({
  Item: {
    ...keyOf(writer),
    fingerprint: writer.idempotency.fingerprint,
    answer: JSON.stringify(answer),
    expiresAt: epochSeconds(writer) + KEPT_SECONDS,
    lastWrite: writeId,
  },
  ConditionExpression: "attribute_not_exists(pk) OR expiresAt <= :now",
  ExpressionAttributeValues: { ":now": epochSeconds(writer) },
});

/** The key has a row: of this same request, sent twice, or of another one. */
class KeyUsed extends Error {}

/** Returns the step that stores `value` as the answer to the request; none without a key. */
export const steps = (writer: Writer, value: unknown, writeId: string): Step[] =>
  isKeyed(writer)
    ? [
        {
          write: { Put: putRow(writer, { value }, writeId) },
          conditionError: () => new KeyUsed("this idempotency key has been used"),
        },
      ]
    : [];

/**
 * Stores the refusal of one entry of a batch in which other entries had an effect, so that a
 * repeated batch gets the same answer for each entry. A failure of the server is not stored: the
 * entry of a repeated batch is then tried again. Throws `unavailable`.
 */
export async function storeRefusal(
  writer: Writer,
  problem: Attributes & { status: number },
): Promise<void> {
  if (!isKeyed(writer) || problem.status >= 500) return;
  try {
    await put(putRow(writer, { problem }, newId()));
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error; // it is stored already
  }
}

/** A refusal that `storeRefusal` has stored; it is answered again unchanged. */
export class StoredRefusal extends Error {
  readonly problem: Attributes;
  constructor(problem: Attributes) {
    super("this entry was refused before");
    this.problem = problem;
  }
}

/**
 * Runs a verb once per key: a repeated request gets the stored answer. Throws
 * `idempotency_key_reused` if the key belongs to another request, and what the verb throws.
 */
export const once = <T>(writer: Writer, verb: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
  runOnce(writer, verb, ({ changed }) => changed, find<T>);

/**
 * The same for a verb with one outcome for each of `count` entries. The entries commit together, so
 * either all of them are stored answers or none is.
 */
export const onceAll = <T>(
  writer: Writer,
  count: number,
  verb: () => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> =>
  runOnce(
    writer,
    verb,
    (outcomes) => outcomes.some(({ changed }) => changed),
    async () => {
      const entries = Array.from({ length: count }, (_, index) => forEntry(writer, index));
      const stored = await Promise.all(entries.map((entry) => find<T>(entry)));
      const replayed = stored.filter((outcome) => outcome !== undefined);
      return replayed.length === count ? replayed : undefined;
    },
  );

/**
 * A verb that had an effect has stored its answer in the same transaction. In all other cases the
 * effect may be that of an earlier request with the same key, for example a delete that now finds
 * no record, so the stored answer takes precedence over the verb's result or refusal.
 */
async function runOnce<R extends object>(
  writer: Writer,
  verb: () => Promise<R>,
  hadEffect: (result: R) => boolean,
  storedResult: (writer: Writer) => Promise<R | undefined>,
): Promise<R> {
  if (!isKeyed(writer)) return verb();
  let result: R | undefined;
  let refusal: unknown;
  try {
    result = await verb();
    if (hadEffect(result)) return result;
  } catch (error) {
    if (!(error instanceof AppError || error instanceof KeyUsed)) throw error;
    refusal = error;
  }
  const stored = await storedResult(writer);
  if (stored !== undefined) return stored;
  if (result !== undefined) return result;
  throw refusal instanceof KeyUsed ? keyReused() : refusal;
}

const keyReused = () =>
  new AppError("idempotency_key_reused", "This Idempotency-Key belongs to another request");

/** Returns the stored answer. Throws `idempotency_key_reused`, `StoredRefusal`, `unavailable`. */
async function find<T>(writer: Writer): Promise<Outcome<T> | undefined> {
  if (!isKeyed(writer)) return undefined;
  const row = (await read(keyOf(writer))) as Row | undefined;
  if (row === undefined || row.expiresAt <= epochSeconds(writer)) return undefined;
  if (row.fingerprint !== writer.idempotency.fingerprint) throw keyReused();
  const answer = JSON.parse(row.answer) as { value: T; problem?: Attributes };
  if (answer.problem) throw new StoredRefusal(answer.problem);
  return { value: answer.value, changed: true, replayed: true };
}
