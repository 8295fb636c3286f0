/**
 * The HTTP API behind a Lambda function URL, which verifies no token: the app does.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */

import { Hono } from "hono";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { normalise } from "../api/event.ts";
import { installLightClasses } from "../web/install.ts";
import { createService, NOT_OFFERED } from "./service.ts";
import { readSettings } from "./settings.ts";

installLightClasses();

const service = createService(readSettings(process.env), {
  runtime: `node ${process.version}, function URL`,
  streams: false,
});
service.log.info(NOT_OFFERED, {});

/** What the adapter passes on from a normalised event. */
interface Bindings {
  requestContext?: { client?: { sourceIp?: string } };
}

// The adapter takes an app, of which it only calls `fetch`.
const app = new Hono<{ Bindings: Bindings }>();
app.fetch = (request, { requestContext }: Bindings = {}) =>
  service.fetch(request, requestContext?.client?.sourceIp);
const adapted = handle(app);

type Result = Partial<Awaited<ReturnType<typeof adapted>>> & { statusCode: number };

/** Answers events of payload 2.0. What an event says about its caller is not read. */
export async function handler(event: unknown): Promise<Result> {
  const normalised = normalise(event);
  if (normalised === undefined) return { statusCode: 400, isBase64Encoded: false };
  const { body, ...result } = await adapted(normalised as unknown as LambdaEvent);
  return result.statusCode === 204 || result.statusCode === 304 ? result : { ...result, body };
}
