/**
 * Emulates one stage of a REST API. A request passes the same steps in the same order as on AWS:
 * method, resource policy, authorizer, API key and usage plan, throttle, request validator, cache,
 * integration. Every request gets exactly one answer, and an error inside the gateway or the function
 * never reaches the client with its details.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-rest-api.html
 */

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { MAX_BODY, readBody } from "../body.ts";
import { LAPTOP } from "../event.ts";
import { createRouter } from "../http/router.ts";
import { passThroughJson } from "../json.ts";
import { type LambdaHandler, MAX_PAYLOAD, ThrottledError, invokeWith } from "../lambda.ts";
import { type RestLogRecord, millisecondsSince, requestRecord } from "../log.ts";
import {
  type GatewayRequest,
  MAX_HEAD,
  headBytes,
  newRequestId,
  parseRequest,
} from "../request.ts";
import { errorResponse } from "../response.ts";
import { admit } from "../throttle.ts";
import { createKeyFinder } from "./api-key.ts";
import type { RestVerdict } from "./authorizer.ts";
import { type RestApiConfig, type RestRoute, createRestRoutes } from "./config.ts";
import { type RestSource, methodArn, proxyEvent, responseTrace } from "./event.ts";
import type { Integration } from "./integration.ts";
import { type GatewayResponseType, createGatewayResponses } from "./gateway-response.ts";
import { isBelow, pathOf, segmentsOf } from "./path.ts";
import { type ResourcePolicy, createResourcePolicy, policyMessage } from "./policy.ts";
import { wantsFresh } from "./response-cache.ts";
import { type RestResponse, isBinary, readProxyResult, writeRestResponse } from "./response.ts";
import { type StreamEnd, type StreamingHandler, invokeStreaming, streamInto } from "./stream.ts";
import { createUsagePlans } from "./usage-plan.ts";

export type { RestApiConfig, RestRouteConfig } from "./config.ts";

