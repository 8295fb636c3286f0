import { functions } from "../packages/functions/scripts/entry.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import { changes, connections, data } from "./storage.ts";

/** The Lambda functions' common ground: built alike, each with its own actions and nothing more. */

const stage = settingsOf($app.stage);

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
export type TableAction =
  | "BatchGetItem"
  | "BatchWriteItem"
  | "ConditionCheckItem"
  | "DeleteItem"
  | "GetItem"
  | "PutItem"
  | "Query"
  | "UpdateItem";

export interface Permission {
  actions: string[];
  resources: $util.Input<string>[];
}

/** What may be done to a table's items; transactions need no action of their own. */
export const onTable = (table: sst.aws.Dynamo, ...actions: TableAction[]): Permission => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [table.arn],
});

export const onIndex = (table: sst.aws.Dynamo): Permission => ({
  actions: ["dynamodb:Query"],
  resources: [$interpolate`${table.arn}/index/gsi1`],
});

/** Cursors that one function signs, others read. `sst secret set CursorSecret` changes it. */
const cursorSecret = new sst.Secret(
  "CursorSecret",
  new random.RandomPassword("CursorSecretValue", { length: 48, special: false }).result,
);

interface Options {
  permissions: Permission[];
  environment?: Record<string, $util.Input<string>>;
  /** Whether it signs or reads cursors. */
  cursors?: boolean;
  timeout: `${number} seconds`;
  memory?: `${number} MB`;
  provisioned?: number;
  description: string;
}

/** A Lambda function from its entry file. Its role is its own. */
export function lambda(name: string, entry: keyof typeof functions, options: Options) {
  const { permissions, environment, cursors, timeout, memory, provisioned = 0 } = options;
  const logGroup = new aws.cloudwatch.LogGroup(`${name}Log`, {
    name: `/aws/lambda/${$app.name}-${$app.stage}-${name}`,
    retentionInDays: LOG_DAYS,
  });
  return new sst.aws.Function(name, {
    handler: functions[entry].replace(/\.ts$/, ".handler"),
    description: options.description,
    runtime: "nodejs24.x",
    architecture: "arm64",
    memory: memory ?? stage.memory,
    timeout,
    nodejs: { minify: true, plugins: "packages/functions/scripts/esbuild-plugins.ts" },
    logging: { format: "json", logGroup: logGroup.name },
    environment: {
      DATA_TABLE: data.name,
      CHANGES_TABLE: changes.name,
      CONNECTIONS_TABLE: connections.name,
      STAGE: $app.stage,
      LOG_LEVEL: stage.logLevel,
      METRICS: stage.routeMetrics ? "routes" : "on",
      LIST_SHARDS: String(stage.listShards),
      CHANGE_RETENTION_DAYS: String(stage.changeRetentionDays),
      ...(cursors && { CURSOR_SECRET: cursorSecret.value }),
      ...environment,
    },
    permissions: [
      ...permissions,
      {
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [$interpolate`${logGroup.arn}:*`],
      },
      ...(stage.tracing
        ? [
            {
              actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
              // X-Ray knows no resources.
              // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
              resources: ["*"],
            },
          ]
        : []),
    ],
    ...(provisioned > 0 && { versioning: true, concurrency: { provisioned } }),
    transform: {
      function: { tracingConfig: { mode: stage.tracing ? "Active" : "PassThrough" } },
      role: (args) => {
        // SST would attach a policy that may write any log group, and let the account's root in.
        args.managedPolicyArns = [];
        if (!$dev) args.assumeRolePolicy = LAMBDA_ALONE;
        return undefined;
      },
    },
  });
}

const LAMBDA_ALONE = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});
