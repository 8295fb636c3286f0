import { createClient } from "@stockwire/core/client";
import * as Position from "@stockwire/core/position";
import * as Store from "@stockwire/core/store";
import { readConfig } from "./config.ts";
import { createLog } from "./log.ts";
import { createMeasure } from "./metric.ts";

/** What every Lambda does first, once: reads its configuration and hands it to core. */

export const config = readConfig(process.env);

export const log = createLog(config.LOG_LEVEL, "stockwire");

export const measure = createMeasure(config.METRICS, config.STAGE);

Store.configure({
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
Position.configure(config.CHANGE_RETENTION_DAYS);
