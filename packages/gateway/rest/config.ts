/**
 * The configuration of a REST API, and its checks. A configuration that AWS would refuse, or that this
 * gateway cannot honour, throws before the API serves anything.
 */

import { type Concurrency, createConcurrency } from "../concurrency.ts";
import type { ApiIdentity } from "../event.ts";
import type { LambdaHandler } from "../lambda.ts";
import type { ReportError, RestLogRecord } from "../log.ts";
import { type Throttle, type TokenBucket, createBucket } from "../throttle.ts";
import type { ApiKeyConfig, ApiKeySource } from "./api-key.ts";
import {
  type RestAuthorizer,
  type RestAuthorizerConfig,
  createRestAuthorizer,
} from "./authorizer.ts";
import type { GatewayResponses } from "./gateway-response.ts";
import { type Integration, type IntegrationConfig, createIntegration } from "./integration.ts";
import { type CacheConfig, type ResponseCache, createResponseCache } from "./response-cache.ts";
import { type StreamingHandler, isStreaming } from "./stream.ts";
import type { UsagePlanConfig } from "./usage-plan.ts";
import type { UsageStore } from "./usage.ts";
import { type ValidationConfig, type Validator, createValidator } from "./validator.ts";

/** A method with its integration: a Lambda proxy, unless `integration` is given. */
export interface RestRouteConfig extends ValidationConfig {
  /** Such as `GET /users/{id}` or `ANY /{proxy+}`. */
  routeKey: string;
  /** Absent only for a mock. */
  handler?: LambdaHandler | StreamingHandler;
  functionName?: string;
  /** A non-proxy integration with its mapping templates. */
  integration?: IntegrationConfig;
  /** The name of one of the API's authorizers. */
  authorizer?: string;
  apiKeyRequired?: boolean;
  throttle?: Throttle;
  cache?: CacheConfig;
  /** `STREAM` needs a handler that `awslambda.streamifyResponse` made. Default: `BUFFERED`. */
  responseTransferMode?: "BUFFERED" | "STREAM";
  /** The integration timeout, from 50 ms. Default: 29 000. */
  timeoutMs?: number;
  /** The longest silence of a stream. Default: 5 minutes, as of a regional endpoint. */
  idleTimeoutMs?: number;
}

/** One stage of a REST API. */
export interface RestApiConfig {
  /** The first path segment of the API's URL. */
  stage: string;
  /**
   * The base path of a custom domain that is mapped to the stage: the first path segment instead of
   * the stage's name, and part of the paths in events. Empty: there is no such segment.
   */
  basePath?: string;
  stageVariables?: Readonly<Record<string, string>>;
  routes: readonly RestRouteConfig[];
  authorizers?: Readonly<Record<string, RestAuthorizerConfig>>;
  apiKeys?: readonly ApiKeyConfig[] | ApiKeySource;
  /** Where a request's API key comes from. Default: `HEADER`, which is `x-api-key`. */
  apiKeySource?: "HEADER" | "AUTHORIZER";
  /**
   * The invocations that may be in progress, streams too; above it the API answers 500. Authorizers
   * do not count. Default: 1 000 of this API alone.
   */
  concurrency?: Concurrency;
  usagePlans?: readonly UsagePlanConfig[];
  /** Where the requests of keys are counted. Default: in memory. */
  usage?: UsageStore;
  /** Shared by all routes without a throttle of their own. */
  throttle?: Throttle;
  accountThrottle?: Throttle;
  /** An IAM policy document. */
  resourcePolicy?: unknown;
  binaryMediaTypes?: readonly string[];
  gatewayResponses?: GatewayResponses;
  /** What a stream that fails after its head ends with; AWS documents neither. Default: `cut`. */
  failedStream?: "cut" | "complete";
  identity?: Partial<ApiIdentity>;
  accessLog?: (record: RestLogRecord) => void;
  onError: ReportError;
  clock?: () => number; // epoch milliseconds
}

