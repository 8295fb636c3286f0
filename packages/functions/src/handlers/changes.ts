import { type NewChange, fromImages } from "@stockwire/core/changes/change";
import { append } from "@stockwire/core/changes/log";
import { deliver } from "@stockwire/core/live/fan-out";
import { AppError } from "@stockwire/core/error";
import { setTimeout as pause } from "node:timers/promises";
import { enqueue } from "../live/delivery-queue.ts";
import { enableCursors, log, measure } from "../runtime.ts";

enableCursors();

/** A batch of stream records of the table Data. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
interface Event {
  Records: readonly StreamRecord[];
}

type Image = Parameters<typeof fromImages>[0];

interface StreamRecord {
  eventID?: string;
  dynamodb?: {
    SequenceNumber?: string;
    ApproximateCreationDateTime?: number; // epoch seconds
    OldImage?: Image;
    NewImage?: Image;
  };
}

interface Result {
  batchItemFailures: { itemIdentifier: string }[];
}

/** Ms that a batch may wait for a slow store or for the head of a feed; less than the timeout. */
const PATIENCE = 45_000;

/**
 * Appends the batch to the change log, then delivers it to subscribers. Append before delivering, so
 * that clients never see a change that is not in the log. The log does not wait for delivery: a
 * delivery that fails is counted and logged, and clients read those changes from the log.
 *
 * A record that cannot be read is reported alone, after the records before it are in the log. Only
 * such a record may reach the dead-letter queue, by its age: retries are not limited, since a store
 * that does not answer is no fault of a record. It throws then, and Lambda repeats the batch.
 */
export async function handler({ Records }: Event): Promise<Result> {
  const deadline = Date.now() + PATIENCE;
  const entries: NewChange[] = [];
  const batchItemFailures: Result["batchItemFailures"] = [];
  for (const { dynamodb, eventID } of Records) {
    try {
      const { OldImage, NewImage } = dynamodb ?? {};
      const entry = await onceAvailable(deadline, () => fromImages(OldImage, NewImage));
      if (entry) entries.push(entry);
    } catch (error) {
      if (isUnavailable(error)) throw error; // a fault of the store
      log.error("stream record", error, { eventID });
      batchItemFailures.push({ itemIdentifier: dynamodb?.SequenceNumber ?? "" });
      break;
    }
  }
  if (entries.length === 0) return { batchItemFailures };
  const logged = await onceAvailable(deadline, () => append(entries, deadline));
  const ChangeLag = lagOf(Records);
  const { sent, gone, failed, queued } = await delivered(logged);
  log.info("changes", {
    records: Records.length,
    ...measure({
      Changes: logged.length,
      ...(ChangeLag !== undefined && { ChangeLag }),
      Delivered: sent,
      Gone: gone,
      Failed: failed,
      Queued: queued,
    }),
  });
  return { batchItemFailures };
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof AppError && error.code === "unavailable";

async function onceAvailable<T>(deadline: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      await pause(200 + Math.random() * 300);
    }
  }
}

/** Ms since the first record of the batch was written. */
function lagOf([first]: Event["Records"]): number | undefined {
  const written = first?.dynamodb?.ApproximateCreationDateTime;
  return written === undefined ? undefined : Math.max(0, Date.now() - written * 1000);
}
