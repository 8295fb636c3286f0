/** Releases the stock of expired reservations, once a minute. */

import { lambda, onIndex, onTable } from "./function.ts";
import { settingsOf } from "./stage.ts";
import { data } from "./storage.ts";

export const handler = lambda("sweep", {
  description: "Releases the stock of expired reservations",
  timeout: "60 seconds",
  reserved: settingsOf($app.stage).reservedConcurrency > 0 ? 1 : 0,
  permissions: [onTable(data, "GetItem", "BatchGetItem", "PutItem", "UpdateItem"), onIndex(data)],
});

new sst.aws.CronV2("SweepEachMinute", {
  schedule: "rate(1 minute)",
  function: handler.target,
  // The next run, a minute later, replaces a retry.
  retries: 0,
});
