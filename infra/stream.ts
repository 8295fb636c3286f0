/**
 * The function of `GET /changes/stream`. Only a REST API can stream its answers, so the route is one of
 * the Partner API's, with `streaming: true` and a timeout of 15 minutes; on the HTTP API it is 406.
 */

import { lambda, onIndex, onTable } from "./function.ts";
import { settingsOf } from "./stage.ts";
import { changes } from "./storage.ts";

const stage = settingsOf($app.stage);

export const handler = lambda("stream", {
  description: "Streams changes to one reader",
  // Each reader holds an instance for minutes: it waits, so it needs little (docs/scale.md).
  memory: "128 MB",
  // A stream ends after 4 minutes; the last page may take a slow reader a while.
  timeout: "300 seconds",
  cursors: true,
  environment: { ALLOWED_ORIGINS: stage.origins.join(",") },
  permissions: [onTable(changes, "GetItem"), onIndex(changes)],
});
