import type { Condition } from "./batch.ts";
import type { StreamRecord } from "./record.ts";

/**
 * What an on-failure destination gets, in the form that has the records in it.
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
  /** What the function threw last; on AWS only letters of asynchronous calls say it. */
  responsePayload?: { errorType: string; errorMessage: string };
  payload: { Records: readonly StreamRecord[] };
}

interface GivenUp {
  records: readonly StreamRecord[];
  condition: Condition;
  attempts: number;
  error?: unknown;
  functionName: string;
  shardId: string;
  streamArn: string;
  now: number; // epoch milliseconds
}

export function streamDeadLetter(given: GivenUp): StreamDeadLetter {
  const { records, condition, attempts, error, functionName, shardId, streamArn } = given;
  const first = records[0]?.dynamodb;
  const last = records.at(-1)?.dynamodb;
  return {
    requestContext: {
      functionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
      condition,
      approximateInvokeCount: attempts,
    },
    version: "1.0",
    timestamp: new Date(given.now).toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: first?.SequenceNumber ?? "",
      endSequenceNumber: last?.SequenceNumber ?? "",
      approximateArrivalOfFirstRecord: instant(first?.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: instant(last?.ApproximateCreationDateTime),
      batchSize: records.length,
      streamArn,
    },
    ...(error !== undefined && { responsePayload: explain(error) }),
    payload: { Records: records },
  };
}

function instant(epochSeconds = 0): string {
  return new Date(epochSeconds * 1000).toISOString().replace(".000Z", "Z");
}

function explain(error: unknown): { errorType: string; errorMessage: string } {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message }
    : { errorType: "Error", errorMessage: String(error) };
}
