/**
 * Alarms, the dashboard and saved log queries. Each alarm has a section of the same name in
 * docs/runbook.md, and its description links to it.
 */

import { NAMESPACE, type Metrics } from "@stockwire/functions/telemetry/metric";
import { LIVE_STAGE } from "@stockwire/functions/api/policy";
import { PARTNER_STAGE } from "@stockwire/functions/partner/plan";
import * as Authorizer from "./authorizer.ts";
import * as Changes from "./changes.ts";
import { dashboard } from "./dashboard.ts";
import * as Deliver from "./deliver.ts";
import * as Http from "./http.ts";
import * as Live from "./live.ts";
import { API_NAME, partner } from "./partner.ts";
import { QUOTA_EXCEEDED } from "./partner/access-log.ts";
import { deliveryDeadLetters, streamDeadLetters } from "./queue.ts";
import { settingsOf } from "./stage.ts";
import { tables } from "./storage.ts";
import * as Sweep from "./sweep.ts";

const stage = settingsOf($app.stage);
const prefix = `${$app.name}-${$app.stage}`;

const functions = {
  http: Http.handler,
  authorizer: Authorizer.handler,
  live: Live.handler,
  changes: Changes.handler,
  deliver: Deliver.handler,
  sweep: Sweep.handler,
  ...partner?.functions,
};

/** The dimensions of tables and indexes. An index is throttled by itself, and counted by itself. */
const throttled = tables.flatMap(({ table: { name: TableName }, indexes }) => [
  { TableName },
  ...indexes.map((index) => ({ TableName, GlobalSecondaryIndexName: index })),
]);

const topic = new sst.aws.SnsTopic("Alarms");
if (stage.alarmEmail) {
  new aws.sns.TopicSubscription("AlarmMail", {
    topic: topic.arn,
    protocol: "email",
    endpoint: stage.alarmEmail,
  });
}

interface Alarm {
  description: string;
  /** The alarm is raised above this value. */
  threshold: number;
  /** Number of consecutive periods of five minutes above the threshold. */
  periods?: number;
  missing?: "breaching" | "notBreaching";
}

const FIVE_MINUTES = 300; // seconds

function alarm(
  name: string,
  { description, threshold, periods = 1, missing = "notBreaching" }: Alarm,
  metrics: Partial<aws.cloudwatch.MetricAlarmArgs>,
) {
  new aws.cloudwatch.MetricAlarm(name, {
    name: `${prefix}-${name}`,
    alarmDescription: `${description} docs/runbook.md#${name.toLowerCase()}`,
    comparisonOperator: "GreaterThanThreshold",
    threshold,
    evaluationPeriods: periods,
    treatMissingData: missing,
    alarmActions: [topic.arn],
    okActions: [topic.arn],
    ...metrics,
  });
}

type Dimensions = Record<string, $util.Input<string>>;

const metric = (
  namespace: string,
  metricName: string,
  statistic: string,
  dimensions: Dimensions,
) => ({
  namespace,
  metricName,
  dimensions,
  period: FIVE_MINUTES,
  ...(statistic.startsWith("p") ? { extendedStatistic: statistic } : { statistic }),
});

/** A metric that the functions write themselves. */
const custom = (name: keyof Metrics, statistic: string) =>
  metric(NAMESPACE, name, statistic, { stage: $app.stage });

const messagesIn = ({ nodes }: sst.aws.Queue) =>
  metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", {
    QueueName: nodes.queue.name,
  });

/** The sum over several functions or tables, so that they share one alarm. */
function sum(namespace: string, metrics: { name: string; dimensions: Dimensions }[]) {
  const terms = metrics.map(({ name, dimensions }, index) => ({
    id: `m${index}`,
    metric: {
      namespace,
      metricName: name,
      dimensions,
      period: FIVE_MINUTES,
      stat: "Sum",
    },
  }));
  const expression = "SUM(METRICS())";
  return {
    metricQueries: [{ id: "total", expression, returnData: true, label: "total" }, ...terms],
  };
}

/** A value that is calculated from metrics, each with its statistic. */
function calculated(
  expression: string,
  namespace: string,
  dimensions: Dimensions,
  metrics: Record<string, [name: string, stat: string]>,
) {
  const terms = Object.entries(metrics).map(([id, [metricName, stat]]) => ({
    id,
    metric: { namespace, metricName, dimensions, period: FIVE_MINUTES, stat },
  }));
  return {
    metricQueries: [{ id: "value", expression, returnData: true, label: "value" }, ...terms],
  };
}

const ofFunctions = (name: string) =>
  Object.values(functions).map((each) => ({ name, dimensions: { FunctionName: each.name } }));

