import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../api/app.ts";
import { normalise } from "../api/event.ts";
import { logged } from "../telemetry/logged.ts";
import { config, enableCursors, log, measure } from "../runtime.ts";

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

const adapted = handle(app);

/** The result has the payload version of the event. */
type Answer = Awaited<ReturnType<typeof adapted>>;
type Result = Omit<Answer, "body"> & { body?: string };

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
  const { body, ...result } = await adapted(normalised as unknown as LambdaEvent);
  return result.statusCode === 204 || result.statusCode === 304 ? result : { ...result, body };
});
