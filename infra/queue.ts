import * as EventSources from "@stockwire/functions/event-sources";

/** Queues, and where that ends up which could not be worked off: kept as long as SQS keeps it. */

const FOURTEEN_DAYS = 14 * 24 * 60 * 60; // seconds

const deadLetters = (name: string) =>
  new sst.aws.Queue(name, {
    transform: { queue: { messageRetentionSeconds: FOURTEEN_DAYS, sqsManagedSseEnabled: true } },
  });

export const streamDeadLetters = deadLetters("StreamDeadLetters");
export const deliveryDeadLetters = deadLetters("DeliveryDeadLetters");

/** Frames for more connections than one call of a function posts to. */
export const deliveryQueue = new sst.aws.Queue("Delivery", {
  visibilityTimeout: `${EventSources.delivery.visibilityTimeoutMs / 1000} seconds`,
  dlq: { queue: deliveryDeadLetters.arn, retry: EventSources.delivery.maxReceiveCount },
  // A frame that is later than this is no news: its client has asked for what it missed.
  transform: { queue: { messageRetentionSeconds: 60 * 60, sqsManagedSseEnabled: true } },
});