/** One REST API. */
export interface RestApi {
  /** Answers requests below the API's stage or base path; else returns false. Never throws. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
}

/** An answer with the members of its access log record. `streamed`: it is written already. */
type Outcome = { response: RestResponse; streamed?: true } & Partial<
  Pick<
    RestLogRecord,
    | "resourcePath"
    | "responseLength"
    | "integrationLatency"
    | "integrationError"
    | "authorizerError"
    | "apiKeyId"
  >
>;

/** A request on its way through the steps. */
interface Passage {
  request: GatewayRequest;
  req: IncomingMessage;
  res: ServerResponse;
  source: RestSource;
  route: RestRoute;
  verdict: Extract<RestVerdict, { allowed: true }> | undefined;
}

const METHOD = /^(?:DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT)$/;
const IDLE_TIMEOUT = 5 * 60_000; // milliseconds, of a stream at a regional endpoint

/** Creates the API. Throws for a configuration that cannot be honoured. */
export function createRestApi(config: RestApiConfig): RestApi {
  const { stage, basePath = stage, binaryMediaTypes = [], onError: report } = config;
  const clock = config.clock ?? Date.now;
  const api = { ...LAPTOP, ...config.identity };
  const stageVariables = config.stageVariables ?? null;
  const router = createRouter(createRestRoutes(config, clock));
  const gatewayResponse = createGatewayResponses(config.gatewayResponses);
  const resourcePolicy: ResourcePolicy | undefined =
    config.resourcePolicy === undefined
      ? undefined
      : createResourcePolicy(config.resourcePolicy, api);
  const { apiKeys = [] } = config;
  const findKey = createKeyFinder(typeof apiKeys === "function" ? apiKeys : () => apiKeys);
  const plans = createUsagePlans(config.usagePlans ?? [], stage, clock, config.usage);

  const refuse = (
    { request, source }: Pick<Passage, "request" | "source">,
    type: GatewayResponseType,
    message?: string,
  ): Outcome => ({
    response: gatewayResponse(
      type,
      {
        requestId: source.requestId,
        extendedRequestId: request.id,
        stage,
        stageVariables: stageVariables ?? {},
      },
      message,
    ),
  });

  /** Undefined if the client disconnected before its body was complete. */
  async function respond(
    given: GatewayRequest,
    requestId: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<Outcome | undefined> {
    const override = given.headers.get("x-http-method-override")?.toUpperCase() ?? "";
    const request = METHOD.test(override) ? { ...given, method: override } : given;
    const path = pathOf(request, basePath);
    const match = METHOD.test(request.method)
      ? router.match(request.method, segmentsOf(path))
      : undefined;
    const source: RestSource = {
      api: { ...api, domainName: config.identity?.domainName ?? request.headers.get("host") ?? "" },
      stage,
      stageVariables,
      routeKey: match?.route.routeKey ?? "",
      path: config.basePath ? `/${basePath}${path}` : path,
      pathParameters: match?.pathParameters,
      requestId,
    };
    if (!match) return refuse({ request, source }, "MISSING_AUTHENTICATION_TOKEN");
    const { route } = match;
    const outcome = await admitAndInvoke({ request, req, res, source, route, verdict: undefined });
    const [, resource] = route.routeKey.split(" ");
    return outcome && { ...(resource !== undefined && { resourcePath: resource }), ...outcome };
  }

  async function admitAndInvoke(passage: Passage): Promise<Outcome | undefined> {
    const { request, source, route } = passage;
    const arn = methodArn(request, source);
    const policy = resourcePolicy?.(arn, request.sourceIp);
    if (policy === "deny") return refuse(passage, "ACCESS_DENIED", policyMessage(arn, policy));
    const verdict = await route.authorizer?.(request, source);
    if (verdict && !verdict.allowed) {
      if (verdict.effect === "error") {
        return { ...refuse(passage, verdict.type), authorizerError: verdict.reason };
      }
      // What the authorizer's policy does not mention, the resource policy may still allow.
      if (verdict.effect === "deny" || policy !== "allow") {
        return {
          ...refuse(passage, "ACCESS_DENIED", DENIED[verdict.effect]),
          authorizerError: "denied",
        };
      }
    }
    if (policy === "implicit" && !verdict?.allowed) {
      return refuse(passage, "ACCESS_DENIED", policyMessage(arn, policy));
    }
    const allowed = verdict?.allowed ? verdict : undefined;
    const authorized: Passage = {
      ...passage,
      verdict: allowed,
      source: { ...source, ...(allowed && { authorizer: allowed.context }) },
    };
    if (route.config.apiKeyRequired) return meterAndInvoke(authorized);
    if (!admit(clock(), ...route.buckets)) return refuse(passage, "THROTTLED");
    return validateAndInvoke(authorized);
  }

  /** The step of routes that need an API key. */
  async function meterAndInvoke(passage: Passage): Promise<Outcome | undefined> {
    const { request, source, route, verdict } = passage;
    const value =
      config.apiKeySource === "AUTHORIZER"
        ? verdict?.usageIdentifierKey
        : request.headers.get("x-api-key");
    const key = value ? findKey(value, clock()) : undefined;
    const admission = key && plans.admission(key, route.routeKey);
    if (!value || !key || !admission) return refuse(passage, "INVALID_API_KEY");
    const logged = { apiKeyId: key.id };
    if (admission.exhausted()) return { ...logged, ...refuse(passage, "QUOTA_EXCEEDED") };
    if (!admit(clock(), ...admission.buckets, ...route.buckets)) {
      return { ...logged, ...refuse(passage, "THROTTLED") };
    }
    const stored = admission.count();
    const metered = { ...passage, source: { ...source, apiKey: { id: key.id, value } } };
    const [outcome] = await Promise.all([validateAndInvoke(metered), stored]);
    return outcome && { ...logged, ...outcome };
  }

  async function validateAndInvoke(passage: Passage): Promise<Outcome | undefined> {
    const { request, source, route, req } = passage;
    const missing = route.validator.parameters(request, source.pathParameters);
    if (missing?.kind === "parameters") {
      return refuse(passage, "BAD_REQUEST_PARAMETERS", missing.message);
    }
    const body = await readBody(req, MAX_BODY);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") return refuse(passage, "REQUEST_TOO_LARGE");
    if (route.validator.body(request, body.bytes)) return refuse(passage, "BAD_REQUEST_BODY");
    return route.cache ? fromCache(passage, body.bytes) : integrate(passage, body.bytes);
  }

  async function fromCache(passage: Passage, body: Buffer): Promise<Outcome> {
    const { request, source, route, verdict, req } = passage;
    const { cache } = route;
    // An override can turn another method into this one; its answer is not cached.
    if (!cache || req.method !== "GET") return integrate(passage, body);
    const key = cache.keyOf(request, source.pathParameters);
    const fresh = wantsFresh(request);
    const { requireAuthorization, unauthorized } = cache.config;
    const mayRefresh = !requireAuthorization || verdict?.mayInvalidateCache() === true;
    if (fresh && !mayRefresh && unauthorized === "FAIL_WITH_403") {
      return refuse(passage, "ACCESS_DENIED", DENIED.implicit);
    }
    const cached = fresh && mayRefresh ? undefined : cache.get(key);
    const outcome = cached ? { response: cached } : await integrate(passage, body);
    if (!cached && outcome.response.error === undefined) cache.set(key, outcome.response);
    const isWarned = fresh && !mayRefresh && unauthorized === "SUCCEED_WITH_RESPONSE_HEADER";
    if (!isWarned) return outcome;
    const headers = [...outcome.response.headers, CACHE_WARNING] as const;
    return { ...outcome, response: { ...outcome.response, headers } };
  }

  async function integrate(passage: Passage, body: Buffer): Promise<Outcome> {
    const { request, source, route } = passage;
    if (route.integration) return transform(passage, route.integration, body);
    const isBase64 = isBinary(request.headers.get("content-type"), binaryMediaTypes);
    const passed = passThroughJson(proxyEvent(request, source, body, isBase64), MAX_PAYLOAD);
    // A body within the gateway's limit can exceed that of Lambda, for example as base64.
    if (!passed) return refuse(passage, "REQUEST_TOO_LARGE");
    const event = passed.value;
    if (route.config.responseTransferMode === "STREAM") return stream(passage, event);

    const startedAt = performance.now();
    const invocation = await invokeWith(
      route.config.handler as LambdaHandler,
      route.functionName,
      () => event,
      route.timeoutMs,
      route.concurrency,
    );
    const integrationLatency = millisecondsSince(startedAt);
    const fail = (type: GatewayResponseType, message: string, error: unknown): Outcome => {
      report({ message: `${route.routeKey}: ${message}`, error, requestId: source.requestId });
      return { ...refuse(passage, type), integrationLatency, integrationError: message };
    };
    if (invocation.outcome === "timed-out") {
      const error = new Error(`no result after ${route.timeoutMs} ms`);
      return fail("INTEGRATION_TIMEOUT", "the integration timed out", error);
    }
    if (invocation.outcome === "failed") {
      if (invocation.error instanceof ThrottledError) return throttled(passage);
      return fail("INTEGRATION_FAILURE", "the function failed", invocation.error);
    }
    const wantsBinary = isBinary(request.headers.get("accept"), binaryMediaTypes);
    const response = readProxyResult(invocation.value, wantsBinary);
    if (response === "malformed") {
      const error = new Error("malformed Lambda proxy response");
      return fail("INTEGRATION_FAILURE", "the function's result is not a response", error);
    }
    if (response === "bad-encoding") {
      const error = new Error("its body is not base64");
      return fail("API_CONFIGURATION_ERROR", "the function's result is not a response", error);
    }
    const trace = ["X-Amzn-Trace-Id", responseTrace(request)] as const;
    return { response: { ...response, headers: [...response.headers, trace] }, integrationLatency };
  }

  /**
   * Lambda has refused the invocation.
   * https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#services-apigateway-errors
   */
  const throttled = (passage: Passage): Outcome => ({
    ...refuse(passage, "API_CONFIGURATION_ERROR"),
    integrationError: "the function is throttled",
  });

  /** Runs a non-proxy integration. */
  async function transform(
    passage: Passage,
    integration: Integration,
    body: Buffer,
  ): Promise<Outcome> {
    const { request, source, route } = passage;
    const startedAt = performance.now();
    const result = await integration(request, source, body);
    const integrationLatency = millisecondsSince(startedAt);
    if ("response" in result) return { response: result.response, integrationLatency };
    const { failed, reason, error } = result;
    if (error instanceof ThrottledError) return throttled(passage);
    if (!FAULTS_OF_CLIENTS.has(failed)) {
      report({ message: `${route.routeKey}: ${reason}`, error, requestId: source.requestId });
    }
    return { ...refuse(passage, failed), integrationLatency, integrationError: reason };
  }

  async function stream(passage: Passage, event: unknown): Promise<Outcome> {
    const { request, source, route, res } = passage;
    const release = route.concurrency.acquire();
    if (!release) return throttled(passage);
    const startedAt = performance.now();
    const headers = [
      ["X-Amzn-Trace-Id", responseTrace(request)] as const,
      ...idHeaders(source.requestId, request.id),
    ];
    const target = streamInto(res, headers);
    const limits = {
      timeoutMs: route.timeoutMs,
      idleTimeoutMs: route.config.idleTimeoutMs ?? IDLE_TIMEOUT,
    };
    const end: StreamEnd = await invokeStreaming(
      route.config.handler as StreamingHandler,
      route.functionName,
      event,
      limits,
      target,
    );
    release(); // `invokeStreaming` never rejects
    const integrationLatency = millisecondsSince(startedAt);
    const written = (): Outcome => ({
      response: { status: target.status, headers: [], body: Buffer.alloc(0) },
      streamed: true,
      responseLength: target.length,
      integrationLatency,
    });
    if (end.outcome === "complete") {
      res.end();
      return written();
    }
    const message = `the stream was ${end.outcome}`;
    report({
      message: `${route.routeKey}: ${message}`,
      error: end.error,
      requestId: source.requestId,
    });
    if (end.outcome === "cut") {
      if (config.failedStream === "complete") res.end();
      else res.destroy();
      return { ...written(), integrationError: message };
    }
    const type = end.outcome === "timed-out" ? "INTEGRATION_TIMEOUT" : "INTEGRATION_FAILURE";
    return { ...refuse(passage, type), integrationLatency, integrationError: message };
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const receivedAt = clock();
    const requestId = randomUUID();
    const isTooLong = headBytes(req) > MAX_HEAD;
    const request = isTooLong ? undefined : parseRequest(req, receivedAt);
    const extendedRequestId = request?.id ?? newRequestId();
    let outcome: Outcome | undefined;
    try {
      outcome = request
        ? await respond(request, requestId, req, res)
        : { response: isTooLong ? HEAD_TOO_LARGE : BAD_REQUEST };
    } catch (error) {
      report({ message: "the gateway failed", error, requestId });
      outcome = { response: { ...FAILED } };
    }
    if (!outcome) return;
    const { response, streamed, ...details } = outcome;
    if (!streamed) {
      const headers = [...response.headers, ...idHeaders(requestId, extendedRequestId)];
      writeRestResponse(res, { ...response, headers });
    }
    const path = request?.encodedPath ?? "-";
    config.accessLog?.({
      ...requestRecord(
        { req, request, receivedAt, startedAt, response },
        { requestId, stage, path },
      ),
      extendedRequestId,
      ...details,
      resourcePath: details.resourcePath ?? "-",
    });
  }

  return {
    handle(req, res) {
      if (!isBelow(req.url ?? "", basePath)) return false;
      handle(req, res).catch((error: unknown) => {
        report({ message: "a response could not be written", error });
        res.destroy();
      });
      return true;
    },
  };
}

const DENIED = {
  deny: "User is not authorized to access this resource with an explicit deny",
  implicit: "User is not authorized to access this resource",
} as const;

/** Failures of an integration that say nothing about the API. */
const FAULTS_OF_CLIENTS: ReadonlySet<GatewayResponseType> = new Set([
  "REQUEST_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
]);

const CACHE_WARNING = ["Warning", '199 - "Cache control was ignored: not authorized"'] as const;

const HEAD_TOO_LARGE: RestResponse = errorResponse(431, "Request Header Fields Too Large");
const BAD_REQUEST: RestResponse = errorResponse(400, "Bad Request");
const FAILED: RestResponse = errorResponse(500, "Internal server error");

const idHeaders = (requestId: string, extendedRequestId: string) =>
  [
    ["x-amzn-RequestId", requestId],
    ["x-amz-apigw-id", extendedRequestId],
  ] as const;
