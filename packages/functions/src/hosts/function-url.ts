/**
 * The HTTP API behind a Lambda function URL, which verifies no token: the app does.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */

import { normalise } from "../api/event.ts";
import { installLightClasses } from "../web/install.ts";
import { requestOf, type Result, resultOf } from "../web/lambda.ts";
import type { LightResponse } from "../web/response.ts";
import { createService, NOT_OFFERED } from "./service.ts";
import { readSettings } from "./settings.ts";

installLightClasses();

const service = createService(readSettings(process.env), {
  runtime: `node ${process.version}, function URL`,
});
service.log.info(NOT_OFFERED, {});

/** Answers events of payload 2.0. What an event says about its caller is not read. */
export async function handler(event: unknown): Promise<Result> {
  const normalised = normalise(event);
  if (normalised === undefined) return { statusCode: 400, isBase64Encoded: false };
  const request = requestOf(normalised) as unknown as Request;
  const response = await service.fetch(request, normalised.requestContext.client.sourceIp);
  return resultOf(normalised, response as unknown as LightResponse);
}
