import { describe, expect, test } from "vitest";
import * as EventSources from "@stockwire/functions/event-sources";
import { all, one, stack, stages } from "./stack.ts";

describe.each(stages)("changes in %s", (stage) => {
  const of = () => stack(stage);
  const arnOf = (queue: string) => {
    const { name } = one(of(), "sqs/queue", queue).inputs;
    return `arn:aws:sqs:us-east-1:123456789012:${name}`;
  };

  test("the stream's records reach the log as on the laptop, from the first one on", () => {
    const { inputs } = one(
      of(),
      "lambda/eventSourceMapping",
      "DataSubscriberToLogEventSourceMapping",
    );
    expect(inputs).toMatchObject({
      functionName: expect.stringContaining("-AppendFunction-"),
      startingPosition: "TRIM_HORIZON",
      batchSize: EventSources.stream.batchSize,
      maximumRetryAttempts: EventSources.stream.maximumRetryAttempts,
      maximumRecordAgeInSeconds: EventSources.stream.maximumRecordAgeSeconds,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
      destinationConfig: { onFailure: { destinationArn: arnOf("StreamDeadLettersQueue") } },
    });
    expect(inputs["eventSourceArn"]).toMatch(/-DataTable-\w+\/stream\//);
  });

  test("guards, tombstones and idempotency records are filtered out", () => {
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

  test("large deliveries go through a queue, whose messages are tried three times", () => {
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
      functionName: expect.stringContaining("-PostFunction-"),
      batchSize: EventSources.delivery.batchSize,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: EventSources.delivery.maximumConcurrency },
    });
  });

  test("dead letters are kept for 14 days", () => {
    for (const name of ["StreamDeadLettersQueue", "DeliveryDeadLettersQueue"]) {
      expect(one(of(), "sqs/queue", name).inputs["messageRetentionSeconds"]).toBe(1_209_600);
    }
  });

  test("the sweep runs each minute", () => {
    expect(one(of(), "scheduler/schedule", "SweepEachMinuteSchedule").inputs).toMatchObject({
      scheduleExpression: "rate(1 minute)",
      state: "ENABLED",
      target: {
        arn: expect.stringContaining("-SweepFunction-"),
        retryPolicy: { maximumRetryAttempts: 0 },
      },
    });
  });
});
