/** The delivery queue, and the queues for dead letters, which keep them as long as SQS allows. */

import { delivery } from "@stockwire/functions/event-sources";

const FOURTEEN_DAYS = 14 * 24 * 60 * 60; // seconds

/** Called `<app>-<stage>-<name>`, without SST's random letters: the runbook names these queues. */
const deadLetters = (component: string, name: string) =>
  new sst.aws.Queue(component, {
    transform: {
      queue: {
        name: `${$app.name}-${$app.stage}-${name}`,
        messageRetentionSeconds: FOURTEEN_DAYS,
        sqsManagedSseEnabled: true,
      },
    },
  });

export const streamDeadLetters = deadLetters("StreamDeadLetters", "stream-dead-letters");
export const deliveryDeadLetters = deadLetters("DeliveryDeadLetters", "delivery-dead-letters");

/** Frames for more connections than one invocation can send to. */
export const deliveryQueue = new sst.aws.Queue("Delivery", {
  visibilityTimeout: `${delivery.visibilityTimeoutMs / 1000} seconds`,
  dlq: { queue: deliveryDeadLetters.arn, retry: delivery.maxReceiveCount },
  // After an hour a frame is useless: its client has noticed the gap and read the changes.
  transform: { queue: { messageRetentionSeconds: 60 * 60, sqsManagedSseEnabled: true } },
});
