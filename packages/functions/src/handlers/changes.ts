import { type NewChange, fromImages } from "@stockwire/core/changes/change";
import { append } from "@stockwire/core/changes/append";
import type { LoggedChange } from "@stockwire/core/changes/log-row";
import { deliver, type DeliveryCounts } from "@stockwire/core/live/fan-out";
import { AppError } from "@stockwire/core/error";
import { setTimeout as pause } from "node:timers/promises";
import { recordsOf } from "../event-sources.ts";
import { sendDeadLetter } from "../live/dead-letter.ts";
import { enqueue } from "../live/delivery-queue.ts";
import { enableCursors, log, measure } from "../runtime.ts";
import { logged } from "../telemetry/logged.ts";

enableCursors();

/** A batch of stream records of the table Data. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
interface Event {
  Records: readonly StreamRecord[];
  /** True if the records are from dead letters: what fails again is reported, not sent once more. */
  isRedrive?: boolean;
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
/** Ms that a batch waits for its delivery. With `PATIENCE` it is less than the timeout as well. */
const DELIVERY_PATIENCE = 10_000;

/**
 * Appends the batch to the change log, then delivers it to subscribers. Append before delivering, so
 * that clients never see a change that is not in the log. The log does not wait for delivery: a
 * delivery that fails is counted and logged, and clients read those changes from the log.
 *
 * A record that cannot be read or appended is sent to the dead-letter queue by this function, and the
 * batch continues with the next one. Lambda's own retries are not limited, since a store that does not
 * answer is not the fault of a record: the function throws then, and Lambda repeats the batch until the
 * records expire.
 */
export const handler = logged(log, async (event: Event): Promise<Result> => {
  const Records = recordsOf(event);
  const deadline = Date.now() + PATIENCE;
  const entries: NewChange[] = [];
  const batchItemFailures: Result["batchItemFailures"] = [];
  for (const record of Records) {
    const { dynamodb, eventID } = record;
    try {
      const { OldImage, NewImage } = dynamodb ?? {};
      const entry = await onceAvailable(deadline, () => fromImages(OldImage, NewImage));
      if (entry) entries.push(entry);
    } catch (error) {
      if (isUnavailable(error)) throw error; // a fault of the store
      log.error("stream record", error, { eventID });
      if (!event.isRedrive && (await sentToDeadLetters(record, error))) continue;
      batchItemFailures.push({ itemIdentifier: dynamodb?.SequenceNumber ?? "" });
      break;
    }
  }
  if (entries.length === 0) return { batchItemFailures };
  let appended: LoggedChange[];
  try {
    appended = await onceAvailable(deadline, () => append(entries, deadline));
  } catch (error) {
    // Lambda halves a batch that fails, until the record that cannot be appended is alone in it.
    const [record] = Records;
    const isAlone = Records.length === 1 && record !== undefined;
    if (isUnavailable(error) || event.isRedrive || !isAlone) throw error;
    log.error("append", error, { eventID: record.eventID });
    if (!(await sentToDeadLetters(record, error))) throw error;
    return { batchItemFailures };
  }
  const ChangeLag = lagOf(Records);
  const { sent, gone, failed, queued } = await delivered(appended);
  log.info("changes", {
    records: Records.length,
    ...measure({
      Changes: appended.length,
      ...(ChangeLag !== undefined && { ChangeLag }),
      Delivered: sent,
      Gone: gone,
      Failed: failed,
      Queued: queued,
    }),
  });
  return { batchItemFailures };
});

/** Sends a record to the dead letters. Resolves to false if it is not there, and must be repeated. */
async function sentToDeadLetters(record: StreamRecord, cause: unknown): Promise<boolean> {
  try {
    return await sendDeadLetter(record, cause);
  } catch (error) {
    log.error("dead letter", error, {});
    return false;
  }
}

const NOTHING_SENT: DeliveryCounts = { sent: 0, gone: 0, failed: 0, queued: 0 };

/**
 * Delivers changes that are in the log. A failure does not fail the batch: the changes would be
 * repeated, hold up those after them and end as dead letters. Clients see the gap and read the log.
 */
async function delivered(changes: readonly LoggedChange[]): Promise<DeliveryCounts> {
  const late = new AbortController();
  try {
    return await Promise.race([
      deliver(changes, { enqueue }),
      pause(DELIVERY_PATIENCE, undefined, { signal: late.signal }).then(() => {
        throw new Error("the delivery took too long");
      }),
    ]);
  } catch (error) {
    log.error("delivery", error, { changes: changes.length });
    return { ...NOTHING_SENT, failed: 1 };
  } finally {
    late.abort();
  }
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
