/**
 * Metrics in CloudWatch's embedded metric format: members of a log line that CloudWatch reads.
 * Powertools writes the same, in a line of its own and with its logger around it; both together
 * make a cold start 18 % longer and a warm call twice as long, these thirty lines 2 % and nothing
 * (docs/deploy.md).
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */

export const NAMESPACE = "Stockwire";

/** All metrics of ours, and their units. */
export const UNITS = {
  Count: "Count",
  "4XX": "Count",
  "5XX": "Count",
  Latency: "Milliseconds",
  Changes: "Count",
  /** From a write to its place in the log: of the oldest change of a batch. */
  ChangeLag: "Milliseconds",
  Delivered: "Count",
  Gone: "Count",
  Failed: "Count",
  Queued: "Count",
  Expired: "Count",
  /** For how long the oldest of the reservations has been overdue. */
  SweepLag: "Seconds",
} as const;

export type Metrics = Partial<Record<keyof typeof UNITS, number>>;

/** `on`: for the stage as a whole. `routes`: for each route, too. */
export const METRIC_LEVELS = ["off", "on", "routes"] as const;
export type MetricLevel = (typeof METRIC_LEVELS)[number];

/** Members for a line of the log; those that are dimensions of a route must be in the line. */
export type Measure = (metrics: Metrics, ofRoute?: boolean) => Record<string, unknown>;

export const createMeasure =
  (level: MetricLevel, stage: string): Measure =>
  (metrics, ofRoute = false) => {
    if (level === "off") return metrics;
    const Metrics = Object.keys(metrics).map((Name) => ({
      Name,
      Unit: UNITS[Name as keyof typeof UNITS],
    }));
    const Dimensions = [
      ["stage"],
      ...(ofRoute && level === "routes" ? [["stage", "method", "route"]] : []),
    ];
    const CloudWatchMetrics = [{ Namespace: NAMESPACE, Dimensions, Metrics }];
    return { stage, ...metrics, _aws: { Timestamp: Date.now(), CloudWatchMetrics } };
  };
