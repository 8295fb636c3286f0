import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../api/app.ts";
import { signCursors } from "../cursor.ts";
import { mend } from "../api/event.ts";
import { config, log, measure } from "../runtime.ts";

signCursors();

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

// Asked while the function initialises: the first request finds the connection open.
DynamoDB.verifyShards().catch((error: unknown) => log.error("table", error, {}));

const adapted = handle(app);

/** What the function answers: 2.0 or 1.0, as the event was. */
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

/** Answers events of an HTTP API (payload 2.0) and of a REST API (1.0); never throws. */
export async function handler(event: unknown): Promise<Result> {
  const mended = mend(event);
  if (mended === undefined) return NOT_AN_EVENT;
  const { body, ...result } = await adapted(mended as unknown as LambdaEvent);
  return result.statusCode === 204 || result.statusCode === 304 ? result : { ...result, body };
}
