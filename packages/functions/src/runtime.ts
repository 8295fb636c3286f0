/**
 * What every Lambda does first, once per process: read the environment and configure core. Only
 * entry files and what they import directly may use this module.
 */

import * as Offset from "@stockwire/core/changes/offset";
import { createClient } from "@stockwire/core/store/client";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import * as SignedToken from "@stockwire/core/store/signed-token";
import { type Config, readConfig } from "./config.ts";
import { createLog } from "./telemetry/log.ts";
import { createMeasure } from "./telemetry/metric.ts";

export const config = readConfig(process.env);

export const log = createLog(config.LOG_LEVEL, "stockwire");

export const measure = createMeasure(config.METRICS, config.STAGE);

DynamoDB.configure({
  client: createClient({
    region: config.AWS_REGION,
    endpoint: config.AWS_ENDPOINT_URL_DYNAMODB,
    timeout: config.DYNAMODB_TIMEOUT_MS,
  }),
  tableName: config.DATA_TABLE,
  changes: config.CHANGES_TABLE,
  connections: config.CONNECTIONS_TABLE,
  shards: config.LIST_SHARDS,
});
Offset.configure(config.CHANGE_RETENTION_DAYS, config.CHANGES_TABLE);

/** A setting that only some functions need. Throws if it is missing. */
export function required<Name extends keyof Config>(name: Name): NonNullable<Config[Name]> {
  const value = config[name];
  if (value === undefined) throw new Error(`Configuration: ${name} is needed here`);
  return value;
}

/**
 * Lets this function sign and read cursors and page tokens. Functions that do neither are not
 * given the secret.
 */
export const enableCursors = (): void => SignedToken.configure(required("CURSOR_SECRET"));
