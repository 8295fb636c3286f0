/**
 * The SQS queue for work that one invocation cannot do: deliveries to more connections than it sends
 * to, the rest of a long replay, and what must happen at a later time.
 */

import { openQueue, type Queue } from "@stockwire/core/aws/queue";
import type { Delivery } from "@stockwire/core/live/fan-out";
import type { Replay } from "@stockwire/core/live/subscription";
import { config } from "../runtime.ts";

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
const BATCH = 10; // messages
/** Bytes of one batch. SQS takes 1 MiB, and took 256 KiB until August 2025. */
const BATCH_BYTES = 256 * 1024;
/** The longest delay of a message. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const MAX_DELAY = 900; // seconds

/** The rest of the answer to a subscribe frame. */
export interface PendingReplay {
  connectionId: string;
  /** The `id` of the subscribe frame. */
  replyTo?: string | undefined;
  rest: Replay;
}

/** The check of a connection when its token has expired. */
export interface TokenEnd {
  connectionId: string;
  /** The end that the message was sent for, in epoch ms. */
  authExpiresAt: number;
}

/** A message of the queue. */
export type QueueMessage = Delivery | { replay: PendingReplay } | { tokenEnd: TokenEnd };

/** Opens a queue by its URL; undefined if it has none. */
export const queueOf = (url: string | undefined): Queue | undefined =>
  url === undefined
    ? undefined
    : openQueue({ url, region: config.AWS_REGION, endpoint: config.AWS_ENDPOINT_URL_SQS });

const queue = queueOf(config.DELIVERY_QUEUE_URL);

/** Sends deliveries to the queue, each as a message; undefined if no queue is configured. */
export const enqueue =
  queue &&
  (async (deliveries: readonly Delivery[]): Promise<void> => {
    for (const batch of batches(deliveries.map(messageBody))) {
      const refused = await queue.sendBatch(batch);
      if (refused > 0) throw new Error(`${refused} deliveries were not accepted by the queue`);
    }
  });

/**
 * Sends a message that arrives after `seconds`, or after the longest delay of the queue if that is
 * less. Undefined if no queue is configured.
 */
export const enqueueLater =
  queue &&
  (async (message: QueueMessage, seconds = 0): Promise<void> => {
    await queue.send(messageBody(message), Math.min(MAX_DELAY, Math.max(0, Math.ceil(seconds))));
  });

/**
 * Returns a value as the body of a message. SQS refuses two characters that JSON leaves as they are,
 * U+FFFE and U+FFFF, so they are escaped.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export const messageBody = (value: object): string =>
  JSON.stringify(value).replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff");

function* batches(bodies: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (batch.length === BATCH || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
