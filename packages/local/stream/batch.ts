import type { BatchResult } from "../batch-response.ts";
import { MAX_PAYLOAD } from "@stockwire/gateway/lambda";
import type { StreamRecord } from "./record.ts";

/** Why records are given up. */
export type Condition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

/** How a batch is delivered; what `done`, `discard` or `pause` throws ends the delivery. */
export interface Delivery {
  invoke(records: readonly StreamRecord[]): Promise<BatchResult>;
  /** All up to this record is handled. */
  done(last: StreamRecord): Promise<void>;
  discard(
    records: readonly StreamRecord[],
    condition: Condition,
    attempts: number,
    error?: unknown,
  ): Promise<void>;
  pause(attempts: number): Promise<void>;
  maximumRetryAttempts: number; // -1: until the records are too old
  maximumRecordAgeSeconds: number; // -1: any age
  bisectBatchOnFunctionError: boolean;
  now: () => number; // epoch milliseconds
}

type Batch = readonly StreamRecord[];

/**
 * Delivers a batch until each of its records is handled or given up, in order. A failing batch is
 * split without a pause and without counting an attempt: at the first record that the function
 * names, else in halves, so that a poison record stands alone in the end.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export async function deliver(batch: Batch, delivery: Delivery): Promise<void> {
  const { bisectBatchOnFunctionError: bisect, maximumRetryAttempts: retries } = delivery;
  const pending = [batch];
  let attempts = 0;
  for (let next = pending.pop(); next; next = pending.pop()) {
    const old = tooOld(next, delivery);
    if (old.length > 0) await giveUp(old, "RecordAgeExceeded", attempts, delivery);
    const records = next.slice(old.length);
    if (records.length === 0) {
      attempts = 0;
      continue;
    }
    const result = await delivery.invoke(records);
    const first = firstFailure(result, records);
    if (first > 0) await done(records.slice(0, first), delivery);
    const failed = records.slice(first);
    if (failed.length === 0 || first > 0) attempts = 0;
    if (failed.length === 0) continue;
    if (bisect && first > 0) {
      pending.push(failed);
      continue;
    }
    if (bisect && failed.length > 1) {
      const middle = Math.ceil(failed.length / 2);
      pending.push(failed.slice(middle), failed.slice(0, middle));
      attempts = 0;
      continue;
    }
    attempts++;
    if (retries >= 0 && attempts > retries) {
      const error = "error" in result ? result.error : undefined;
      await giveUp(failed, "RetryAttemptsExhausted", attempts, delivery, error);
      attempts = 0;
    } else {
      await delivery.pause(attempts);
      pending.push(failed);
    }
  }
}

/** Cuts records into batches that a function can be called with. */
export function* batches(records: Batch, size: number): Generator<Batch> {
  let batch: StreamRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const more = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (batch.length === size || (batch.length > 0 && bytes + more > MAX_PAYLOAD - ENVELOPE)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}

const ENVELOPE = Buffer.byteLength('{"Records":[]}');

/** The position of the first record that failed; the number of records if none did. */
function firstFailure(result: BatchResult, records: Batch): number {
  if ("error" in result) return 0;
  const first = records.findIndex((record) => result.failed.has(record.dynamodb.SequenceNumber));
  return first < 0 ? records.length : first;
}

function tooOld(records: Batch, { maximumRecordAgeSeconds: limit, now }: Delivery): Batch {
  if (limit < 0) return [];
  const oldest = now() / 1000 - limit;
  const young = records.findIndex((one) => one.dynamodb.ApproximateCreationDateTime >= oldest);
  return young < 0 ? records : records.slice(0, young);
}

async function giveUp(
  records: Batch,
  condition: Condition,
  attempts: number,
  delivery: Delivery,
  error?: unknown,
): Promise<void> {
  await delivery.discard(records, condition, attempts, error);
  await done(records, delivery);
}

async function done(records: Batch, delivery: Delivery): Promise<void> {
  const last = records.at(-1);
  if (last) await delivery.done(last);
}
