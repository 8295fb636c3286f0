/** The delivery queue, and the queues for dead letters, which keep them as long as SQS allows. */

import { delivery } from "@stockwire/functions/event-sources";

const FOURTEEN_DAYS = 14 * 24 * 60 * 60; // seconds

const deadLetters = (name: string) =>
  new sst.aws.Queue(name, {
    transform: { queue: { messageRetentionSeconds: FOURTEEN_DAYS, sqsManagedSseEnabled: true } },
  });

export const streamDeadLetters = deadLetters("StreamDeadLetters");
export const deliveryDeadLetters = deadLetters("DeliveryDeadLetters");

/** Frames for more connections than one invocation can send to. */
export const deliveryQueue = new sst.aws.Queue("Delivery", {
  visibilityTimeout: `${delivery.visibilityTimeoutMs / 1000} seconds`,
  dlq: { queue: deliveryDeadLetters.arn, retry: delivery.maxReceiveCount },
  // After an hour a frame is useless: its client has noticed the gap and read the changes.
  transform: { queue: { messageRetentionSeconds: 60 * 60, sqsManagedSseEnabled: true } },
});
