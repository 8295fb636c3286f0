/**
 * The definitions of Stockwire's three APIs for the local gateway. A test of infra compares them with
 * what is deployed.
 */

import { ACTIONS } from "@stockwire/core/live/protocol";
import {
  cors,
  LIVE_STAGE,
  routeKeyOf,
  routes,
  scopesOf,
  throttles,
} from "@stockwire/functions/api/policy";
import { templateRoutes } from "@stockwire/functions/partner/integration";
import {
  AUTHORIZER_TTL,
  CACHE_TTL,
  PARTNER_STAGE,
  plans,
  resourcePolicy,
} from "@stockwire/functions/partner/plan";
import { partnerRoutes } from "@stockwire/functions/partner/route";
import type { HttpApiConfig, RouteConfig } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import type { RestApiConfig, RestRouteConfig } from "@stockwire/gateway/rest/rest-api";
import type { WebSocketApiConfig } from "@stockwire/gateway/websocket/websocket-api";
import { AUDIENCE } from "./server-registry.ts";

/**
 * The HTTP API: a route for each entry of the policy, and `$default` for requests that match none.
 * `issuer` is the URL whose tokens the API accepts.
 */
export const httpApi = (
  handler: LambdaHandler,
  issuer: string,
): Pick<HttpApiConfig, "routes" | "authorizers" | "cors" | "throttle" | "accountThrottle"> => ({
  authorizers: {
    token: {
      type: "JWT",
      issuer,
      audience: [AUDIENCE],
      identitySource: "$request.header.Authorization",
    },
  },
  routes: [
    ...routes.map((route): RouteConfig => ({
      routeKey: routeKeyOf(route),
      handler,
      ...(route.access !== "open" && { authorizer: "token", scopes: scopesOf(route) }),
      ...(route.throttle && { throttle: route.throttle }),
    })),
    { routeKey: "$default", handler },
  ],
  cors: {
    allowOrigins: ["*"],
    allowMethods: cors.methods,
    allowHeaders: cors.headers,
    exposeHeaders: cors.exposed,
    maxAge: cors.maxAge,
  },
  throttle: throttles.stage,
  accountThrottle: throttles.account,
});

/** The Live API: `authorizer` decides on `$connect`, and `handler` serves every route. */
export const liveApi = (
  handler: LambdaHandler,
  authorizer: LambdaHandler,
): Pick<
  WebSocketApiConfig,
  "stage" | "routeSelectionExpression" | "routes" | "authorizers" | "throttle" | "accountThrottle"
> => ({
  stage: LIVE_STAGE,
  routeSelectionExpression: "$request.body.action",
  // No identity source: with one, API Gateway refuses a request without it. Credentials may come in
  // the Authorization header, in a subprotocol or as a ticket in the query.
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
  authorizers: { caller: { type: "REQUEST", identitySource: [], handler: authorizer } },
  routes: [
    { routeKey: "$connect", handler, authorizer: "caller" },
    ...["$disconnect", "$default", ...ACTIONS].map((routeKey) => ({ routeKey, handler })),
  ],
  throttle: throttles.stage,
  accountThrottle: throttles.account,
});

/** What can be set for the Partner API of a stage. */
export interface PartnerSettings {
  /** Whether answers of products, inventory and items are cached. */
  cache: boolean;
  /** Ranges of addresses (CIDR) that are refused. */
  deniedRanges: readonly string[];
  /** Requests a month of plan `basic`, instead of its own quota. */
  basicQuota?: number | undefined;
}

/** The functions of the Partner API. */
interface PartnerFunctions {
  /** Serves the app. */
  http: LambdaHandler;
  /** Serves the methods that have mapping templates. */
  hello: LambdaHandler;
  authorizer: LambdaHandler;
  /** Serves the method whose answer is a stream. */
  stream: Omit<RestRouteConfig, "routeKey">;
}

/**
 * The Partner API: a method for each route that partners get. Each needs a token and an API key, except
 * those that are open, and preflights, which the app answers.
 */
export const partnerApi = (
  { http, hello, authorizer, stream: streaming }: PartnerFunctions,
  { cache, deniedRanges, basicQuota }: PartnerSettings,
): Pick<
  RestApiConfig,
  | "stage"
  | "routes"
  | "authorizers"
  | "usagePlans"
  | "throttle"
  | "accountThrottle"
  | "resourcePolicy"
> => {
  const metered = { authorizer: "token", apiKeyRequired: true };
  const policy = resourcePolicy(deniedRanges);
  return {
    stage: PARTNER_STAGE,
    authorizers: {
      token: {
        type: "TOKEN",
        identitySource: "method.request.header.Authorization",
        ttl: AUTHORIZER_TTL,
        handler: authorizer,
      },
    },
    routes: [
      ...partnerRoutes.map(
        ({ routeKey, open, stream, throttle, model, cacheKeyParameters }): RestRouteConfig => ({
          ...(stream ? streaming : { handler: http }),
          routeKey,
          ...(!open && (stream ? { authorizer: "token" } : metered)),
          ...(throttle && { throttle }),
          ...(model && {
            validate: ["body"],
            requestModels: Object.fromEntries(
              model.contentTypes.map((type) => [type, model.schema]),
            ),
          }),
          ...(cache &&
            cacheKeyParameters && { cache: { ttl: CACHE_TTL, keyParameters: cacheKeyParameters } }),
        }),
      ),
      ...templateRoutes.map(({ routeKey, model, requestTemplate, responses }): RestRouteConfig => ({
        routeKey,
        handler: hello,
        ...metered,
        ...(model && { validate: ["body"], requestModels: { "application/json": model } }),
        integration: {
          type: "AWS",
          requestTemplates: { "application/json": requestTemplate },
          passthroughBehavior: "NEVER",
          responses: responses.map(({ template, ...response }) => ({
            ...response,
            responseTemplate: template,
          })),
        },
      })),
      { routeKey: "OPTIONS /{proxy+}", handler: http },
    ],
    usagePlans: Object.entries(plans).map(([name, { throttle, quota }]) => ({
      name,
      stages: [PARTNER_STAGE],
      throttle,
      quota: name === "basic" && basicQuota !== undefined ? { ...quota, limit: basicQuota } : quota,
    })),
    throttle: throttles.stage,
    accountThrottle: throttles.account,
    ...(policy && { resourcePolicy: policy }),
  };
};
