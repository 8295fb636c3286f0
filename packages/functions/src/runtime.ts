import { createClient } from "@stockwire/core/store/client";
import * as Offset from "@stockwire/core/changes/offset";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { readConfig } from "./config.ts";
import { createLog } from "./telemetry/log.ts";
import { createMeasure } from "./telemetry/metric.ts";

/** What every Lambda does first, once: reads its configuration and hands it to core. */

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
Offset.configure(config.CHANGE_RETENTION_DAYS);
