/**
 * The dashboard of a stage as CloudWatch's JSON: three graphs a row, first the APIs, then changes
 * and functions, then tables, then the Partner API.
 */

import { NAMESPACE } from "@stockwire/functions/telemetry/metric";
import { LIVE_STAGE } from "@stockwire/functions/api/policy";
import { PARTNER_STAGE } from "@stockwire/functions/partner/plan";
import type { Lambda } from "./function.ts";

/** Namespace, metric name, then dimension names and values, then options. */
type Metric = [string, string, ...(string | object)[]];

interface Parts {
  /** By the handler's name, which labels the lines. */
  functions: Record<string, Lambda>;
  tables: { table: sst.aws.Dynamo; indexes: string[] }[];
  http: sst.aws.ApiGatewayV2;
  live: sst.aws.ApiGatewayWebSocket;
  /** The name of the Partner API, if the stage has one. */
  partnerName?: string;
}

const PERCENTILES = ["p50", "p95", "p99"];

export function dashboard({
  functions,
  tables,
  http,
  live,
  partnerName,
}: Parts): $util.Output<string> {
  const names = Object.fromEntries(
    Object.entries(functions).map(([handler, { name }]) => [handler, name] as const),
  );
  return $util
    .all([
      http.nodes.api.id,
      live.nodes.api.id,
      $util.output(names),
      $util.all(tables.map(({ table }) => table.name)),
      aws.getRegionOutput().region,
    ] as const)
    .apply(([httpId, liveId, functionNames, tableNames, region]) => {
      const ofHttp = (name: string, stat: string): Metric => [
        "AWS/ApiGateway",
        name,
        "ApiId",
        httpId,
        { stat, label: `${name} ${stat}` },
      ];
      const ofLive = (name: string): Metric => [
        "AWS/ApiGateway",
        name,
        "ApiId",
        liveId,
        "Stage",
        LIVE_STAGE,
        { stat: "Sum" },
      ];
      const ofPartner = (name: string, stat: string): Metric => [
        "AWS/ApiGateway",
        name,
        "ApiName",
        partnerName ?? "",
        "Stage",
        PARTNER_STAGE,
        { stat, label: `${name} ${stat}` },
      ];
      const custom = (name: string, stat = "Sum"): Metric => [
        NAMESPACE,
        name,
        "stage",
        $app.stage,
        { stat },
      ];
      const ofFunctions = (name: string, stat: string) =>
        Object.entries(functionNames).map(([label, functionName]): Metric => [
          "AWS/Lambda",
          name,
          "FunctionName",
          functionName,
          { stat, label },
        ]);
      const ofTables = (name: string) =>
        tableNames.map((table): Metric => [
          "AWS/DynamoDB",
          name,
          "TableName",
          table,
          { stat: "Sum" },
        ]);

      const ofIndexes = (name: string) =>
        tables.flatMap(({ indexes }, at) =>
          indexes.map((index): Metric => [
            "AWS/DynamoDB",
            name,
            "TableName",
            tableNames[at] ?? "",
            "GlobalSecondaryIndexName",
            index,
            { stat: "Sum" },
          ]),
        );

      const graphs: [string, Metric[]][] = [
        ["HTTP API: requests", ["Count", "4xx", "5xx"].map((name) => ofHttp(name, "Sum"))],
        ["HTTP API: latency", PERCENTILES.map((stat) => ofHttp("Latency", stat))],
        [
          "HTTP API: integration latency",
          PERCENTILES.map((stat) => ofHttp("IntegrationLatency", stat)),
        ],
        [
          "Live API",
          ["ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"].map(
            ofLive,
          ),
        ],
        ["Frames", ["Delivered", "Gone", "Failed", "Queued"].map((name) => custom(name))],
        ["Changes: write to log", ["p50", "p99"].map((stat) => custom("ChangeLag", stat))],
        ["Functions: duration", ofFunctions("Duration", "p95")],
        ["Functions: errors", ofFunctions("Errors", "Sum")],
        ["Functions: throttles", ofFunctions("Throttles", "Sum")],
        ["Functions: concurrency", ofFunctions("ConcurrentExecutions", "Maximum")],
        [
          "Tables: units",
          [...ofTables("ConsumedReadCapacityUnits"), ...ofTables("ConsumedWriteCapacityUnits")],
        ],
        [
          "Tables: throttles",
          ["ReadThrottleEvents", "WriteThrottleEvents"].flatMap((name) => [
            ...ofTables(name),
            ...ofIndexes(name),
          ]),
        ],
        [
          "Tables: throttles by cause",
          [
            "ReadKeyRangeThroughputThrottleEvents",
            "WriteKeyRangeThroughputThrottleEvents",
            "ReadAccountLimitThrottleEvents",
            "WriteAccountLimitThrottleEvents",
          ].flatMap((name) => [...ofTables(name), ...ofIndexes(name)]),
        ],
        ["Reservations", [custom("Expired"), custom("SweepLag", "Maximum")]],
      ];
      if (partnerName) {
        graphs.push(
          [
            "Partner API: requests",
            ["Count", "4XXError", "5XXError"].map((name) => ofPartner(name, "Sum")),
          ],
          ["Partner API: latency", PERCENTILES.map((stat) => ofPartner("Latency", stat))],
          [
            "Partner API: cache",
            ["CacheHitCount", "CacheMissCount"].map((name) => ofPartner(name, "Sum")),
          ],
        );
      }
      const widgets = graphs.map(([title, metrics], index) => ({
        type: "metric",
        x: (index % 3) * 8,
        y: Math.floor(index / 3) * 6,
        width: 8,
        height: 6,
        properties: { title, region, metrics, view: "timeSeries", period: 300 },
      }));
      return JSON.stringify({ widgets });
    });
}
