import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { about } from "../about.ts";
import { createApp } from "../api/app.ts";
import { normalise, NOT_AN_EVENT } from "../api/event.ts";
import { logged } from "../telemetry/logged.ts";
import { installLightClasses } from "../web/install.ts";
import { requestOf, type Result, resultOf } from "../web/lambda.ts";
import type { LightResponse } from "../web/response.ts";
import { config, enableCursors, log, measure } from "../runtime.ts";

installLightClasses();
enableCursors();

// No `streamChanges`: an HTTP API sends an answer when it is complete, and so does this handler.
const app = createApp({
  about,
  log,
  measure,
  origins: config.ALLOWED_ORIGINS,
  secure: config.PUBLIC_SCHEME === "https",
});

// Checked while the function initialises, so that the first request finds a connection open.
DynamoDB.verifyShards().catch((error: unknown) => log.error("table", error, {}));

const REFUSED: Result = {
  statusCode: NOT_AN_EVENT.status,
  headers: { "content-type": "application/problem+json" },
  body: JSON.stringify(NOT_AN_EVENT),
  isBase64Encoded: false,
};

/** Answers events of an HTTP API (payload 2.0) and of a REST API (payload 1.0); never throws. */
export const handler = logged(log, async (event: unknown): Promise<Result> => {
  const normalised = normalise(event);
  if (normalised === undefined) return REFUSED;
  const { requestContext } = normalised;
  const request = requestOf(normalised) as unknown as Request;
  const response = await app.fetch(request, { requestContext });
  return resultOf(normalised, response as unknown as LightResponse);
});
