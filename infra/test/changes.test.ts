/** What invokes the functions `changes`, `deliver` and `sweep`. */

import { describe, expect, test } from "vitest";
import * as EventSources from "@stockwire/functions/event-sources";
import { all, one, stack, stages } from "./stack.ts";

describe.each(stages)("event sources of %s", (stage) => {
  const of = () => stack(stage);
  const arnOf = (queue: string) => {
    const { name } = one(of(), "sqs/queue", queue).inputs;
    return `arn:aws:sqs:us-east-1:123456789012:${name}`;
  };

  test("the stream invokes `changes` with the same settings as on the laptop, from the first record", () => {
    const { inputs } = one(
      of(),
      "lambda/eventSourceMapping",
      "DataSubscriberToLogEventSourceMapping",
    );
    expect(inputs).toMatchObject({
      functionName: `arn:aws:lambda:us-east-1:123456789012:function:stockwire-${stage}-changes:live`,
      startingPosition: "TRIM_HORIZON",
      batchSize: EventSources.stream.batchSize,
      maximumRetryAttempts: EventSources.stream.maximumRetryAttempts,
      maximumRecordAgeInSeconds: EventSources.stream.maximumRecordAgeSeconds,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
      destinationConfig: {
        onFailure: {
          destinationArn: `arn:aws:s3:::${one(of(), "s3/bucket", "FailedBatchesBucket").inputs["bucket"]}`,
        },
      },
    });
    expect(inputs["eventSourceArn"]).toMatch(/-DataTable-\w+\/stream\//);
  });

  test("the stream filter drops unique values, tombstones and idempotency records", () => {
    const { inputs } = one(
      of(),
      "lambda/eventSourceMapping",
      "DataSubscriberToLogEventSourceMapping",
    );
    const patterns = inputs["filterCriteria"].filters.map(({ pattern }: { pattern: string }) =>
      JSON.parse(pattern),
    );
    expect(patterns).toEqual([
      {
        dynamodb: {
          Keys: {
            pk: {
              // Written out: the list is derived from the resources, and must not change unseen.
              S: [
                { prefix: "USER#" },
                { prefix: "PRODUCT#" },
                { prefix: "INVENTORY#" },
                { prefix: "RESERVATION#" },
                { prefix: "ITEM#" },
              ],
            },
          },
        },
      },
    ]);
  });

  test("the delivery queue invokes `deliver`, three times at most per message", () => {
    const { inputs } = one(of(), "sqs/queue", "DeliveryQueue");
    expect(inputs["visibilityTimeoutSeconds"]).toBe(
      EventSources.delivery.visibilityTimeoutMs / 1000,
    );
    expect(JSON.parse(inputs["redrivePolicy"])).toEqual({
      deadLetterTargetArn: arnOf("DeliveryDeadLettersQueue"),
      maxReceiveCount: EventSources.delivery.maxReceiveCount,
    });
    const [mapping] = all(of(), "lambda/eventSourceMapping").filter(
      ({ inputs: each }) => each["eventSourceArn"] === arnOf("DeliveryQueue"),
    );
    expect(mapping?.inputs).toMatchObject({
      functionName: `arn:aws:lambda:us-east-1:123456789012:function:stockwire-${stage}-deliver:live`,
      batchSize: EventSources.delivery.batchSize,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: EventSources.delivery.maximumConcurrency },
    });
  });

  test("failed batches are kept for 90 days, in a bucket that is not public", () => {
    expect(
      one(of(), "s3/bucketLifecycleConfiguration", "FailedBatchesLifecycle").inputs["rules"],
    ).toEqual([{ id: "expire", status: "Enabled", expiration: { days: 90 } }]);
    const { inputs } = one(of(), "s3/bucketPublicAccessBlock", "FailedBatchesPublicAccessBlock");
    expect(inputs).toMatchObject({ blockPublicAcls: true, restrictPublicBuckets: true });
    const [policy, ...others] = all(of(), "s3/bucketPolicy");
    expect(others).toEqual([]);
    expect(policy?.inputs["policy"]).toContain('{"Bool":{"aws:SecureTransport":["false"]}}');
    expect(policy?.inputs["policy"]).not.toContain('"Allow"');
  });

  test("dead letters are kept for 14 days", () => {
    for (const name of ["StreamDeadLettersQueue", "DeliveryDeadLettersQueue"]) {
      expect(one(of(), "sqs/queue", name).inputs["messageRetentionSeconds"]).toBe(1_209_600);
    }
  });

  test("`sweep` runs once a minute", () => {
    expect(one(of(), "scheduler/schedule", "SweepEachMinuteSchedule").inputs).toMatchObject({
      scheduleExpression: "rate(1 minute)",
      state: "ENABLED",
      target: {
        arn: `arn:aws:lambda:us-east-1:123456789012:function:stockwire-${stage}-sweep:live`,
        retryPolicy: { maximumRetryAttempts: 0 },
      },
    });
  });
});
