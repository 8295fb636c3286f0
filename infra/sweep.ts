/** Releases the stock of expired reservations, once a minute. */

import { lambda, onIndex, onTable } from "./function.ts";
import { data } from "./storage.ts";

export const handler = lambda("sweep", {
  description: "Releases the stock of expired reservations",
  timeout: "60 seconds",
  permissions: [onTable(data, "GetItem", "PutItem", "UpdateItem"), onIndex(data)],
});

new sst.aws.CronV2("SweepEachMinute", {
  schedule: "rate(1 minute)",
  function: handler.arn,
  // The next run, a minute later, replaces a retry.
  retries: 0,
});
