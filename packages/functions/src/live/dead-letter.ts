/** The dead-letter queue of the stream, for records that no attempt can read or append. */

import { config } from "../runtime.ts";
import { messageBody, queueOf } from "./delivery-queue.ts";

/**
 * Bytes of a record in a dead letter, so that the letter fits a message. A larger one is named by its
 * keys. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MAX_RECORD_BYTES = 1000 * 1024; // a message has 1 MiB
const MAX_ERROR = 1_000; // characters

const queue = queueOf(config.STREAM_DEAD_LETTERS_URL);

interface StreamRecord {
  eventID?: string | undefined;
  dynamodb?: { SequenceNumber?: string; Keys?: unknown } | undefined;
}

/**
 * Sends a stream record with its error to the dead-letter queue. Resolves to false if no queue is
 * configured. Rejects if the queue does not take it.
 */
export async function sendDeadLetter(record: StreamRecord, cause: unknown): Promise<boolean> {
  if (queue === undefined) return false;
  const { eventID, dynamodb: { SequenceNumber, Keys } = {} } = record;
  const fits = Buffer.byteLength(messageBody(record)) <= MAX_RECORD_BYTES;
  const letter = {
    requestContext: { condition: "UnreadableRecord" },
    timestamp: new Date().toISOString(),
    responsePayload: {
      errorType: cause instanceof Error ? cause.name : "Error",
      errorMessage: (cause instanceof Error ? cause.message : String(cause)).slice(0, MAX_ERROR),
    },
    payload: { Records: [fits ? record : { eventID, dynamodb: { SequenceNumber, Keys } }] },
  };
  await queue.send(messageBody(letter));
  return true;
}
