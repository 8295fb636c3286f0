import { NAMESPACE, type Metrics } from "@stockwire/functions/telemetry/metric";
import { LIVE_STAGE } from "@stockwire/functions/api/policy";
import { api, http } from "./api.ts";
import { appender, deliverer, sweeper } from "./changes.ts";
import { dashboard } from "./dashboard.ts";
import { authorizer, live, socket } from "./live.ts";
import { deliveryDeadLetters, streamDeadLetters } from "./queue.ts";
import { settingsOf } from "./stage.ts";
import { changes, connections, data } from "./storage.ts";

/** What goes wrong without anybody's asking. Each alarm has a section in docs/runbook.md. */

const stage = settingsOf($app.stage);
const own = `${$app.name}-${$app.stage}`;

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
  /** Goes off above this. */
  threshold: number;
  periods?: number; // of five minutes
  missing?: "breaching" | "notBreaching";
}

const FIVE_MINUTES = 300; // seconds

function alarm(
  name: string,
  { description, threshold, periods = 1, missing = "notBreaching" }: Alarm,
  watched: Partial<aws.cloudwatch.MetricAlarmArgs>,
) {
  new aws.cloudwatch.MetricAlarm(name, {
    name: `${own}-${name}`,
    alarmDescription: `${description} docs/runbook.md#${name.toLowerCase()}`,
    comparisonOperator: "GreaterThanThreshold",
    threshold,
    evaluationPeriods: periods,
    treatMissingData: missing,
    alarmActions: [topic.arn],
    okActions: [topic.arn],
    ...watched,
  });
}

type Dimensions = Record<string, $util.Input<string>>;

const metric = (namespace: string, metricName: string, statistic: string, of: Dimensions) => ({
  namespace,
  metricName,
  dimensions: of,
  period: FIVE_MINUTES,
  ...(statistic.startsWith("p") ? { extendedStatistic: statistic } : { statistic }),
});

const ours = (name: keyof Metrics, statistic: string) =>
  metric(NAMESPACE, name, statistic, { stage: $app.stage });

/** The sum of one metric of several things: one alarm for all of them. */
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

export const functions = { http, authorizer, socket, appender, deliverer, sweeper };
const ofEach = (name: string) =>
  Object.values(functions).map((each) => ({ name, dimensions: { FunctionName: each.name } }));

// The names and figures of the first alarm are the seeds' (S-296 to S-301).
alarm(
  "HighErrorRate",
  { description: "More than 10 answers with 5xx in five minutes.", threshold: 10 },
  metric("AWS/ApiGateway", "5xx", "Sum", { ApiId: api.nodes.api.id }),
);
alarm(
  "HighLatency",
  { description: "One request in 20 takes over a second.", threshold: 1_000, periods: 3 },
  ours("Latency", "p95"),
);
alarm(
  "FunctionErrors",
  { description: "A function threw, or ran out of time or memory.", threshold: 0 },
  sum("AWS/Lambda", ofEach("Errors")),
);
alarm(
  "FunctionThrottles",
  { description: "Lambda refused to run a function.", threshold: 0 },
  sum("AWS/Lambda", ofEach("Throttles")),
);
alarm(
  "TableThrottles",
  { description: "DynamoDB refused reads or writes.", threshold: 0 },
  sum(
    "AWS/DynamoDB",
    [data, changes, connections].flatMap(({ name }) =>
      ["ReadThrottleEvents", "WriteThrottleEvents"].map((event) => ({
        name: event,
        dimensions: { TableName: name },
      })),
    ),
  ),
);
alarm(
  "StreamLag",
  { description: "Changes wait over a minute for the log and its listeners.", threshold: 60_000 },
  metric("AWS/Lambda", "IteratorAge", "Maximum", { FunctionName: appender.name }),
);
alarm(
  "StreamDeadLetters",
  { description: "Changes were given up: they are in Data, but not in the log.", threshold: 0 },
  waiting(streamDeadLetters),
);
alarm(
  "DeliveryDeadLetters",
  { description: "Parcels of large deliveries were given up.", threshold: 0 },
  waiting(deliveryDeadLetters),
);
alarm(
  "DeliveryErrors",
  { description: "Over 100 frames could not be delivered in five minutes.", threshold: 100 },
  ours("Failed", "Sum"),
);
alarm(
  "LiveErrors",
  { description: "The Live API's function or authorizer fails.", threshold: 10 },
  metric("AWS/ApiGateway", "ExecutionError", "Sum", {
    ApiId: live.nodes.api.id,
    Stage: LIVE_STAGE,
  }),
);
alarm(
  "SweepLag",
  {
    description: "Expired reservations hold stock for over five minutes, or no sweep runs.",
    threshold: 300,
    periods: 2,
    missing: "breaching",
  },
  ours("SweepLag", "Maximum"),
);

function waiting(queue: sst.aws.Queue) {
  const { name } = queue.nodes.queue;
  return metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", { QueueName: name });
}

new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: own,
  dashboardBody: dashboard({ functions, tables: [data, changes, connections], api, live }),
});

const functionLogs = Object.values(functions).map(({ nodes }) =>
  nodes.function.loggingConfig.apply((config) => config?.logGroup ?? ""),
);

function savedQuery(name: string, logGroups: $util.Input<string>[], lines: string[]) {
  new aws.cloudwatch.QueryDefinition(name, {
    name: `${own}/${name}`,
    logGroupNames: logGroups,
    queryString: lines.join("\n| "),
  });
}

savedQuery("Errors", functionLogs, [
  "fields @timestamp, @log, @message",
  "filter @message like /ERROR/",
  "sort @timestamp desc",
  "limit 20",
]);
savedQuery("Duration", functionLogs, [
  // Logs in JSON have a report's figures in members; others are taken apart by CloudWatch.
  "fields coalesce(@duration, record.metrics.durationMs) as ms",
  "stats avg(ms), max(ms), min(ms), pct(ms, 95) by @log",
]);
savedQuery("OneRequest", functionLogs, [
  "fields @timestamp, @log, @message",
  'filter requestId = "paste the X-Request-Id" or gatewayRequestId = "or the gateway\'s"',
  "sort @timestamp asc",
]);
savedQuery("SlowRoutes", functionLogs.slice(0, 1), [
  'filter message = "request"',
  "stats count(*) as requests, pct(durationMs, 50), pct(durationMs, 95), max(durationMs) by method, route",
  "sort requests desc",
]);
