/**
 * Does the work of the delivery queue: sends the parts of a fan-out that has too many connections for
 * the function `changes` alone, continues long replays, and closes connections whose token has expired.
 */

import { delivery } from "@stockwire/functions/event-sources";
import { lambda } from "./function.ts";
import { queued, sending } from "./live.ts";
import { deliveryQueue } from "./queue.ts";
import { settingsOf } from "./stage.ts";

export const handler = lambda("deliver", {
  description: "Sends queued frames to live connections",
  timeout: `${delivery.timeoutMs / 1000} seconds`,
  cursors: true,
  environment: { ...sending.environment, ...queued.environment },
  reserved: settingsOf($app.stage).reservedConcurrency > 0 ? delivery.maximumConcurrency : 0,
  permissions: [
    ...sending.permissions,
    ...queued.permissions,
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
      resources: [deliveryQueue.arn],
    },
  ],
});

deliveryQueue.subscribe(handler.target, {
  batch: { size: delivery.batchSize, partialResponses: true },
  transform: {
    eventSourceMapping: { scalingConfig: { maximumConcurrency: delivery.maximumConcurrency } },
  },
});
