import type { WebSocketLogRecord } from "../access-log.ts";
import type { Report } from "../auth/authorizer.ts";
import type { ApiIdentity } from "../event.ts";
import type { LambdaHandler } from "../lambda.ts";
import type { Throttle } from "../throttle.ts";

/** A route of a WebSocket API with its Lambda integration. */
export interface WebSocketRouteConfig {
  /** `$connect`, `$disconnect`, `$default`, or what the route selection expression gives. */
  routeKey: string;
  handler: LambdaHandler;
  functionName?: string;
  /** Only `$connect` can have one. */
  authorizer?: string;
  /** Whether the `body` that the Lambda returns goes to the client. */
  routeResponse?: boolean;
  timeoutMs?: number; // 50…29 000
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html */
export interface WebSocketAuthorizerConfig {
  type: "REQUEST";
  /** Such as `route.request.querystring.ticket`; without one of them the Lambda is not asked. */
  identitySource: readonly string[];
  handler: LambdaHandler;
}

/** What a WebSocket API lets clients and callers do. */
export interface WebSocketLimits {
  frame: number; // bytes, as a client sends it
  message: number; // bytes, either way
  idle: number; // milliseconds without a message either way
  lifetime: number; // milliseconds
  integration: number; // milliseconds
  /** New connections. */
  connections: Throttle;
  /** Calls of `@connections`. */
  management: Throttle;
  /** Messages of one connection that wait or run; past them nothing more is read from it. */
  queued: number;
  /** What may wait for a client that does not read; one more message and it is cut off. */
  buffered: number; // bytes
  /** How long a close may take, that of a connection or of the API. */
  closing: number; // milliseconds
  /** How often idle and old connections are looked for. */
  sweep: number; // milliseconds
}

/** A WebSocket API as one would describe it to AWS. */
export interface WebSocketApiConfig {
  /** The first path segment. */
  stage: string;
  routeSelectionExpression: string;
  routes: readonly WebSocketRouteConfig[];
  authorizers?: Readonly<Record<string, WebSocketAuthorizerConfig>>;
  /** Secret by access key id: whose signatures `@connections` accepts. Without any, nobody's. */
  credentials?: Readonly<Record<string, string>>;
  /** Runs messages of one connection side by side, as AWS may; else each waits for the one before. */
  concurrent?: boolean;
  limits?: Partial<WebSocketLimits>;
  /** Events show the host that the client asked for instead of `domainName`. */
  identity?: Partial<Omit<ApiIdentity, "domainName">>;
  accessLog?: (record: WebSocketLogRecord) => void;
  /** Learns what clients only see as a 500, a 502 or an error frame. */
  onError: Report;
  clock?: () => number; // epoch milliseconds
}

/** A route ready to be run. */
export interface WebSocketRoute {
  routeKey: string;
  handler: LambdaHandler;
  functionName: string;
  authorizer: string | undefined;
  routeResponse: boolean;
  timeoutMs: number;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
export const AWS_LIMITS: WebSocketLimits = {
  frame: 32 * 1024,
  message: 128 * 1024,
  idle: 10 * 60_000,
  lifetime: 2 * 60 * 60_000,
  integration: 29_000,
  connections: { rate: 500, burst: 500 },
  management: { rate: 10_000, burst: 5000 },
  // AWS does not say; these keep a laptop's memory bounded.
  queued: 100,
  buffered: 512 * 1024,
  closing: 2000,
  sweep: 1000,
};
const MOST_ROUTES = 300;
const SHORTEST_TIMEOUT = 50; // milliseconds
const STAGE = /^[A-Za-z0-9_-]{1,128}$/;

/** Makes the routes by their key; throws for what AWS would refuse. */
export function createWebSocketRoutes(
  { stage, routes, authorizers = {} }: WebSocketApiConfig,
  limits: WebSocketLimits,
): Map<string, WebSocketRoute> {
  if (!STAGE.test(stage)) throw new Error(`${stage} is not a name of a stage`);
  if (routes.length > MOST_ROUTES) throw new Error(`more than ${MOST_ROUTES} routes`);
  const made = new Map<string, WebSocketRoute>();
  for (const { routeKey, handler, authorizer, ...settings } of routes) {
    const { timeoutMs = limits.integration, routeResponse = false } = settings;
    if (made.has(routeKey)) throw new Error(`${routeKey}: there are two of it`);
    // A connection must never be open to all because its authorizer's name was misspelt or misplaced.
    if (authorizer !== undefined && !Object.hasOwn(authorizers, authorizer)) {
      throw new Error(`${routeKey}: there is no authorizer ${authorizer}`);
    }
    if (authorizer !== undefined && routeKey !== "$connect") {
      throw new Error(`${routeKey}: only $connect can have an authorizer`);
    }
    if (timeoutMs < SHORTEST_TIMEOUT || timeoutMs > limits.integration) {
      throw new Error(
        `${routeKey}: timeoutMs must be ${SHORTEST_TIMEOUT} to ${limits.integration}`,
      );
    }
    const functionName = settings.functionName ?? (handler.name || "handler");
    made.set(routeKey, { routeKey, handler, functionName, authorizer, routeResponse, timeoutMs });
  }
  return made;
}
