/** The dead-letter queue of the stream, for records that no attempt can read or append. */

import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { config } from "../runtime.ts";
import { createSqsClient } from "./delivery-queue.ts";

const { STREAM_DEAD_LETTERS_URL: QueueUrl } = config;
/** Bytes of a record in a dead letter; SQS takes 256 KiB. A larger one is named by its keys. */
const MAX_RECORD_BYTES = 200 * 1024;

const sqs = QueueUrl === undefined ? undefined : createSqsClient();

interface StreamRecord {
  eventID?: string | undefined;
  dynamodb?: { SequenceNumber?: string; Keys?: unknown } | undefined;
}

/**
 * Sends a stream record with its error to the dead-letter queue. Resolves to false if no queue is
 * configured. Rejects if the queue does not take it.
 */
export async function sendDeadLetter(record: StreamRecord, cause: unknown): Promise<boolean> {
  if (sqs === undefined) return false;
  const { eventID, dynamodb: { SequenceNumber, Keys } = {} } = record;
  const fits = Buffer.byteLength(JSON.stringify(record)) <= MAX_RECORD_BYTES;
  const letter = {
    requestContext: { condition: "UnreadableRecord" },
    timestamp: new Date().toISOString(),
    responsePayload: {
      errorType: cause instanceof Error ? cause.name : "Error",
      errorMessage: cause instanceof Error ? cause.message : String(cause),
    },
    payload: { Records: [fits ? record : { eventID, dynamodb: { SequenceNumber, Keys } }] },
  };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(letter) }));
  return true;
}
