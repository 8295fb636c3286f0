/**
 * Dead letters: what an event source mapping sends to its on-failure destination for records that
 * it discards. Nothing that a function failed to process disappears without one.
 */

import { appendFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createFolder } from "../folder.ts";
import type { Condition } from "./batch.ts";
import type { StreamRecord } from "./record.ts";

/**
 * A dead letter of a stream, in the form that contains the records themselves.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export interface StreamDeadLetter {
  requestContext: { functionArn: string; condition: Condition; approximateInvokeCount: number };
  version: "1.0";
  timestamp: string;
  DDBStreamBatchInfo: {
    shardId: string;
    startSequenceNumber: string;
    endSequenceNumber: string;
    approximateArrivalOfFirstRecord: string;
    approximateArrivalOfLastRecord: string;
    batchSize: number;
    streamArn: string;
  };
  /** The function's last error. AWS adds this member for asynchronous invocations only. */
  responsePayload?: { errorType: string; errorMessage: string };
  payload: { Records: readonly StreamRecord[] };
}

interface Discarded {
  records: readonly StreamRecord[];
  condition: Condition;
  attempts: number;
  error?: unknown;
  functionName: string;
  shardId: string;
  streamArn: string;
  now: number; // epoch milliseconds
}

/** Builds the dead letter of consecutive records of one shard. */
export function streamDeadLetter(discarded: Discarded): StreamDeadLetter {
  const { records, condition, attempts, error, functionName, shardId, streamArn } = discarded;
  const first = records[0]?.dynamodb;
  const last = records.at(-1)?.dynamodb;
  return {
    requestContext: {
      functionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
      condition,
      approximateInvokeCount: attempts,
    },
    version: "1.0",
    timestamp: new Date(discarded.now).toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: first?.SequenceNumber ?? "",
      endSequenceNumber: last?.SequenceNumber ?? "",
      approximateArrivalOfFirstRecord: instant(first?.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: instant(last?.ApproximateCreationDateTime),
      batchSize: records.length,
      streamArn,
    },
    ...(error !== undefined && { responsePayload: responsePayload(error) }),
    payload: { Records: records },
  };
}

function instant(epochSeconds = 0): string {
  return new Date(epochSeconds * 1000).toISOString().replace(".000Z", "Z");
}

function responsePayload(error: unknown): { errorType: string; errorMessage: string } {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message }
    : { errorType: "Error", errorMessage: String(error) };
}

/** The file of a server's dead letters, of the stream or of the delivery queue. */
export const deadLettersFile = (dataDir: string, queue: "stream" | "delivery"): string =>
  join(dataDir, "dead-letters", queue === "stream" ? "changes.jsonl" : "delivery.jsonl");

/** An on-failure destination that appends each dead letter to a file, as one line of JSON. */
export function deadLetterFile(file: string): (letter: object) => Promise<void> {
  return async (letter) => {
    await createFolder(dirname(file));
    await appendFile(file, `${JSON.stringify(letter)}\n`);
  };
}
