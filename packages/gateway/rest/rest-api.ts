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
import { requestRecord } from "../log.ts";
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
import { type RestApiConfig, createRestRoutes } from "./config.ts";
import { type RestSource, methodArn } from "./event.ts";
import { createGatewayResponses } from "./gateway-response.ts";
import { createInvoker } from "./invoke.ts";
import { type Outcome, type Passage, type Refuse, idHeaders } from "./passage.ts";
import { isBelow, pathOf, segmentsOf } from "./path.ts";
import { type ResourcePolicy, createResourcePolicy, policyMessage } from "./policy.ts";
import { wantsFresh } from "./response-cache.ts";
import { type RestResponse, writeRestResponse } from "./response.ts";
import { createUsagePlans } from "./usage-plan.ts";

export type { RestApiConfig, RestRouteConfig } from "./config.ts";

/** One REST API. */
export interface RestApi {
  /** Answers requests below the API's stage or base path; else returns false. Never throws. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
}

const METHOD = /^(?:DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT)$/;

/** Creates the API. Throws for a configuration that cannot be honoured. */
export function createRestApi(config: RestApiConfig): RestApi {
  const { stage, basePath = stage, onError: report } = config;
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

  const refuse: Refuse = ({ request, source }, type, message) => ({
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

  const invoke = createInvoker(config, refuse);

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
    return route.cache ? fromCache(passage, body.bytes) : invoke(passage, body.bytes);
  }

  async function fromCache(passage: Passage, body: Buffer): Promise<Outcome> {
    const { request, source, route, verdict, req } = passage;
    const { cache } = route;
    // An override can turn another method into this one; its answer is not cached.
    if (!cache || req.method !== "GET") return invoke(passage, body);
    const key = cache.keyOf(request, source.pathParameters);
    const fresh = wantsFresh(request);
    const { requireAuthorization, unauthorized } = cache.config;
    const mayRefresh = !requireAuthorization || verdict?.mayInvalidateCache() === true;
    if (fresh && !mayRefresh && unauthorized === "FAIL_WITH_403") {
      return refuse(passage, "ACCESS_DENIED", DENIED.implicit);
    }
    const cached = fresh && mayRefresh ? undefined : cache.get(key);
    const outcome = cached ? { response: cached } : await invoke(passage, body);
    if (!cached && outcome.response.error === undefined) cache.set(key, outcome.response);
    const isWarned = fresh && !mayRefresh && unauthorized === "SUCCEED_WITH_RESPONSE_HEADER";
    if (!isWarned) return outcome;
    const headers = [...outcome.response.headers, CACHE_WARNING] as const;
    return { ...outcome, response: { ...outcome.response, headers } };
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

const CACHE_WARNING = ["Warning", '199 - "Cache control was ignored: not authorized"'] as const;

const HEAD_TOO_LARGE: RestResponse = errorResponse(431, "Request Header Fields Too Large");
const BAD_REQUEST: RestResponse = errorResponse(400, "Bad Request");
const FAILED: RestResponse = errorResponse(500, "Internal server error");
