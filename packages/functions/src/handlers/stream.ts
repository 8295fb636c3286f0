/**
 * `GET /changes/stream` behind a REST API with response streaming. A reader holds one instance of this
 * function for as long as it reads, so it has a function of its own, with little memory.
 */

import { about } from "../about.ts";
import { createChangeStream } from "../api/change-stream.ts";
import { changeStream } from "../api/routes/change-stream.ts";
import { serve } from "../api/serve.ts";
import { streamed } from "../response-stream.ts";
import { config, enableCursors, log, measure } from "../runtime.ts";

enableCursors();

/** Well below five minutes, after which a REST API ends a silent stream. */
const HEARTBEAT = 15_000; // ms

const app = serve(changeStream, {
  about,
  log,
  measure,
  origins: config.ALLOWED_ORIGINS,
  secure: config.PUBLIC_SCHEME === "https",
  streamChanges: createChangeStream({
    lifetime: config.CHANGE_STREAM_SECONDS * 1000,
    heartbeat: HEARTBEAT,
    log,
  }),
});

export const handler = streamed(app, log);
