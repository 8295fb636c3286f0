import { type Authorizer, type Report, type Verdict, identitySource } from "./authorizer.ts";
import { createCache } from "../cache.ts";
import { type EventSource, headers2, joinedQuery, rawPath, requestContext2 } from "../event.ts";
import { headers1, lasts, requestContext1, resourcePath } from "../event1.ts";
import { allowsInvoke } from "./iam-policy.ts";
import { isRecord } from "../json.ts";
import { type LambdaHandler, invoke } from "../lambda.ts";
import type { GatewayRequest } from "../request.ts";
import { message } from "../response.ts";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html */
export interface RequestAuthorizerConfig {
  type: "REQUEST";
  payloadFormatVersion: "2.0" | "1.0";
  simpleResponses: boolean;
  identitySource: readonly string[];
  ttl: number; // seconds, 0…3600
  handler: LambdaHandler;
}

const TIMEOUT = 10_000; // milliseconds
const CACHED_RESULTS = 10_000;

/** Asks a Lambda; its result is kept for all routes of this authorizer under the same identity. */
export function createRequestAuthorizer(
  name: string,
  config: RequestAuthorizerConfig,
  clock: () => number,
  report: Report,
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
  const results = createCache<{ result: unknown; until: number }>(CACHED_RESULTS);

  async function ask(event: object, requestId: string): Promise<unknown> {
    const invocation = await invoke(config.handler, name, JSON.stringify(event), TIMEOUT);
    if (invocation.outcome === "returned") return invocation.value;
    const error = invocation.outcome === "failed" ? invocation.error : invocation.outcome;
    report({ what: `authorizer ${name} failed`, error, requestId });
    return undefined;
  }

  return {
    async authorize(request, source) {
      const identity: string[] = [];
      for (const read of sources) {
        const value = read(request, source);
        if (value === undefined) return refuse(401, "no identity");
        identity.push(value);
      }
      const arn = routeArn(request, source);
      const key = JSON.stringify(identity);
      const entry = ttl > 0 ? results.get(key) : undefined;
      const kept = entry && entry.until > clock() ? entry : undefined;
      const event = payloadFormatVersion === "1.0" ? event1 : event2;
      const result = kept
        ? kept.result
        : await ask(event(request, source, identity, arn), request.id);
      const allowed = simpleResponses
        ? simpleDecision(result)
        : allowsInvoke(member(result, "policyDocument"), arn);
      if (allowed === undefined) {
        if (result !== undefined) {
          report({
            what: `authorizer ${name} failed`,
            error: "its result has the wrong shape",
            requestId: request.id,
          });
        }
        return refuse(500, "authorizer failed");
      }
      if (ttl > 0 && !kept) results.set(key, { result, until: clock() + ttl * 1000 });
      if (!allowed) return refuse(403, "denied");
      return { allowed: true, context: { lambda: member(result, "context") ?? null } };
    },
    close() {},
  };
}

function event2(
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
    cookies: request.headers.get("cookie")?.split("; "),
    headers: headers2(request, Number(request.headers.get("content-length") ?? 0)),
    queryStringParameters: joinedQuery(request),
    requestContext: requestContext2(request, source),
    pathParameters: source.pathParameters,
  };
}

function event1(
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
    headers: lasts(headers1(request, Number(request.headers.get("content-length") ?? 0))),
    queryStringParameters: joinedQuery(request) ?? {},
    pathParameters: source.pathParameters ?? {},
    stageVariables: {},
    requestContext: requestContext1(request, source),
  };
}

function routeArn(request: GatewayRequest, { api, stage }: EventSource): string {
  const segments = stage === request.segments[0] ? request.segments.slice(1) : request.segments;
  return `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${stage}/${request.method}/${segments.join("/")}`;
}

function simpleDecision(result: unknown): boolean | undefined {
  const authorized = member(result, "isAuthorized");
  return typeof authorized === "boolean" ? authorized : undefined;
}

function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function refuse(status: 401 | 403 | 500, error: string): Verdict {
  const text = { 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error" }[status];
  return { allowed: false, answer: message(status, text), error };
}
