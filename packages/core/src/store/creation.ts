/**
 * Commits new records with what belongs to them. A lost reply never creates a record twice, nor again
 * after it was deleted.
 */

import { AppError } from "../error.ts";
import { type Key, put } from "./dynamodb.ts";
import { ConditionFailed, ReplyLost } from "./retry.ts";
import { commit, deadlineOf, type Step, type Writer } from "./write.ts";

/** All that is written with a new record. */
export interface Creation<T> {
  value: T;
  writeId: string;
  /** The record's own write, which is also the first of the steps. */
  put: Parameters<typeof put>[0];
  tombstoneKey: Key;
  steps: [Step, ...Step[]];
}

/**
 * Commits all creations or none. A record that needs no other write is a plain put, at half the cost
 * of a transaction. Throws what the steps throw, of several records with the member `index` of the first
 * that is refused, and `unavailable`.
 */
export async function commitCreations(
  creations: readonly Creation<unknown>[],
  writer: Writer,
): Promise<void> {
  const [first] = creations;
  const steps = creations.flatMap((creation) => creation.steps);
  if (first && steps.length === 1) return putAlone(first, writer);
  const writeIds = creations.map(({ writeId }) => writeId);
  const [refusal] = await commit(steps, writer, writeIds);
  if (refusal === undefined) return;
  const { error, index } = refusal;
  if (creations.length === 1 || !(error instanceof AppError)) throw error;
  const creationOfStep = creations.flatMap((creation, n) => creation.steps.map(() => n));
  const members = { ...error.members, index: creationOfStep[index] };
  throw new AppError(error.code, error.message, { errors: error.errors, members });
}

/** The id of a record that is created alone was never used before, but has a tombstone. */
class CreatedAndDeleted extends Error {}

/**
 * Puts a new record. After a lost reply the put is not repeated as it is: the record may have been
 * created, and deleted since, and the repetition would bring it back without a change in the log.
 * Since its id is new, a tombstone shows that.
 */
async function putAlone(creation: Creation<unknown>, writer: Writer): Promise<void> {
  const [step] = creation.steps;
  try {
    await put(creation.put, "Data", { deadline: deadlineOf(writer), repeatLost: false });
  } catch (error) {
    if (error instanceof ConditionFailed) throw step.conditionError?.(error.old) ?? error;
    if (!(error instanceof ReplyLost)) throw error;
    const notDeleted: Step = {
      write: {
        ConditionCheck: {
          Key: creation.tombstoneKey,
          ConditionExpression: "attribute_not_exists(pk)",
        },
      },
      conditionError: () => new CreatedAndDeleted(),
    };
    const refusals = await commit([step, notDeleted], writer, [creation.writeId]);
    if (refusals.some(({ error: refusal }) => refusal instanceof CreatedAndDeleted)) return;
    if (refusals[0]) throw refusals[0].error;
  }
}
