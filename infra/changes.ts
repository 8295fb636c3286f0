import * as EventSources from "@stockwire/functions/event-sources";
import { lambda, onIndex, onTable } from "./function.ts";
import { posting } from "./live.ts";
import { deliveryQueue, streamDeadLetters } from "./queue.ts";
import { changes, data } from "./storage.ts";

const { stream, delivery } = EventSources;
const seconds = (ms: number) => `${ms / 1000} seconds` as const;

/** Data's stream → the change log → those who listen. */
export const appender = lambda("Append", "changes", {
  description: "Data's stream to the change log and to live connections",
  timeout: seconds(stream.timeoutMs),
  cursors: true,
  environment: { ...posting.environment, DELIVERY_QUEUE_URL: deliveryQueue.url },
  permissions: [
    ...posting.permissions,
    onTable(changes, "GetItem", "PutItem", "UpdateItem"),
    onTable(data, "GetItem"), // who deleted a record, by its tombstone
    {
      actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      resources: [data.nodes.table.streamArn],
    },
    { actions: ["dynamodb:ListStreams"], resources: [$interpolate`${data.arn}/stream/*`] },
    // The poller hands over dead letters in the function's name.
    { actions: ["sqs:SendMessage"], resources: [deliveryQueue.arn, streamDeadLetters.arn] },
  ],
});

data.subscribe("ToLog", appender.arn, {
  filters: [{ dynamodb: { Keys: { pk: { S: stream.announced.map((prefix) => ({ prefix })) } } } }],
  transform: {
    eventSourceMapping: {
      // What is written before the mapping is there is announced as well.
      startingPosition: "TRIM_HORIZON",
      batchSize: stream.batchSize,
      maximumRetryAttempts: stream.maximumRetryAttempts,
      maximumRecordAgeInSeconds: stream.maximumRecordAgeSeconds,
      bisectBatchOnFunctionError: stream.bisectBatchOnFunctionError,
      functionResponseTypes: ["ReportBatchItemFailures"],
      destinationConfig: { onFailure: { destinationArn: streamDeadLetters.arn } },
    },
  },
});

/** Parcels of large deliveries. */
export const deliverer = lambda("Post", "deliver", {
  description: "Frames of a large delivery to live connections",
  timeout: seconds(delivery.timeoutMs),
  environment: posting.environment,
  permissions: [
    ...posting.permissions,
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
      resources: [deliveryQueue.arn],
    },
  ],
});

deliveryQueue.subscribe(deliverer.arn, {
  batch: { size: delivery.batchSize, partialResponses: true },
  transform: {
    eventSourceMapping: { scalingConfig: { maximumConcurrency: delivery.maximumConcurrency } },
  },
});

/** Gives back each minute what expired reservations hold. */
export const sweeper = lambda("Sweep", "sweep", {
  description: "Expired reservations",
  timeout: "60 seconds",
  permissions: [onTable(data, "GetItem", "PutItem", "UpdateItem"), onIndex(data)],
});

new sst.aws.CronV2("SweepEachMinute", {
  schedule: "rate(1 minute)",
  function: sweeper.arn,
  // The next minute is the next try.
  retries: 0,
});
