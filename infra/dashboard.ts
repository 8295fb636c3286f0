import { NAMESPACE } from "@stockwire/functions/telemetry/metric";
import { LIVE_STAGE } from "@stockwire/functions/api/policy";

/** One page of graphs: requests from the left, changes to the right, what they stand on below. */

type Line = [string, string, ...(string | object)[]];

interface Parts {
  functions: Record<string, sst.aws.Function>;
  tables: sst.aws.Dynamo[];
  api: sst.aws.ApiGatewayV2;
  live: sst.aws.ApiGatewayWebSocket;
}

const PERCENTILES = ["p50", "p95", "p99"];

export function dashboard({ functions, tables, api, live }: Parts): $util.Output<string> {
  const names = Object.fromEntries(
    Object.entries(functions).map(([key, { name }]) => [key, name] as const),
  );
  return $util
    .all([
      api.nodes.api.id,
      live.nodes.api.id,
      $util.output(names),
      $util.all(tables.map(({ name }) => name)),
      aws.getRegionOutput().region,
    ] as const)
    .apply(([apiId, liveId, named, tableNames, region]) => {
      const gateway = (name: string, stat: string): Line => [
        "AWS/ApiGateway",
        name,
        "ApiId",
        apiId,
        { stat, label: `${name} ${stat}` },
      ];
      const socket = (name: string): Line => [
        "AWS/ApiGateway",
        name,
        "ApiId",
        liveId,
        "Stage",
        LIVE_STAGE,
        { stat: "Sum" },
      ];
      const own = (name: string, stat = "Sum"): Line => [
        NAMESPACE,
        name,
        "stage",
        $app.stage,
        { stat },
      ];
      const each = (name: string, stat: string) =>
        Object.entries(named).map(([label, functionName]): Line => [
          "AWS/Lambda",
          name,
          "FunctionName",
          functionName,
          { stat, label },
        ]);
      const table = (name: string) =>
        tableNames.map((of): Line => ["AWS/DynamoDB", name, "TableName", of, { stat: "Sum" }]);

      const graphs: [string, Line[]][] = [
        ["HTTP API: requests", ["Count", "4xx", "5xx"].map((name) => gateway(name, "Sum"))],
        ["HTTP API: latency", PERCENTILES.map((stat) => gateway("Latency", stat))],
        [
          "HTTP API: integration latency",
          PERCENTILES.map((stat) => gateway("IntegrationLatency", stat)),
        ],
        [
          "Live API",
          ["ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"].map(
            socket,
          ),
        ],
        ["Frames", ["Delivered", "Gone", "Failed", "Queued"].map((name) => own(name))],
        ["Changes: write to log", ["p50", "p99"].map((stat) => own("ChangeLag", stat))],
        ["Functions: duration", each("Duration", "p95")],
        ["Functions: errors", each("Errors", "Sum")],
        ["Functions: throttles", each("Throttles", "Sum")],
        ["Functions: at once", each("ConcurrentExecutions", "Maximum")],
        [
          "Tables: units",
          [...table("ConsumedReadCapacityUnits"), ...table("ConsumedWriteCapacityUnits")],
        ],
        ["Tables: throttles", [...table("ReadThrottleEvents"), ...table("WriteThrottleEvents")]],
        ["Reservations", [own("Expired"), own("SweepLag", "Maximum")]],
      ];
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
