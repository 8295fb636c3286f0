import type { AccessLogRecord } from "../access-log.ts";
import type { Authorizer, Report } from "../auth/authorizer.ts";
import type { CorsConfig } from "./cors.ts";
import type { ApiIdentity } from "../event.ts";
import { type JwtAuthorizerConfig, createJwtAuthorizer } from "../auth/jwt-authorizer.ts";
import type { LambdaHandler } from "../lambda.ts";
import {
  type RequestAuthorizerConfig,
  createRequestAuthorizer,
} from "../auth/request-authorizer.ts";
import { type Throttle, type TokenBucket, createBucket } from "../throttle.ts";

/** A route of an HTTP API with its Lambda integration. */
export interface RouteConfig {
  routeKey: string;
  handler: LambdaHandler;
  functionName?: string;
  authorizer?: string;
  /** Any one of these lets a token pass. */
  scopes?: readonly string[];
  throttle?: Throttle;
  timeoutMs?: number; // 50…30 000
  payloadFormatVersion?: "2.0" | "1.0";
}

/** An HTTP API as one would describe it to AWS. */
export interface HttpApiConfig {
  routes: readonly RouteConfig[];
  authorizers?: Readonly<Record<string, JwtAuthorizerConfig | RequestAuthorizerConfig>>;
  cors?: CorsConfig;
  /** For all routes together that have no throttle of their own. */
  throttle?: Throttle;
  accountThrottle?: Throttle;
  stage?: string;
  identity?: Partial<ApiIdentity>;
  accessLog?: (record: AccessLogRecord) => void;
  /** Learns what clients only see as a 401, 500 or 503. */
  onError: Report;
  clock?: () => number; // epoch milliseconds
}

/** A route ready to be matched. */
export interface Route {
  routeKey: string;
  config: RouteConfig;
  functionName: string;
  authorizer: Authorizer | undefined;
  buckets: readonly TokenBucket[];
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const MOST_ROUTES = 300;
const MOST_AUTHORIZERS = 10;
const MOST_SCOPES = 10;
const SHORTEST_TIMEOUT = 50; // milliseconds
/** What an integration gets when nothing else is said. */
export const LONGEST_TIMEOUT = 30_000; // milliseconds

/** Makes the authorizers by name. */
export function createAuthorizers(
  config: HttpApiConfig,
  clock: () => number,
): Map<string, Authorizer> {
  const entries = Object.entries(config.authorizers ?? {});
  if (entries.length > MOST_AUTHORIZERS)
    throw new Error(`more than ${MOST_AUTHORIZERS} authorizers`);
  return new Map(
    entries.map(([name, settings]) => [
      name,
      settings.type === "JWT"
        ? createJwtAuthorizer(settings, clock, config.onError)
        : createRequestAuthorizer(name, settings, clock, config.onError),
    ]),
  );
}

/** Makes the routes with their buckets; throws for what AWS would refuse. */
export function createRoutes(
  { routes, throttle, accountThrottle }: HttpApiConfig,
  authorizers: ReadonlyMap<string, Authorizer>,
  now: number,
): Route[] {
  if (routes.length > MOST_ROUTES) throw new Error(`more than ${MOST_ROUTES} routes`);
  const account = accountThrottle && createBucket(accountThrottle, now);
  const shared = throttle && createBucket(throttle, now);
  return routes.map((config) => {
    checkRoute(config, authorizers);
    const own = config.throttle ? createBucket(config.throttle, now) : shared;
    return {
      routeKey: config.routeKey,
      config,
      functionName: config.functionName ?? (config.handler.name || "handler"),
      authorizer: config.authorizer === undefined ? undefined : authorizers.get(config.authorizer),
      buckets: [account, own].filter((bucket) => bucket !== undefined),
    };
  });
}

// A route must never be open because its authorizer's name was misspelt.
function checkRoute(route: RouteConfig, authorizers: ReadonlyMap<string, Authorizer>): void {
  const { routeKey, authorizer, scopes = [], timeoutMs = LONGEST_TIMEOUT } = route;
  if (authorizer !== undefined && !authorizers.has(authorizer)) {
    throw new Error(`${routeKey}: there is no authorizer ${authorizer}`);
  }
  if (scopes.length > 0 && authorizer === undefined) {
    throw new Error(`${routeKey}: scopes need an authorizer`);
  }
  if (scopes.length > MOST_SCOPES) throw new Error(`${routeKey}: more than ${MOST_SCOPES} scopes`);
  if (timeoutMs < SHORTEST_TIMEOUT || timeoutMs > LONGEST_TIMEOUT) {
    throw new Error(`${routeKey}: timeoutMs must be ${SHORTEST_TIMEOUT} to ${LONGEST_TIMEOUT}`);
  }
}
