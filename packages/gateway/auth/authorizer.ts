/**
 * What all authorizers share: the interface that routes use, and identity sources.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
 */

import type { EventSource } from "../event.ts";
import type { GatewayRequest } from "../request.ts";
import type { HttpResponse } from "../response.ts";

/**
 * The decision about a request: the `requestContext.authorizer` of its event, or the response that
 * refuses it. `error` is for the access log.
 */
export type Verdict =
  | { allowed: true; context: Record<string, unknown> }
  | { allowed: false; response: HttpResponse; error: string };

/** Decides whether a request may invoke a route. */
export interface Authorizer {
  /** `scopes` are those of the route; any one of them is enough. Never rejects. */
  authorize(
    request: GatewayRequest,
    source: EventSource,
    scopes: readonly string[],
  ): Promise<Verdict>;
  /** Aborts fetches in progress. */
  close(): void;
}

/** Reads an identity out of a request; undefined if it is missing or empty. */
export type IdentitySource = (request: GatewayRequest, source: EventSource) => string | undefined;

/**
 * Compiles an identity source expression such as `$request.header.Authorization`. Throws for an
 * expression that is not supported.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
 */
export function identitySource(expression: string): IdentitySource {
  const [, where, name = ""] =
    /^\$(request\.header|request\.querystring|context)\.(.+)$/.exec(expression) ?? [];
  const header = name.toLowerCase();
  switch (where) {
    case "request.header":
      return ({ headers }) => headers.get(header) || undefined;
    case "request.querystring":
      return ({ query }) => query.find(([key]) => key === name)?.[1] || undefined;
    case "context":
      return (request, source) => contextValue(name, request, source) || undefined;
    case undefined:
    default:
      throw new Error(`${expression} is not a supported identity source`);
  }
}

function contextValue(
  name: string,
  request: GatewayRequest,
  source: EventSource,
): string | undefined {
  switch (name) {
    case "routeKey":
      return source.routeKey;
    case "stage":
      return source.stage;
    case "httpMethod":
      return request.method;
    case "identity.sourceIp":
      return request.sourceIp;
    default:
      return undefined;
  }
}
