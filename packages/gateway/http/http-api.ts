/**
 * Emulates one HTTP API. A request passes the same steps in the same order as on AWS: CORS preflight,
 * route, throttle, authorizer, body, Lambda integration. Every request gets exactly one response, and
 * an error inside the gateway or the function never reaches the client with its details.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { MAX_BODY, readBody } from "../body.ts";
import { createConcurrency } from "../concurrency.ts";
import { type EventSource, LAPTOP, rawPath } from "../event.ts";
import { eventV1 } from "../event-v1.ts";
import { eventV2 } from "../event-v2.ts";
import { isRecord, passThroughJson } from "../json.ts";
import { MAX_PAYLOAD, ThrottledError, invokeWith } from "../lambda.ts";
import { type AccessLogRecord, millisecondsSince, requestRecord } from "../log.ts";
import {
  type GatewayRequest,
  MAX_HEAD,
  headBytes,
  newRequestId,
  parseRequest,
} from "../request.ts";
import {
  type HttpResponse,
  errorResponse,
  responseFromV1,
  responseFromV2,
  writeResponse,
} from "../response.ts";
import { admit } from "../throttle.ts";
import {
  type HttpApiConfig,
  MAX_TIMEOUT,
  type Route,
  createAuthorizers,
  createRoutes,
} from "./config.ts";
import { createCors } from "./cors.ts";
import { type Match, createRouter } from "./router.ts";

export type { HttpApiConfig, RouteConfig } from "./config.ts";

/** One HTTP API. */
export interface HttpApi {
  /** Responds to a request. Never throws. */
  handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** Aborts the fetches of authorizers. The server waits for open requests. */
  close: () => void;
}

/** A response with the members of its access log record. */
type Outcome = { response: HttpResponse } & Partial<
  Pick<AccessLogRecord, "routeKey" | "integrationLatency" | "integrationError" | "authorizerError">
>;

