import * as DynamoDB from "@stockwire/core/store/dynamodb";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../api/app.ts";
import { normalise } from "../api/event.ts";
import { logged } from "../telemetry/logged.ts";
import { installLightClasses } from "../web/install.ts";
import { requestOf, type Result, resultOf } from "../web/lambda.ts";
import type { LightResponse } from "../web/response.ts";
import { config, enableCursors, log, measure } from "../runtime.ts";

installLightClasses();
enableCursors();

const app = createApp({
  about: {
    name: "stockwire",
    version: packageJson.version,
    commit: config.COMMIT,
    stage: config.STAGE,
    runtime: `node ${process.version}`,
  },
  log,
  measure,
  origins: config.ALLOWED_ORIGINS,
  secure: config.PUBLIC_SCHEME === "https",
});

// Checked while the function initialises, so that the first request finds a connection open.
DynamoDB.verifyShards().catch((error: unknown) => log.error("table", error, {}));

const NOT_AN_EVENT: Result = {
  statusCode: 400,
  headers: { "content-type": "application/problem+json" },
  body: JSON.stringify({
    type: "/docs/problems#invalid_request",
    title: "Invalid request",
    status: 400,
    code: "invalid_request",
    detail: "Not an event of API Gateway",
  }),
  isBase64Encoded: false,
};

/** Answers events of an HTTP API (payload 2.0) and of a REST API (payload 1.0); never throws. */
export const handler = logged(log, async (event: unknown): Promise<Result> => {
  const normalised = normalise(event);
  if (normalised === undefined) return NOT_AN_EVENT;
  const { requestContext } = normalised;
  const request = requestOf(normalised) as unknown as Request;
  const response = await app.fetch(request, { requestContext });
  return resultOf(normalised, response as unknown as LightResponse);
});
