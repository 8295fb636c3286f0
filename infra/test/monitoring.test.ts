import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UNITS } from "@stockwire/functions/telemetry/metric";
import { root } from "./platform.ts";
import { all, one, stack, stages } from "./stack.ts";

interface Widget {
  properties: { title: string; metrics: string[][] };
}

describe.each(stages)("what watches over %s", (stage) => {
  const of = () => stack(stage);
  const alarms = () => all(of(), "cloudwatch/metricAlarm");
  const widgets = () => {
    const { inputs } = one(of(), "cloudwatch/dashboard", "Dashboard");
    return (JSON.parse(inputs["dashboardBody"]) as { widgets: Widget[] }).widgets;
  };
  const drawn = () => widgets().flatMap(({ properties }) => properties.metrics);

  test("S-296, S-297, S-298, S-299, S-300, S-301: HighErrorRate has the seeds' figures", () => {
    expect(one(of(), "cloudwatch/metricAlarm", "HighErrorRate").inputs).toMatchObject({
      name: `stockwire-${stage}-HighErrorRate`,
      namespace: "AWS/ApiGateway",
      metricName: "5xx",
      dimensions: { ApiId: "ApiApi-id" },
      statistic: "Sum",
      period: 300,
      evaluationPeriods: 1,
      threshold: 10,
      comparisonOperator: "GreaterThanThreshold",
    });
  });

  test("S-301, S-031, S-256, S-431: the alarms, each of which tells the topic and has its section", () => {
    expect(alarms().map(({ name }) => name)).toEqual([
      "DeliveryDeadLetters",
      "DeliveryErrors",
      "FunctionErrors",
      "FunctionThrottles",
      "HighErrorRate",
      "HighLatency",
      "LiveErrors",
      "StreamDeadLetters",
      "StreamLag",
      "SweepLag",
      "TableThrottles",
    ]);
    const runbook = readFileSync(join(root, "docs/runbook.md"), "utf8");
    for (const { name, inputs } of alarms()) {
      expect(inputs["alarmActions"]).toEqual([expect.stringMatching(/:sns:.*-AlarmsTopic/)]);
      expect(inputs["alarmDescription"]).toContain(`docs/runbook.md#${name.toLowerCase()}`);
      expect(runbook).toContain(`### ${name}\n`);
    }
  });

  test("S-301: latency, stream lag, dead letters, deliveries and the sweep have limits", () => {
    const inputs = (name: string) => one(of(), "cloudwatch/metricAlarm", name).inputs;
    expect(inputs("HighLatency")).toMatchObject({ extendedStatistic: "p95", threshold: 1_000 });
    expect(inputs("StreamLag")).toMatchObject({ metricName: "IteratorAge", threshold: 60_000 });
    expect(inputs("StreamDeadLetters")).toMatchObject({ threshold: 0, statistic: "Maximum" });
    expect(inputs("DeliveryErrors")).toMatchObject({ metricName: "Failed", threshold: 100 });
    expect(inputs("SweepLag")).toMatchObject({ threshold: 300, treatMissingData: "breaching" });
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    for (const { inputs: each } of alarms()) {
      expect((each["metricQueries"] ?? []).length).toBeLessThanOrEqual(11);
    }
  });

  test("S-008, S-290, S-291, S-292, S-293, S-294, S-310, S-355: the dashboard has each front's metrics", () => {
    const lines = drawn().map(([namespace, name]) => `${namespace} ${name}`);
    for (const name of ["Count", "4xx", "5xx", "Latency", "IntegrationLatency", "MessageCount"]) {
      expect(lines).toContain(`AWS/ApiGateway ${name}`);
    }
    for (const stat of ["p50", "p95", "p99"]) {
      expect(JSON.stringify(drawn())).toContain(`"stat":"${stat}"`);
    }
  });

  test("what is drawn and watched of ours is what the functions write", () => {
    const drawnOurs = drawn().flatMap(([namespace, name]) =>
      namespace === "Stockwire" ? name : [],
    );
    const watched = alarms().flatMap(({ inputs }) =>
      inputs["namespace"] === "Stockwire" ? [inputs["metricName"] as string] : [],
    );
    expect(watched.length).toBeGreaterThan(2);
    for (const name of [...drawnOurs, ...watched]) expect(Object.keys(UNITS)).toContain(name);
  });

  test("S-302, S-303, S-307: the saved queries read the functions' logs", () => {
    const queries = all(of(), "cloudwatch/queryDefinition");
    expect(queries.map(({ name }) => name)).toEqual([
      "Duration",
      "Errors",
      "OneRequest",
      "SlowRoutes",
    ]);
    expect(one(of(), "cloudwatch/queryDefinition", "Errors").inputs["queryString"]).toMatch(
      /filter @message like \/ERROR\/\n\| sort @timestamp desc/,
    );
    const duration = one(of(), "cloudwatch/queryDefinition", "Duration").inputs["queryString"];
    expect(duration).toMatch(/@duration.*\n\| stats avg\(ms\), max\(ms\), min\(ms\)/);
    for (const { inputs } of queries) {
      for (const group of inputs["logGroupNames"]) expect(group).toMatch(`stockwire-${stage}-`);
    }
  });

  test("S-257, S-305, S-309, S-340, S-345: X-Ray is an option", () => {
    const traced = JSON.stringify(all(of(), "iam/role")).includes("xray:PutTraceSegments");
    expect(traced).toBe(stage !== "dev");
  });
});

test("S-301: mail goes to the address that the account names", () => {
  expect(one(stack("production"), "sns/topicSubscription", "AlarmMail").inputs).toMatchObject({
    protocol: "email",
    endpoint: "ops@shop.example",
  });
  expect(all(stack("dev"), "sns/topicSubscription")).toEqual([]);
});
