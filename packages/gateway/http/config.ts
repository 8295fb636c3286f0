/**
 * The configuration of an HTTP API, and its checks. A configuration that AWS would refuse throws before
 * the API serves anything, so a mistake never opens a route.
 */

import type { Authorizer } from "../auth/authorizer.ts";
import { type JwtAuthorizerConfig, createJwtAuthorizer } from "../auth/jwt-authorizer.ts";
import { type LambdaAuthorizerConfig, createLambdaAuthorizer } from "../auth/lambda-authorizer.ts";
import type { Concurrency } from "../concurrency.ts";
import type { ApiIdentity } from "../event.ts";
import type { LambdaHandler } from "../lambda.ts";
import type { AccessLogRecord, ReportError } from "../log.ts";
import { type Throttle, type TokenBucket, createBucket } from "../throttle.ts";
import type { CorsConfig } from "./cors.ts";

/** A route with its Lambda integration. */
export interface RouteConfig {
  /** Such as `GET /users/{id}`, `ANY /{proxy+}` or `$default`. */
  routeKey: string;
  handler: LambdaHandler;
  functionName?: string;
  /** The name of one of the API's authorizers. */
  authorizer?: string;
  /** A token needs any one of these scopes. */
  scopes?: readonly string[];
  throttle?: Throttle;
  /** The integration timeout, 50 to 30 000 ms. Default: 30 000. */
  timeoutMs?: number;
  payloadFormatVersion?: "2.0" | "1.0";
}

/** An HTTP API. */
export interface HttpApiConfig {
  routes: readonly RouteConfig[];
  authorizers?: Readonly<Record<string, JwtAuthorizerConfig | LambdaAuthorizerConfig>>;
  cors?: CorsConfig;
  /** Shared by all routes that have no throttle of their own. */
  throttle?: Throttle;
  accountThrottle?: Throttle;
  /**
   * The invocations that may be in progress; above it the API answers 503. Authorizers do not count.
   * Default: 1 000 of this API alone.
   */
  concurrency?: Concurrency;
  /** Default: `$default`, whose name is not part of the path. */
  stage?: string;
  identity?: Partial<ApiIdentity>;
  accessLog?: (record: AccessLogRecord) => void;
  onError: ReportError;
  clock?: () => number; // epoch milliseconds
}

/** A route whose configuration was checked. */
export interface Route {
  routeKey: string;
  config: RouteConfig;
  functionName: string;
  authorizer: Authorizer | undefined;
  buckets: readonly TokenBucket[];
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const MAX_ROUTES = 300;
const MAX_AUTHORIZERS = 10;
const MAX_SCOPES = 10;
const MIN_TIMEOUT = 50; // milliseconds
/** The longest and also the default integration timeout. */
export const MAX_TIMEOUT = 30_000; // milliseconds

/** Creates the authorizers by name. Throws for a configuration that AWS refuses. */
export function createAuthorizers(
  config: HttpApiConfig,
  clock: () => number,
): Map<string, Authorizer> {
  const entries = Object.entries(config.authorizers ?? {});
  if (entries.length > MAX_AUTHORIZERS) throw new Error(`more than ${MAX_AUTHORIZERS} authorizers`);
  return new Map(
    entries.map(([name, settings]) => [
      name,
      settings.type === "JWT"
        ? createJwtAuthorizer(settings, clock, config.onError)
        : createLambdaAuthorizer(name, settings, clock, config.onError),
    ]),
  );
}

/** Creates the routes with their buckets. Throws for a configuration that AWS refuses. */
export function createRoutes(
  { routes, throttle, accountThrottle }: HttpApiConfig,
  authorizers: ReadonlyMap<string, Authorizer>,
  now: number,
): Route[] {
  if (routes.length > MAX_ROUTES) throw new Error(`more than ${MAX_ROUTES} routes`);
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

function checkRoute(route: RouteConfig, authorizers: ReadonlyMap<string, Authorizer>): void {
  const { routeKey, authorizer, scopes = [], timeoutMs = MAX_TIMEOUT } = route;
  // A misspelt authorizer must not leave the route open.
  if (authorizer !== undefined && !authorizers.has(authorizer)) {
    throw new Error(`${routeKey}: there is no authorizer ${authorizer}`);
  }
  if (scopes.length > 0 && authorizer === undefined) {
    throw new Error(`${routeKey}: scopes need an authorizer`);
  }
  if (scopes.length > MAX_SCOPES) throw new Error(`${routeKey}: more than ${MAX_SCOPES} scopes`);
  if (timeoutMs < MIN_TIMEOUT || timeoutMs > MAX_TIMEOUT) {
    throw new Error(`${routeKey}: timeoutMs must be ${MIN_TIMEOUT} to ${MAX_TIMEOUT}`);
  }
}