/** A route whose configuration was checked. */
export interface RestRoute {
  routeKey: string;
  config: RestRouteConfig;
  functionName: string;
  authorizer: RestAuthorizer | undefined;
  validator: Validator;
  cache: ResponseCache | undefined;
  /** Undefined for a Lambda proxy. */
  integration: Integration | undefined;
  buckets: readonly TokenBucket[];
  concurrency: Concurrency;
  timeoutMs: number;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const MAX_ROUTES = 300;
const MAX_AUTHORIZERS = 10;
const MIN_TIMEOUT = 50; // milliseconds
const DEFAULT_TIMEOUT = 29_000; // milliseconds
// More than 29 s needs a quota of the account, which regional APIs can have raised.
const MAX_TIMEOUT = { BUFFERED: 300_000, STREAM: 900_000 } as const; // milliseconds
const STAGE = /^[A-Za-z0-9_-]{1,128}$/;
const STAGE_VARIABLE = /^[A-Za-z0-9_]+$/;
const STAGE_VALUE = /^[A-Za-z0-9\-._~:/?#&=,]*$/;

/** The members of the configuration; any other is a setting that this gateway does not know. */
const MEMBERS: ReadonlySet<string> = new Set<keyof RestApiConfig>([
  "stage",
  "basePath",
  "stageVariables",
  "routes",
  "authorizers",
  "apiKeys",
  "apiKeySource",
  "concurrency",
  "usagePlans",
  "usage",
  "throttle",
  "accountThrottle",
  "resourcePolicy",
  "binaryMediaTypes",
  "gatewayResponses",
  "failedStream",
  "identity",
  "accessLog",
  "onError",
  "clock",
]);
const ROUTE_MEMBERS: ReadonlySet<string> = new Set<keyof RestRouteConfig>([
  "routeKey",
  "handler",
  "functionName",
  "authorizer",
  "apiKeyRequired",
  "throttle",
  "cache",
  "integration",
  "responseTransferMode",
  "timeoutMs",
  "idleTimeoutMs",
  "requestParameters",
  "requestModels",
  "validate",
]);

/** Creates the routes. Throws for a configuration that cannot be honoured, and names the setting. */
export function createRestRoutes(config: RestApiConfig, clock: () => number): RestRoute[] {
  const { stage, stageVariables = {}, routes, throttle, accountThrottle } = config;
  const { concurrency = createConcurrency() } = config;
  refuseUnknown("the REST API", config, MEMBERS);
  if (!STAGE.test(stage)) throw new Error(`${stage} is not a stage name`);
  for (const [name, value] of Object.entries(stageVariables)) {
    if (!STAGE_VARIABLE.test(name) || !STAGE_VALUE.test(value)) {
      throw new Error(`stageVariables: ${name} has a name or a value that AWS refuses`);
    }
  }
  if (routes.length > MAX_ROUTES) throw new Error(`more than ${MAX_ROUTES} routes`);
  const authorizers = createAuthorizers(config, clock);
  const account = accountThrottle && createBucket(accountThrottle, clock());
  const shared = throttle && createBucket(throttle, clock());
  return routes.map((route) => {
    const { routeKey, handler, responseTransferMode: mode = "BUFFERED" } = route;
    refuseUnknown(routeKey, route, ROUTE_MEMBERS);
    const { authorizer, timeoutMs = DEFAULT_TIMEOUT } = route;
    // A misspelt authorizer must not leave the route open.
    if (authorizer !== undefined && !authorizers.has(authorizer)) {
      throw new Error(`${routeKey}: there is no authorizer ${authorizer}`);
    }
    if (timeoutMs < MIN_TIMEOUT || timeoutMs > MAX_TIMEOUT[mode]) {
      throw new Error(`${routeKey}: timeoutMs must be ${MIN_TIMEOUT} to ${MAX_TIMEOUT[mode]}`);
    }
    if ((mode === "STREAM") !== isStreaming(handler)) {
      throw new Error(`${routeKey}: the handler does not suit responseTransferMode ${mode}`);
    }
    if (mode === "STREAM" && route.cache) throw new Error(`${routeKey}: a stream has no cache`);
    const functionName = route.functionName ?? (handler?.name || "handler");
    if (!handler && route.integration?.type !== "MOCK") {
      throw new Error(`${routeKey}: there is no handler`);
    }
    if (mode === "STREAM" && route.integration) {
      throw new Error(`${routeKey}: only a Lambda proxy can stream`);
    }
    const integration =
      route.integration &&
      createIntegration(routeKey, route.integration, {
        handler: handler as LambdaHandler | undefined,
        functionName,
        timeoutMs,
        concurrency,
      });
    const own = route.throttle ? createBucket(route.throttle, clock()) : shared;
    return {
      routeKey,
      config: route,
      functionName,
      authorizer: authorizer === undefined ? undefined : authorizers.get(authorizer),
      validator: createValidator(routeKey, route),
      cache: route.cache && createResponseCache(routeKey, route.cache, clock),
      integration,
      buckets: [account, own].filter((bucket) => bucket !== undefined),
      concurrency,
      timeoutMs,
    };
  });
}

function createAuthorizers(
  { authorizers = {}, onError }: RestApiConfig,
  clock: () => number,
): Map<string, RestAuthorizer> {
  const entries = Object.entries(authorizers);
  if (entries.length > MAX_AUTHORIZERS) throw new Error(`more than ${MAX_AUTHORIZERS} authorizers`);
  return new Map(
    entries.map(([name, settings]) => [name, createRestAuthorizer(name, settings, clock, onError)]),
  );
}

/** A setting that is silently ignored could be one that protects something. */
function refuseUnknown(where: string, config: object, members: ReadonlySet<string>): void {
  const unknown = Object.keys(config).find((name) => !members.has(name));
  if (unknown !== undefined) throw new Error(`${where}: the setting ${unknown} is not supported`);
}
