/**
 * The bucket for batches of the stream that Lambda has given up, and a dead letter for each. A bucket
 * gets the records themselves; a queue would get only their place in the stream, which keeps them for
 * 24 hours. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */

import { streamDeadLetters } from "./queue.ts";

export const failedBatches = new sst.aws.Bucket("FailedBatches", {
  cors: false,
  lifecycle: [{ id: "expire", expiresIn: "90 days" }],
});

// By EventBridge, because S3's own notifications begin with a test message, which would raise the
// alarm of the queue. https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
new aws.s3.BucketNotification("FailedBatchesEvents", {
  bucket: failedBatches.name,
  eventbridge: true,
});

const rule = new aws.cloudwatch.EventRule("FailedBatch", {
  name: `${$app.name}-${$app.stage}-failed-batch`,
  description: "A batch of the stream of Data has failed",
  eventPattern: $jsonStringify({
    source: ["aws.s3"],
    "detail-type": ["Object Created"],
    detail: { bucket: { name: [failedBatches.name] } },
  }),
});

const policy = new aws.sqs.QueuePolicy("StreamDeadLettersPolicy", {
  queueUrl: streamDeadLetters.url,
  policy: $jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: streamDeadLetters.arn,
        Condition: { ArnEquals: { "aws:SourceArn": rule.arn } },
      },
    ],
  }),
});

new aws.cloudwatch.EventTarget(
  "FailedBatchLetter",
  { rule: rule.name, targetId: "dead-letter", arn: streamDeadLetters.arn },
  { dependsOn: [policy] },
);
