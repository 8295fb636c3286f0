/**
 * The configuration of a WebSocket API, and its checks. A configuration that AWS would refuse throws
 * before the API accepts a client.
 */

import type { ApiIdentity } from "../event.ts";
import type { LambdaHandler } from "../lambda.ts";
import type { ReportError, WebSocketLogRecord } from "../log.ts";
import { type Throttle, type TokenBucket, createBucket } from "../throttle.ts";

/** A route with its Lambda integration. */
export interface WebSocketRouteConfig {
  /** `$connect`, `$disconnect`, `$default`, or a result of the route selection expression. */
  routeKey: string;
  handler: LambdaHandler;
  functionName?: string;
  /** The name of one of the API's authorizers; only `$connect` can have one. */
  authorizer?: string;
  /** True: the `body` that the function returns is sent to the client. */
  routeResponse?: boolean;
  /** https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html */
  throttle?: Throttle;
  /** The integration timeout, 50 to 29 000 ms. Default: 29 000. */
  timeoutMs?: number;
}

/**
 * A Lambda authorizer for `$connect`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
 */
export interface WebSocketAuthorizerConfig {
  type: "REQUEST";
  /** Such as `route.request.querystring.ticket`. If one is missing, the function is not invoked. */
  identitySource: readonly string[];
  handler: LambdaHandler;
}

/** The limits for clients and for callers of `@connections`. */
export interface WebSocketLimits {
  /** A frame of a client. */
  frame: number; // bytes
  /** A message in either direction. */
  message: number; // bytes
  /** The longest time without a message in either direction. */
  idle: number; // milliseconds
  /** The longest time that a connection stays open. */
  lifetime: number; // milliseconds
  /** The longest and also the default integration timeout. */
  integration: number; // milliseconds
  /** New connections. */
  connections: Throttle;
  /** Calls of `@connections`. */
  management: Throttle;
  /** Messages of one connection that wait or run. At this number the gateway stops reading. */
  queued: number;
  /** Bytes that wait for a client that does not read. Above this its connection is terminated. */
  buffered: number;
  /** How long closing may take, for one connection and for the API. */
  closing: number; // milliseconds
  /** The interval at which idle and old connections are looked for. */
  sweep: number; // milliseconds
}

/** A WebSocket API. */
export interface WebSocketApiConfig {
  /** The first path segment of the API's URL. */
  stage: string;
  routeSelectionExpression: string;
  routes: readonly WebSocketRouteConfig[];
  authorizers?: Readonly<Record<string, WebSocketAuthorizerConfig>>;
  /**
   * Secret access keys by access key id. `@connections` accepts signatures made with these keys only,
   * and none if they are absent.
   */
  credentials?: Readonly<Record<string, string>>;
  /**
   * True: messages of one connection run concurrently, as they may on AWS. Default: each waits for the
   * one before.
   */
  concurrent?: boolean;
  limits?: Partial<WebSocketLimits>;
  /** Handshakes and messages, shared by all routes that have no throttle of their own. */
  throttle?: Throttle;
  accountThrottle?: Throttle;
  /** Without `domainName`: events show the host that the client connected to. */
  identity?: Partial<Omit<ApiIdentity, "domainName">>;
  accessLog?: (record: WebSocketLogRecord) => void;
  onError: ReportError;
  clock?: () => number; // epoch milliseconds
}

/** A route whose configuration was checked. */
export interface WebSocketRoute {
  routeKey: string;
  handler: LambdaHandler;
  functionName: string;
  authorizer: string | undefined;
  routeResponse: boolean;
  timeoutMs: number;
  buckets: readonly TokenBucket[];
}

/**
 * The quotas of AWS.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const AWS_LIMITS: WebSocketLimits = {
  frame: 32 * 1024,
  message: 128 * 1024,
  idle: 10 * 60_000,
  lifetime: 2 * 60 * 60_000,
  integration: 29_000,
  connections: { rate: 500, burst: 500 },
  management: { rate: 10_000, burst: 5000 },
  // AWS documents no values for the rest. These bound the memory of a laptop.
  queued: 100,
  buffered: 512 * 1024,
  closing: 2000,
  sweep: 1000,
};
const MAX_ROUTES = 300;
const MIN_TIMEOUT = 50; // milliseconds
const STAGE = /^[A-Za-z0-9_-]{1,128}$/;

/** Creates the routes by their key. Throws for a configuration that AWS refuses. */
export function createWebSocketRoutes(
  { stage, routes, authorizers = {}, throttle, accountThrottle }: WebSocketApiConfig,
  limits: WebSocketLimits,
  now: number, // epoch milliseconds
): Map<string, WebSocketRoute> {
  if (!STAGE.test(stage)) throw new Error(`${stage} is not a stage name`);
  if (routes.length > MAX_ROUTES) throw new Error(`more than ${MAX_ROUTES} routes`);
  const account = accountThrottle && createBucket(accountThrottle, now);
  const shared = throttle && createBucket(throttle, now);
  const created = new Map<string, WebSocketRoute>();
  for (const { routeKey, handler, authorizer, ...settings } of routes) {
    const { timeoutMs = limits.integration, routeResponse = false } = settings;
    if (created.has(routeKey)) throw new Error(`route ${routeKey} is given twice`);
    // A misspelt or misplaced authorizer must not leave the API open.
    if (authorizer !== undefined && !Object.hasOwn(authorizers, authorizer)) {
      throw new Error(`${routeKey}: there is no authorizer ${authorizer}`);
    }
    if (authorizer !== undefined && routeKey !== "$connect") {
      throw new Error(`${routeKey}: only $connect can have an authorizer`);
    }
    if (timeoutMs < MIN_TIMEOUT || timeoutMs > limits.integration) {
      throw new Error(`${routeKey}: timeoutMs must be ${MIN_TIMEOUT} to ${limits.integration}`);
    }
    const functionName = settings.functionName ?? (handler.name || "handler");
    const own = settings.throttle ? createBucket(settings.throttle, now) : shared;
    created.set(routeKey, {
      routeKey,
      handler,
      functionName,
      authorizer,
      routeResponse,
      timeoutMs,
      buckets: [account, own].filter((bucket) => bucket !== undefined),
    });
  }
  return created;
}
