/** The dead-letter queue of the stream, for records that no attempt can read or append. */

import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { config } from "../runtime.ts";
import { createSqsClient, messageBody } from "./delivery-queue.ts";

const { STREAM_DEAD_LETTERS_URL: QueueUrl } = config;
/**
 * Bytes of a record in a dead letter, so that the letter fits a message. A larger one is named by its
 * keys. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MAX_RECORD_BYTES = 1000 * 1024; // a message has 1 MiB
const MAX_ERROR = 1_000; // characters

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
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: messageBody(letter) }));
  return true;
}