/** Creates the API. Throws for a configuration that AWS refuses. */
export function createHttpApi(config: HttpApiConfig): HttpApi {
  const clock = config.clock ?? Date.now;
  const stage = config.stage ?? "$default";
  const api = { ...LAPTOP, ...config.identity };
  const report = config.onError;
  const cors = config.cors && createCors(config.cors);
  const authorizers = createAuthorizers(config, clock);
  const router = createRouter(createRoutes(config, authorizers, clock()));
  const { concurrency = createConcurrency() } = config;

  /** Undefined if the client disconnected before its body was complete. */
  async function respond(
    request: GatewayRequest,
    req: IncomingMessage,
  ): Promise<Outcome | undefined> {
    const match = matchRoute(request);
    if (!match) return { response: errorResponse(404, "Not Found") };
    const { routeKey, buckets } = match.route;
    if (!admit(clock(), ...buckets)) {
      return { routeKey, response: errorResponse(429, "Too Many Requests") };
    }
    const outcome = await authorizeAndInvoke(match, request, req);
    return outcome && { routeKey, ...outcome };
  }

  /** Finds the route. The name of a stage other than `$default` is the first path segment. */
  function matchRoute({ method, segments }: GatewayRequest): Match<Route> | undefined {
    if (stage === "$default") return router.match(method, segments);
    if (segments[0] !== stage) return undefined;
    return router.match(method, segments.length === 1 ? [""] : segments.slice(1));
  }

  async function authorizeAndInvoke(
    { route: { authorizer, config: settings, functionName }, pathParameters }: Match<Route>,
    request: GatewayRequest,
    req: IncomingMessage,
  ): Promise<Outcome | undefined> {
    const source: EventSource = { api, stage, routeKey: settings.routeKey, pathParameters };
    const verdict = await authorizer?.authorize(request, source, settings.scopes ?? []);
    if (verdict && !verdict.allowed)
      return { response: verdict.response, authorizerError: verdict.error };

    const body = await readBody(req, MAX_BODY);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") return { response: TOO_LARGE };

    const isV1 = settings.payloadFormatVersion === "1.0";
    const event = isV1
      ? eventV1(request, { ...source, authorizer: verdict && flatten(verdict.context) }, body.bytes)
      : eventV2(request, { ...source, authorizer: verdict?.context }, body.bytes);
    const payload = passThroughJson(event, MAX_PAYLOAD);
    // A body within the gateway's limit can exceed that of Lambda, for example as base64.
    if (payload === undefined) return { response: TOO_LARGE };

    const startedAt = performance.now();
    const timeoutMs = settings.timeoutMs ?? MAX_TIMEOUT;
    const { handler } = settings;
    const read = () => payload.value;
    const invocation = await invokeWith(handler, functionName, read, timeoutMs, concurrency);
    const integrationLatency = millisecondsSince(startedAt);
    const fail = (status: 500 | 503, message: string, error: unknown): Outcome => {
      report({ message: `${settings.routeKey}: ${message}`, error, requestId: request.id });
      const text = status === 503 ? "Service Unavailable" : "Internal Server Error";
      return {
        response: errorResponse(status, text),
        integrationLatency,
        integrationError: message,
      };
    };
    if (invocation.outcome === "timed-out") {
      const error = new Error(`no result after ${timeoutMs} ms`);
      return fail(503, "the integration timed out", error);
    }
    if (invocation.outcome === "failed") {
      const { error } = invocation;
      if (error instanceof ThrottledError) {
        const response = errorResponse(503, "Service Unavailable");
        return { response, integrationError: "the function is throttled" };
      }
      return fail(500, "the function failed", error);
    }
    const response = isV1 ? responseFromV1(invocation.value) : responseFromV2(invocation.value);
    if (!response) {
      return fail(500, "the function's result is not a response", new Error("malformed result"));
    }
    return { response, integrationLatency };
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const receivedAt = clock();
    const isTooLong = headBytes(req) > MAX_HEAD;
    const request = isTooLong ? undefined : parseRequest(req, receivedAt);
    const requestId = request?.id ?? newRequestId();
    const preflight = request && cors?.preflight(request);
    let outcome: Outcome | undefined;
    try {
      if (preflight) outcome = { response: preflight };
      else if (request) outcome = await respond(request, req);
      else outcome = { response: isTooLong ? HEAD_TOO_LARGE : errorResponse(400, "Bad Request") };
    } catch (error) {
      report({ message: "the gateway failed", error, requestId });
      outcome = { response: errorResponse(500, "Internal Server Error") };
    }
    if (!outcome) return;
    const { response, ...details } = outcome;
    const withCors = cors && !preflight ? cors.apply(response, req.headers.origin) : response;
    writeResponse(res, withRequestId(withCors, requestId));
    const path = request ? rawPath(request) : "-";
    config.accessLog?.({
      ...requestRecord(
        { req, request, receivedAt, startedAt, response },
        { requestId, stage, path },
      ),
      ...details,
      routeKey: details.routeKey ?? "-",
    });
  }

  return {
    handle(req, res) {
      handle(req, res).catch((error: unknown) => {
        report({ message: "a response could not be written", error });
        res.destroy();
      });
    },
    close() {
      for (const authorizer of authorizers.values()) authorizer.close();
    },
  };
}

const TOO_LARGE = errorResponse(413, "Request Entity Too Large");
const HEAD_TOO_LARGE = errorResponse(431, "Request Header Fields Too Large");

/** Format 1.0 shows the members of `jwt` or `lambda` directly in `authorizer`. */
function flatten(context: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.values(context).filter(isRecord).flatMap(Object.entries));
}

/** The function cannot set `apigw-requestid`. */
function withRequestId(response: HttpResponse, id: string): HttpResponse {
  const headers = response.headers.filter(([name]) => name !== "apigw-requestid");
  return { ...response, headers: [...headers, ["apigw-requestid", id]] };
}
