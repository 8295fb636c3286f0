/** Alarms, dashboard and saved queries. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UNITS } from "@stockwire/functions/telemetry/metric";
import { root } from "./platform.ts";
import { all, one, stack, stages } from "./stack.ts";

interface Widget {
  properties: { title: string; metrics: string[][] };
}

describe.each(stages)("monitoring of %s", (stage) => {
  const of = () => stack(stage);
  const alarms = () => all(of(), "cloudwatch/metricAlarm");
  const widgets = () => {
    const { inputs } = one(of(), "cloudwatch/dashboard", "Dashboard");
    return (JSON.parse(inputs["dashboardBody"]) as { widgets: Widget[] }).widgets;
  };
  const graphed = () => widgets().flatMap(({ properties }) => properties.metrics);

  test("HighErrorRate is raised by more than 10 answers with 5xx in five minutes", () => {
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

  test("each alarm notifies the topic and has a section in the runbook", () => {
    expect(alarms().map(({ name }) => name)).toEqual([
      "DeliveryDeadLetters",
      "DeliveryErrors",
      "FunctionErrors",
      "FunctionThrottles",
      "HighErrorRate",
      "HighLatency",
      "LiveErrors",
      ...(stage === "dev"
        ? []
        : ["PartnerErrors", "PartnerLatency", "PartnerQuota", "PartnerRejections"]),
      "StreamDeadLetters",
      "StreamLag",
      "SweepLag",
      "TableThrottles",
    ]);
    const runbook = readFileSync(join(root, "docs/runbook.md"), "utf8");
    for (const { name, inputs } of alarms()) {
      expect(inputs["alarmActions"]).toEqual([expect.stringMatching(/:sns:.*-AlarmsTopic/)]);
      expect(inputs["alarmDescription"]).toContain(`docs/runbook.md#${name.toLowerCase()}`);
      const section = new RegExp(`^### ${name}\n\n([^#]+)`, "m").exec(runbook)?.[1] ?? "";
      expect([name, section.length > 100]).toEqual([name, true]);
    }
  });

  test("latency, stream lag, dead letters, deliveries and the sweep have thresholds", () => {
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

  test("the Partner API's errors, refusals, waits and quotas have thresholds", () => {
    if (stage === "dev") return;
    const inputs = (name: string) => one(of(), "cloudwatch/metricAlarm", name).inputs;
    const ofApi = { ApiName: `stockwire-${stage}-partner`, Stage: "partner" };
    expect(inputs("PartnerErrors")).toMatchObject({
      metricName: "5XXError",
      dimensions: ofApi,
      threshold: 10,
    });
    expect(inputs("PartnerQuota")).toMatchObject({
      metricName: "PartnerQuotaExceeded",
      dimensions: { stage },
      threshold: 0,
    });
    const calculated = (name: string) => {
      const { metricQueries, threshold } = inputs(name);
      const [{ expression }, ...terms] = metricQueries;
      const named = terms.map(({ id, metric }: Record<string, Record<string, unknown>>) => {
        expect(metric?.["dimensions"]).toEqual(ofApi);
        return [id, metric?.["metricName"], metric?.["stat"]];
      });
      return [threshold, expression, ...named];
    };
    expect(calculated("PartnerRejections")).toEqual([
      50,
      "IF(requests >= 100, 100 * refused / requests, 0)",
      ["requests", "Count", "Sum"],
      ["refused", "4XXError", "Sum"],
    ]);
    expect(calculated("PartnerLatency")).toEqual([
      1_000,
      "total - integration",
      ["total", "Latency", "Average"],
      ["integration", "IntegrationLatency", "Average"],
    ]);
  });

  test("throttles of tables and of their indexes raise an alarm and have a graph", () => {
    const { metricQueries } = one(of(), "cloudwatch/metricAlarm", "TableThrottles").inputs;
    const watched = metricQueries.flatMap(({ metric }: { metric?: Record<string, unknown> }) =>
      metric ? [[metric["metricName"], metric["dimensions"]]] : [],
    );
    const lines = graphed().map(([, name, ...dimensions]) => [name, dimensions.slice(0, -1)]);
    for (const { inputs } of all(of(), "dynamodb/table")) {
      const indexes: { name: string }[] = inputs["globalSecondaryIndexes"] ?? [];
      for (const name of ["ReadThrottleEvents", "WriteThrottleEvents"]) {
        expect(watched).toContainEqual([name, { TableName: inputs["name"] }]);
        for (const index of indexes) {
          expect(watched).toContainEqual([
            name,
            { TableName: inputs["name"], GlobalSecondaryIndexName: index.name },
          ]);
          expect(lines).toContainEqual([
            name,
            ["TableName", inputs["name"], "GlobalSecondaryIndexName", index.name],
          ]);
        }
      }
    }
    expect(watched).toHaveLength(10);
  });

  test("the dashboard shows requests, errors and latency percentiles of both APIs", () => {
    const lines = graphed().map(([namespace, name]) => `${namespace} ${name}`);
    for (const name of ["Count", "4xx", "5xx", "Latency", "IntegrationLatency", "MessageCount"]) {
      expect(lines).toContain(`AWS/ApiGateway ${name}`);
    }
    for (const stat of ["p50", "p95", "p99"]) {
      expect(JSON.stringify(graphed())).toContain(`"stat":"${stat}"`);
    }
  });

  test("the dashboard shows the Partner API's requests, latency and cache where there is one", () => {
    const partner = graphed().flatMap(([namespace, name, dimension]) =>
      namespace === "AWS/ApiGateway" && dimension === "ApiName" ? name : [],
    );
    const latency = ["Latency", "Latency", "Latency"]; // p50, p95, p99
    const cache = ["CacheHitCount", "CacheMissCount"];
    const shown = ["Count", "4XXError", "5XXError", ...latency, ...cache];
    expect(partner).toEqual(stage === "dev" ? [] : shown);
  });

  test("the custom metrics of graphs and alarms are those that the functions write", () => {
    const inGraphs = graphed().flatMap(([namespace, name]) =>
      namespace === "Stockwire" ? name : [],
    );
    const inAlarms = alarms().flatMap(({ inputs }) =>
      inputs["namespace"] === "Stockwire" ? [inputs["metricName"] as string] : [],
    );
    expect(inAlarms.length).toBeGreaterThan(2);
    const fromLogs = all(of(), "cloudwatch/logMetricFilter").map(
      ({ inputs }) => inputs["metricTransformation"].name as string,
    );
    expect(fromLogs).toEqual(stage === "dev" ? [] : ["PartnerQuotaExceeded"]);
    const written = [...Object.keys(UNITS), ...fromLogs];
    for (const name of [...inGraphs, ...inAlarms]) expect(written).toContain(name);
  });

  test("the saved queries read the functions' logs", () => {
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

  test("only stages with tracing may write to X-Ray", () => {
    const traced = JSON.stringify(all(of(), "iam/role")).includes("xray:PutTraceSegments");
    expect(traced).toBe(stage !== "dev");
  });
});

test("alarms are mailed to the account's address, if it sets one", () => {
  expect(one(stack("production"), "sns/topicSubscription", "AlarmMail").inputs).toMatchObject({
    protocol: "email",
    endpoint: "ops@shop.example",
  });
  expect(all(stack("dev"), "sns/topicSubscription")).toEqual([]);
});
