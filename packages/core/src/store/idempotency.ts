import { createHash } from "node:crypto";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import { type Attributes, ConditionFailed, type Key, put, read } from "./dynamodb.ts";
import type { Writer, IdempotentRequest, Outcome, Step } from "./write.ts";

/**
 * Idempotency keys. A key's record commits in the transaction of its effect: after any crash a
 * retry finds both or neither. Nothing is read ahead; a retry meets the record when it commits, or
 * when it fails or finds nothing to do.
 */

const KEPT_SECONDS = 24 * 60 * 60;
const CONDITION = "attribute_not_exists(pk) OR expiresAt <= :now";

interface Kept extends Attributes {
  fingerprint: string;
  answer: string; // JSON: { value } or { problem }
  expiresAt: number; // epoch seconds
}

const epochSeconds = (writer: Writer) => Math.floor(Date.parse(writer.at) / 1000);

/** Entries of a batch have records of their own; a space can't stand in a caller's key. */
const entryKey = (key: string, index: number, count: number) =>
  count === 1 ? key : `${key} ${index}`;

/** The same writer, for one entry of a batch: its effect and its record are its own. */
export const forEntry = (writer: Writer, index: number, count: number): Writer =>
  writer.idempotency === undefined
    ? writer
    : {
        ...writer,
        idempotency: { ...writer.idempotency, key: entryKey(writer.idempotency.key, index, count) },
      };

/** The caller is hashed, so that no name can run into the key that follows it. */
const rowKey = (writer: Writer, key: string): Key => ({
  pk: `IDEMPOTENCY#${createHash("sha256").update(writer.actor).digest("base64url")}#${key}`,
  sk: "IDEMPOTENCY",
});

const row = (
  writer: Writer,
  request: IdempotentRequest,
  key: string,
  answer: Attributes,
  writeId: string,
) => ({
  Item: {
    ...rowKey(writer, key),
    fingerprint: request.fingerprint,
    answer: JSON.stringify(answer),
    expiresAt: epochSeconds(writer) + KEPT_SECONDS,
    lastWrite: writeId,
  },
  ConditionExpression: CONDITION,
  ExpressionAttributeValues: { ":now": epochSeconds(writer) },
});

/** Thrown by the step when the key has been used: by this request's twin or by another request. */
class Used extends Error {}

/** The write that keeps `value` under the request's key; none without a key. */
export function steps(
  writer: Writer,
  index: number,
  count: number,
  value: unknown,
  writeId: string,
): Step[] {
  if (writer.idempotency === undefined) return [];
  const key = entryKey(writer.idempotency.key, index, count);
  return [
    {
      write: { Put: row(writer, writer.idempotency, key, { value }, writeId) },
      refused: () => new Used("this key has been used"),
    },
  ];
}

/** Keeps a refusal as the answer of one entry of a batch whose other entries had an effect. */
export async function storeRefusal(writer: Writer, problem: Attributes): Promise<void> {
  if (writer.idempotency === undefined) return;
  try {
    await put(row(writer, writer.idempotency, writer.idempotency.key, { problem }, newId()));
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
  }
}

/** A refusal that was kept: answered again as it was. */
export class StoredRefusal extends Error {
  readonly problem: Attributes;
  constructor(problem: Attributes) {
    super("the entry was refused before");
    this.problem = problem;
  }
}

/** Runs a verb once per key. Throws `idempotency_key_reused` and what the verb throws. */
export async function once<T>(
  writer: Writer,
  verb: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const [outcome] = await onceAll(writer, 1, async () => [await verb()]);
  if (outcome === undefined) throw new Error("a verb has an outcome");
  return outcome;
}

/** Runs a verb with `count` outcomes, all or none of them new. */
export async function onceAll<T>(
  writer: Writer,
  count: number,
  verb: () => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> {
  const { idempotency } = writer;
  if (idempotency === undefined) return verb();
  let outcomes: Outcome<T>[] | undefined;
  let failure: unknown;
  try {
    outcomes = await verb();
    if (outcomes.some(({ changed }) => changed)) return outcomes;
  } catch (error) {
    if (!(error instanceof AppError || error instanceof Used)) throw error;
    failure = error;
  }
  const kept = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      find<T>(writer, entryKey(idempotency.key, index, count)),
    ),
  );
  const replayed = kept.filter((outcome) => outcome !== undefined);
  if (replayed.length === count) return replayed;
  if (outcomes) return outcomes;
  throw failure instanceof Used ? reused() : failure;
}

const reused = () =>
  new AppError("idempotency_key_reused", "This Idempotency-Key belongs to another request");

async function find<T>(writer: Writer, key: string): Promise<Outcome<T> | undefined> {
  const kept = (await read(rowKey(writer, key))) as Kept | undefined;
  if (kept === undefined || kept.expiresAt <= epochSeconds(writer)) return undefined;
  if (kept.fingerprint !== writer.idempotency?.fingerprint) throw reused();
  const answer = JSON.parse(kept.answer) as { value: T; problem?: Attributes };
  if (answer.problem) throw new StoredRefusal(answer.problem);
  return { value: answer.value, changed: true, replayed: true };
}
