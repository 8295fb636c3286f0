/**
 * The definitions of Stockwire's two APIs for the local gateway. A test of infra compares them with
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
import type { HttpApiConfig, RouteConfig } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
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
