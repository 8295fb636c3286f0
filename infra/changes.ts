/** Data's stream to the change log and its subscribers. The stream filter drops other records. */

import { stream } from "@stockwire/functions/event-sources";
import { lambda, onTable } from "./function.ts";
import { failedBatches } from "./failed-batch.ts";
import { sending } from "./live.ts";
import { deliveryQueue, streamDeadLetters } from "./queue.ts";
import { settingsOf } from "./stage.ts";
import { changes, data } from "./storage.ts";

export const handler = lambda("changes", {
  description: "Appends Data's stream to the change log and delivers the changes",
  timeout: `${stream.timeoutMs / 1000} seconds`,
  reserved: settingsOf($app.stage).reservedConcurrency,
  cursors: true,
  environment: {
    ...sending.environment,
    DELIVERY_QUEUE_URL: deliveryQueue.url,
    STREAM_DEAD_LETTERS_URL: streamDeadLetters.url,
  },
  permissions: [
    ...sending.permissions,
    onTable(changes, "GetItem", "PutItem", "UpdateItem"),
    onTable(data, "GetItem"), // a tombstone names the actor of a delete
    {
      actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      resources: [data.nodes.table.streamArn],
    },
    { actions: ["dynamodb:ListStreams"], resources: [$interpolate`${data.arn}/stream/*`] },
    { actions: ["sqs:SendMessage"], resources: [deliveryQueue.arn, streamDeadLetters.arn] },
    // Lambda writes failed batches with the permissions of this role.
    // https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    { actions: ["s3:PutObject"], resources: [$interpolate`${failedBatches.arn}/*`] },
    { actions: ["s3:ListBucket"], resources: [failedBatches.arn] },
  ],
});

data.subscribe("ToLog", handler.target, {
  filters: [{ dynamodb: { Keys: { pk: { S: stream.announced.map((prefix) => ({ prefix })) } } } }],
  transform: {
    eventSourceMapping: {
      // Includes the records that are written before the mapping exists.
      startingPosition: "TRIM_HORIZON",
      batchSize: stream.batchSize,
      maximumRetryAttempts: stream.maximumRetryAttempts,
      maximumRecordAgeInSeconds: stream.maximumRecordAgeSeconds,
      bisectBatchOnFunctionError: stream.bisectBatchOnFunctionError,
      functionResponseTypes: ["ReportBatchItemFailures"],
      destinationConfig: { onFailure: { destinationArn: failedBatches.arn } },
    },
  },
});
