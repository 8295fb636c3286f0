/** `GET /changes/stream` as a route of a REST API with response streaming. */

import type { RestRouteConfig } from "@stockwire/gateway/rest/rest-api";
import { awsLambda } from "@stockwire/gateway/rest/stream";

const TIMEOUT = 15 * 60_000; // ms, the longest that a REST API allows
const IDLE_TIMEOUT = 5 * 60_000; // ms, of a regional endpoint

/**
 * Loads the function, which finds AWS's global `awslambda` when it is imported, and returns its route.
 * The functions' environment must be set. Authorizer, key and throttle are the caller's to add.
 */
export async function changeStreamRoute(): Promise<RestRouteConfig> {
  Object.assign(globalThis, { awslambda: awsLambda });
  const { handler } = await import("@stockwire/functions/handlers/stream");
  return {
    routeKey: "GET /changes/stream",
    handler,
    functionName: "stream",
    responseTransferMode: "STREAM",
    timeoutMs: TIMEOUT,
    idleTimeoutMs: IDLE_TIMEOUT,
  };
}
