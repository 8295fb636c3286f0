import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { about } from "../about.ts";
import { createApp } from "../api/app.ts";
import { normalise, NOT_AN_EVENT } from "../api/event.ts";
import { logged } from "../telemetry/logged.ts";
import { installLightClasses } from "../web/install.ts";
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

const adapted = handle(app);

/** The result has the payload version of the event. */
type Answer = Awaited<ReturnType<typeof adapted>>;
type Result = Omit<Answer, "body"> & { body?: string };

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
  const { body, ...result } = await adapted(normalised as unknown as LambdaEvent);
  return result.statusCode === 204 || result.statusCode === 304 ? result : { ...result, body };
});
