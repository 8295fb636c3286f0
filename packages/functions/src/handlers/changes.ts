import { type NewChange, fromImages } from "@stockwire/core/changes/change";
import { append } from "@stockwire/core/changes/log";
import { deliver } from "@stockwire/core/live/fan-out";
import { AppError } from "@stockwire/core/error";
import { setTimeout as pause } from "node:timers/promises";
import { signCursors } from "../cursor.ts";
import { enqueue } from "../live/delivery-queue.ts";
import { log, measure } from "../runtime.ts";

signCursors();

/** A batch of Data's stream, as an event source mapping hands it over. */
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

/** Ms in which a batch may wait for the store, or contend for the head of a feed. */
const PATIENCE = 45_000;

/**
 * Appends the batch to the change log, then tells those who listen. The other order would tell what
 * may never be in the log. A record that is none of ours fails alone: what stands before it is done,
 * and from it on the mapping tries again, halves, and at last hands it to the dead letters. A store
 * that does not answer is waited for: no change is given up for that as long as it can be helped.
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
      if (isUnavailable(error)) throw error; // no fault of the record
      log.error("stream record", error, { eventID });
      batchItemFailures.push({ itemIdentifier: dynamodb?.SequenceNumber ?? "" });
      break;
    }
  }
  if (entries.length === 0) return { batchItemFailures };
  const logged = await onceAvailable(deadline, () => append(entries, deadline));
  const ChangeLag = lagOf(Records);
  const { sent, gone, failed, queued } = await deliver(logged, { enqueue });
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

/** Ms since the first of these was written. */
function lagOf([first]: Event["Records"]): number | undefined {
  const written = first?.dynamodb?.ApproximateCreationDateTime;
  return written === undefined ? undefined : Math.max(0, Date.now() - written * 1000);
}
