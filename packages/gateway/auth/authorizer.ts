import type { EventSource } from "../event.ts";
import type { GatewayRequest } from "../request.ts";
import type { Answer } from "../response.ts";

/** What an authorizer decided, and with what the request goes on or which answer ends it. */
export type Verdict =
  | { allowed: true; context: Record<string, unknown> }
  | { allowed: false; answer: Answer; error: string };

/** What guards a route. */
export interface Authorizer {
  authorize(
    request: GatewayRequest,
    source: EventSource,
    scopes: readonly string[],
  ): Promise<Verdict>;
  close(): void;
}

/** Where a failure is told that the client must not see. */
export type Report = (problem: { what: string; error: unknown; requestId?: string }) => void;

/** Reads one value out of a request, such as `$request.header.Authorization`. */
export type IdentitySource = (request: GatewayRequest, source: EventSource) => string | undefined;

/**
 * Compiles an identity source expression; empty values count as missing.
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
      throw new Error(`${expression} is not an identity source this gateway knows`);
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
