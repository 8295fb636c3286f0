/**
 * Metrics in CloudWatch's embedded metric format: members of a log line that CloudWatch reads.
 * Powertools writes the same in a line of its own, but makes a cold start 18 % longer and a warm
 * invocation twice as long; this module costs 2 % and nothing (docs/deploy.md).
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */

export const NAMESPACE = "Stockwire";

/** Every metric of the service, with its unit. */
export const UNITS = {
  Count: "Count",
  "4XX": "Count",
  "5XX": "Count",
  Latency: "Milliseconds",
  Changes: "Count",
  /** Time from a write to its append to the log, of the oldest change in a batch. */
  ChangeLag: "Milliseconds",
  Delivered: "Count",
  Gone: "Count",
  Failed: "Count",
  Queued: "Count",
  Expired: "Count",
  /** How long the oldest expired reservation was overdue. */
  SweepLag: "Seconds",
} as const;

export type Metrics = Partial<Record<keyof typeof UNITS, number>>;

/** `on`: for the whole stage. `routes`: for each route, too. */
export const METRIC_LEVELS = ["off", "on", "routes"] as const;
export type MetricLevel = (typeof METRIC_LEVELS)[number];

/** Returns members for a log line. With `ofRoute` the line must have `method` and `route`. */
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
