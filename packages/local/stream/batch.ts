/**
 * Batches of one shard: how they are cut, and how one is retried, bisected and discarded. Each record
 * is processed or discarded in order, and none is skipped.
 */

import { MAX_PAYLOAD } from "@stockwire/gateway/lambda";
import type { BatchResult } from "../batch-item-failures.ts";
import type { StreamRecord } from "./record.ts";

/** Why records are discarded, in Lambda's words. */
export type Condition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

/** How a batch is processed. An error that `checkpoint`, `discard` or `pause` throws ends it. */
export interface Processing {
  invoke(records: readonly StreamRecord[]): Promise<BatchResult>;
  /** All records up to this one are processed or discarded. */
  checkpoint(last: StreamRecord): Promise<void>;
  discard(
    records: readonly StreamRecord[],
    condition: Condition,
    attempts: number,
    error?: unknown,
  ): Promise<void>;
  /** Waits before the next attempt; `attempts` have failed in a row. */
  pause(attempts: number): Promise<void>;
  maximumRetryAttempts: number; // -1: until the records are too old
  maximumRecordAgeSeconds: number; // -1: any age
  bisectBatchOnFunctionError: boolean;
  now: () => number; // epoch milliseconds
}

type Batch = readonly StreamRecord[];

/**
 * Processes a batch until each of its records is processed or discarded, in order. A failing batch is
 * split without a pause and without counting an attempt: at the first record that the function
 * reports, else into halves, until a poison record is alone in its batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export async function processBatch(batch: Batch, processing: Processing): Promise<void> {
  const { bisectBatchOnFunctionError: bisect, maximumRetryAttempts: retries } = processing;
  const pending = [batch]; // a stack: the earliest records are on top
  let attempts = 0; // failed in a row, of the batch on top
  for (let next = pending.pop(); next; next = pending.pop()) {
    const expired = tooOld(next, processing);
    if (expired.length > 0) await discard(expired, "RecordAgeExceeded", attempts, processing);
    const records = next.slice(expired.length);
    if (records.length === 0) {
      attempts = 0;
      continue;
    }
    const result = await processing.invoke(records);
    const first = firstFailure(result, records);
    if (first > 0) await checkpoint(records.slice(0, first), processing);
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
      await discard(failed, "RetryAttemptsExhausted", attempts, processing, error);
      attempts = 0;
    } else {
      await processing.pause(attempts);
      pending.push(failed);
    }
  }
}

/** Cuts records into batches of at most `size` records that fit into the payload of one invocation. */
export function* batches(records: Batch, size: number): Generator<Batch> {
  let batch: StreamRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const added = Buffer.byteLength(JSON.stringify(record)) + 1; // and a comma
    if (batch.length === size || (batch.length > 0 && bytes + added > MAX_PAYLOAD - ENVELOPE)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += added;
  }
  if (batch.length > 0) yield batch;
}

const ENVELOPE = Buffer.byteLength('{"Records":[]}');

/** The index of the first failed record; the number of records if none has failed. */
function firstFailure(result: BatchResult, records: Batch): number {
  if ("error" in result) return 0;
  const first = records.findIndex((record) => result.failed.has(record.dynamodb.SequenceNumber));
  return first < 0 ? records.length : first;
}

/** The records at the beginning of a batch that exceed the maximum age. */
function tooOld(records: Batch, { maximumRecordAgeSeconds: limit, now }: Processing): Batch {
  if (limit < 0) return [];
  const oldest = now() / 1000 - limit;
  const young = records.findIndex((one) => one.dynamodb.ApproximateCreationDateTime >= oldest);
  return young < 0 ? records : records.slice(0, young);
}

async function discard(
  records: Batch,
  condition: Condition,
  attempts: number,
  processing: Processing,
  error?: unknown,
): Promise<void> {
  // The dead letter first: after a crash in between, the records are delivered again, not lost.
  await processing.discard(records, condition, attempts, error);
  await checkpoint(records, processing);
}

async function checkpoint(records: Batch, processing: Processing): Promise<void> {
  const last = records.at(-1);
  if (last) await processing.checkpoint(last);
}