alarm(
  "HighErrorRate",
  { description: "More than 10 answers with 5xx in five minutes.", threshold: 10 },
  metric("AWS/ApiGateway", "5xx", "Sum", { ApiId: Http.api.nodes.api.id }),
);
alarm(
  "HighLatency",
  { description: "One request in 20 takes over a second.", threshold: 1_000, periods: 3 },
  custom("Latency", "p95"),
);
alarm(
  "FunctionErrors",
  { description: "A function threw, or exceeded its time or memory.", threshold: 0 },
  sum("AWS/Lambda", ofFunctions("Errors")),
);
alarm(
  "FunctionThrottles",
  { description: "Lambda refused to run a function.", threshold: 0 },
  sum("AWS/Lambda", ofFunctions("Throttles")),
);
alarm(
  "TableThrottles",
  { description: "DynamoDB refused reads or writes of a table or an index.", threshold: 0 },
  sum(
    "AWS/DynamoDB",
    throttled.flatMap((dimensions) =>
      ["ReadThrottleEvents", "WriteThrottleEvents"].map((name) => ({ name, dimensions })),
    ),
  ),
);
alarm(
  "StreamLag",
  { description: "Changes reach log and subscribers over a minute late.", threshold: 60_000 },
  metric("AWS/Lambda", "IteratorAge", "Maximum", { FunctionName: Changes.handler.name }),
);
alarm(
  "StreamDeadLetters",
  { description: "Changes of Data could not be appended to the log.", threshold: 0 },
  messagesIn(streamDeadLetters),
);
alarm(
  "DeliveryDeadLetters",
  { description: "Queued frames could not be sent.", threshold: 0 },
  messagesIn(deliveryDeadLetters),
);
alarm(
  "DeliveryErrors",
  { description: "Over 100 frames could not be sent in five minutes.", threshold: 100 },
  custom("Failed", "Sum"),
);
alarm(
  "LiveErrors",
  { description: "The Live API's function or authorizer fails.", threshold: 10 },
  metric("AWS/ApiGateway", "ExecutionError", "Sum", {
    ApiId: Live.api.nodes.api.id,
    Stage: LIVE_STAGE,
  }),
);
alarm(
  "SweepLag",
  {
    description:
      "Expired reservations hold stock for over five minutes, or the sweep does not run.",
    threshold: 300,
    periods: 2,
    missing: "breaching",
  },
  custom("SweepLag", "Maximum"),
);

if (partner) {
  const [namespace, dimensions] = [
    "AWS/ApiGateway",
    { ApiName: API_NAME, Stage: PARTNER_STAGE },
  ] as const;
  alarm(
    "PartnerErrors",
    { description: "More than 10 answers of the Partner API with 5xx.", threshold: 10 },
    metric(namespace, "5XXError", "Sum", dimensions),
  );
  alarm(
    "PartnerRejections",
    {
      description: "The Partner API refuses most requests, of at least 100 in five minutes.",
      threshold: 50, // percent
      periods: 3,
    },
    calculated("IF(requests >= 100, 100 * refused / requests, 0)", namespace, dimensions, {
      requests: ["Count", "Sum"],
      refused: ["4XXError", "Sum"],
    }),
  );
  alarm(
    "PartnerLatency",
    {
      description: "Requests wait over a second in the Partner API, before the app gets them.",
      threshold: 1_000,
      periods: 3,
    },
    // Without the time of the app, which HighLatency watches, and in which long polls wait.
    calculated("total - integration", namespace, dimensions, {
      total: ["Latency", "Average"],
      integration: ["IntegrationLatency", "Average"],
    }),
  );
  alarm(
    "PartnerQuota",
    { description: "A partner has used up the quota of its plan.", threshold: 0 },
    metric(NAMESPACE, QUOTA_EXCEEDED, "Sum", { stage: $app.stage }),
  );
}

new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: prefix,
  dashboardBody: dashboard({
    functions,
    tables,
    http: Http.api,
    live: Live.api,
    ...(partner && { partnerName: API_NAME }),
  }),
});

const logGroups = Object.values(functions).map(({ logGroup }) => logGroup);

function savedQuery(name: string, logGroupNames: $util.Input<string>[], lines: string[]) {
  new aws.cloudwatch.QueryDefinition(name, {
    name: `${prefix}/${name}`,
    logGroupNames,
    queryString: lines.join("\n| "),
  });
}

savedQuery("Errors", logGroups, [
  "fields @timestamp, @log, @message",
  "filter @message like /ERROR/",
  "sort @timestamp desc",
  "limit 20",
]);
savedQuery("Duration", logGroups, [
  // With logs in JSON a report's figures are members; with text CloudWatch extracts them itself.
  "fields coalesce(@duration, record.metrics.durationMs) as ms",
  "stats avg(ms), max(ms), min(ms), pct(ms, 95) by @log",
]);
savedQuery("OneRequest", logGroups, [
  "fields @timestamp, @log, @message",
  'filter requestId = "paste the X-Request-Id" or gatewayRequestId = "or the gateway\'s"',
  "sort @timestamp asc",
]);
savedQuery("SlowRoutes", logGroups.slice(0, 1), [
  'filter message = "request"',
  "stats count(*) as requests, pct(durationMs, 50), pct(durationMs, 95), max(durationMs) by method, route",
  "sort requests desc",
]);

const region = aws.getRegionOutput().region;

/** Where to look when something is wrong. */
export const outputs = {
  dashboardUrl: $interpolate`https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${prefix}`,
  logs: $util.all(logGroups).apply((names) => names.join(" ")),
  streamDeadLetters: streamDeadLetters.url,
  deliveryDeadLetters: deliveryDeadLetters.url,
};
