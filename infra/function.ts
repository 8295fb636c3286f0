/**
 * Creates the Lambda functions. All are built and configured alike; each has a role of its own that
 * allows only the actions listed with it. A function has one name everywhere: the handler's file,
 * `dist/lambda/<name>`, the function in AWS, and its log group. Whatever invokes a function invokes its
 * alias `live`, so that one call of `update-alias` goes back to an earlier version.
 */

import { esbuildOptions } from "../packages/functions/scripts/esbuild-options.ts";
import { removeSources } from "../packages/functions/scripts/source-map.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import { changes, connections, data } from "./storage.ts";

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

/** Allows actions on a table's items. A transaction needs the actions of its parts, no other. */
export const onTable = (table: sst.aws.Dynamo, ...actions: TableAction[]): Permission => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [table.arn],
});

export const onIndex = (table: sst.aws.Dynamo): Permission => ({
  actions: ["dynamodb:Query"],
  resources: [$interpolate`${table.arn}/index/gsi1`],
});

/** Signs and verifies cursors. `sst secret set CursorSecret` replaces the generated value. */
const cursorSecret = new sst.Secret(
  "CursorSecret",
  new random.RandomPassword("CursorSecretValue", { length: 48, special: false }).result,
);

const HANDLERS = "packages/functions/src/handlers";

interface Options {
  permissions: Permission[];
  environment?: Record<string, $util.Input<string>>;
  /** True if the function signs or verifies cursors. */
  cursors?: boolean;
  timeout: `${number} seconds`;
  /** True if the handler streams its answer. `sst dev` must know; on AWS the handler itself says so. */
  streaming?: boolean;
  /** By default the stage's. */
  memory?: `${number} MB`;
  /** Number of environments that Lambda keeps initialised. */
  provisioned?: number;
  /** Number of environments that other functions of the account cannot take; also the maximum. */
  reserved?: number;
  description: string;
}

/** The alias that is invoked. https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html */
export const ALIAS = "live";

/** A function and what the rest of infra needs of it. */
export interface Lambda {
  name: $util.Output<string>;
  logGroup: $util.Output<string>;
  arn: $util.Output<string>;
  /** The ARN to invoke it by: that of the alias. Under `sst dev` the function's own. */
  target: $util.Output<string>;
}

/**
 * Deploys `handlers/<name>.ts` as the function `<app>-<stage>-<name>`, which logs to
 * `/aws/lambda/<app>-<stage>-<name>`.
 *
 * SST's name for the component is `<Name>Handler`, because SST refuses two components of one name
 * and there is a table `Changes` and an API `Live`.
 */
export function lambda(name: string, options: Options): Lambda {
  const { permissions, environment, cursors, timeout, provisioned = 0, reserved = 0 } = options;
  const component = `${name.charAt(0).toUpperCase()}${name.slice(1)}Handler`;
  const functionName = `${$app.name}-${$app.stage}-${name}`;
  const logGroup = new aws.cloudwatch.LogGroup(`${component}Log`, {
    name: `/aws/lambda/${functionName}`,
    retentionInDays: LOG_DAYS,
  });
  const created = new sst.aws.Function(component, {
    name: functionName,
    handler: `${HANDLERS}/${name}.handler`,
    description: options.description,
    runtime: "nodejs24.x",
    architecture: "arm64",
    memory: options.memory ?? stage.memory,
    timeout,
    nodejs: {
      minify: true,
      sourcemap: true, // read by telemetry/stack.ts when it logs an error
      plugins: "packages/functions/scripts/esbuild-plugins.ts",
      esbuild: esbuildOptions,
    },
    hook: { postbuild: removeSources },
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
              // X-Ray has no resource-level permissions.
              // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
              resources: ["*"],
            },
          ]
        : []),
    ],
    versioning: true,
    streaming: options.streaming ?? false,
    ...(reserved > 0 && { concurrency: { reserved } }),
    transform: {
      function: { tracingConfig: { mode: stage.tracing ? "Active" : "PassThrough" } },
      role: (args) => {
        // SST's defaults allow writing to every log group, and allow the account's root to assume
        // the role.
        args.managedPolicyArns = [];
        if (!$dev) args.assumeRolePolicy = ONLY_LAMBDA;
        return undefined;
      },
    },
  });
  const target = $dev ? created.arn : aliasOf(component, created, provisioned).arn;
  return { name: created.name, arn: created.arn, logGroup: logGroup.name, target };
}

/**
 * Creates the alias, which each deploy moves to the version that it publishes, unless the stage holds
 * its aliases. The environments that are kept warm belong to the alias, so they follow a rollback.
 */
function aliasOf(component: string, { name, nodes }: sst.aws.Function, provisioned: number) {
  const alias = new aws.lambda.Alias(
    `${component}Alias`,
    { name: ALIAS, functionName: name, functionVersion: nodes.function.version },
    { ignoreChanges: stage.holdsAliases ? ["functionVersion", "routingConfig"] : [] },
  );
  if (provisioned > 0) {
    new aws.lambda.ProvisionedConcurrencyConfig(`${component}Provisioned`, {
      functionName: name,
      qualifier: alias.name,
      provisionedConcurrentExecutions: provisioned,
    });
  }
  return alias;
}

const ONLY_LAMBDA = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});
