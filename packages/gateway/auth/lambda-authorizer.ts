/**
 * The Lambda authorizer of HTTP APIs (type REQUEST). A result that is not valid refuses the request
 * with 500 and is never cached.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
 */

import { createCache } from "../cache.ts";
import type { EventSource } from "../event.ts";
import { headersV1, lastValues, requestContextV1, resourcePath } from "../event-v1.ts";
import { cookies, headersV2, queryV2, requestContextV2 } from "../event-v2.ts";
import { rawPath } from "../event.ts";
import { member } from "../json.ts";
import { type LambdaHandler, invoke } from "../lambda.ts";
import type { ReportError } from "../log.ts";
import type { GatewayRequest } from "../request.ts";
import { errorResponse } from "../response.ts";
import { type Authorizer, type Verdict, identitySource } from "./authorizer.ts";
import { allowsInvoke } from "./iam-policy.ts";

/** The configuration, with AWS's names where AWS has them. */
export interface LambdaAuthorizerConfig {
  type: "REQUEST";
  payloadFormatVersion: "2.0" | "1.0";
  /** True: the function returns `isAuthorized`. False: it returns an IAM policy. */
  simpleResponses: boolean;
  identitySource: readonly string[];
  /** How long results are cached: 0 to 3600 seconds, 0 for never. */
  ttl: number;
  handler: LambdaHandler;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const TIMEOUT = 10_000; // milliseconds
const CACHED_RESULTS = 10_000;

/**
 * Creates the authorizer. A cached result applies to all of its routes, unless `$context.routeKey` is
 * an identity source. Throws for a configuration that AWS refuses.
 */
export function createLambdaAuthorizer(
  name: string,
  config: LambdaAuthorizerConfig,
  clock: () => number,
  report: ReportError,
): Authorizer {
  const { ttl, payloadFormatVersion, simpleResponses } = config;
  if (ttl < 0 || ttl > 3600) throw new Error(`authorizer ${name}: ttl must be 0 to 3600 seconds`);
  if (ttl > 0 && config.identitySource.length === 0) {
    throw new Error(`authorizer ${name}: caching needs an identity source`);
  }
  if (simpleResponses && payloadFormatVersion === "1.0") {
    throw new Error(`authorizer ${name}: simple responses need payload format 2.0`);
  }
  const sources = config.identitySource.map(identitySource);
  const results = createCache<{ result: unknown; expiresAt: number }>(CACHED_RESULTS);

  return {
    async authorize(request, source) {
      const fail = (error: unknown): Verdict => {
        report({ message: `authorizer ${name} failed`, error, requestId: request.id });
        return refuse(500, "authorizer failed");
      };
      const identity: string[] = [];
      for (const read of sources) {
        const value = read(request, source);
        if (value === undefined) return refuse(401, "no identity");
        identity.push(value);
      }
      const arn = routeArn(request, source);
      const key = JSON.stringify(identity);
      const entry = ttl > 0 ? results.get(key) : undefined;
      const cached = entry && entry.expiresAt > clock() ? entry : undefined;
      let result = cached?.result;
      if (!cached) {
        const event = payloadFormatVersion === "1.0" ? eventV1 : eventV2;
        const payload = JSON.stringify(event(request, source, identity, arn));
        const invocation = await invoke(config.handler, name, payload, TIMEOUT);
        if (invocation.outcome === "timed-out") return fail(new Error("no result in time"));
        if (invocation.outcome === "failed") return fail(invocation.error);
        result = invocation.value;
      }
      // A cached policy is evaluated for each request, because the ARN differs.
      const allowed = simpleResponses
        ? isAuthorized(result)
        : allowsInvoke(member(result, "policyDocument"), arn);
      if (allowed === undefined) return fail(new Error("its result has the wrong shape"));
      if (ttl > 0 && !cached) results.set(key, { result, expiresAt: clock() + ttl * 1000 });
      if (!allowed) return refuse(403, "denied");
      return { allowed: true, context: { lambda: member(result, "context") ?? null } };
    },
    close() {},
  };
}

function eventV2(
  request: GatewayRequest,
  source: EventSource,
  identity: string[],
  arn: string,
): object {
  return {
    version: "2.0",
    type: "REQUEST",
    routeArn: arn,
    identitySource: identity.length > 0 ? identity : null,
    routeKey: source.routeKey,
    rawPath: rawPath(request),
    rawQueryString: request.rawQuery,
    cookies: cookies(request),
    headers: headersV2(request, announcedLength(request)),
    queryStringParameters: queryV2(request),
    requestContext: requestContextV2(request, source),
    pathParameters: source.pathParameters,
  };
}

function eventV1(
  request: GatewayRequest,
  source: EventSource,
  identity: string[],
  arn: string,
): object {
  return {
    version: "1.0",
    type: "REQUEST",
    methodArn: arn,
    identitySource: identity.join(","),
    authorizationToken: identity.join(","),
    resource: resourcePath(source.routeKey),
    path: request.encodedPath,
    httpMethod: request.method,
    headers: lastValues(headersV1(request, announcedLength(request))),
    queryStringParameters: queryV2(request) ?? {},
    pathParameters: source.pathParameters ?? {},
    stageVariables: {},
    requestContext: requestContextV1(request, source),
  };
}

/** The authorizer runs before the body is read, so the length is only what the client announced. */
function announcedLength({ headers }: GatewayRequest): number {
  return Number(headers.get("content-length") ?? 0);
}

/** `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}/{path}`. */
function routeArn(request: GatewayRequest, { api, stage }: EventSource): string {
  const segments = stage === request.segments[0] ? request.segments.slice(1) : request.segments;
  return `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${stage}/${request.method}/${segments.join("/")}`;
}

function isAuthorized(result: unknown): boolean | undefined {
  const authorized = member(result, "isAuthorized");
  return typeof authorized === "boolean" ? authorized : undefined;
}

function refuse(status: 401 | 403 | 500, error: string): Verdict {
  const text = { 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error" }[status];
  return { allowed: false, response: errorResponse(status, text), error };
}
