/**
 * The function of `GET /changes/stream`. Only a REST API can stream its answers, so a stage without the
 * Partner API has none: on the HTTP API the route is 406.
 */

import { lambda, onIndex, onTable } from "./function.ts";
import { settingsOf } from "./stage.ts";
import { changes } from "./storage.ts";

const { origins, partner } = settingsOf($app.stage);

export const handler =
  partner &&
  lambda("stream", {
    description: "Streams changes to one reader",
    // Each reader holds an instance for minutes: it waits, so it needs little (docs/scale.md).
    memory: "128 MB",
    // A stream ends after 4 minutes; the last page may take a slow reader a while.
    timeout: "300 seconds",
    cursors: true,
    streaming: true,
    environment: { ALLOWED_ORIGINS: origins.join(",") },
    reserved: partner.reservedReaders,
    permissions: [onTable(changes, "GetItem"), onIndex(changes)],
  });
