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

/** The HTTP API as the policy describes it: a route for each entry, and one for 404 and 405. */
export const httpApi = (
  handler: LambdaHandler,
  issuer: string,
): Pick<HttpApiConfig, "routes" | "authorizers" | "cors" | "throttle" | "accountThrottle"> => ({
  authorizers: {
    token: {
      type: "JWT",
      issuer,
      audience: ["stockwire"],
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

/** The Live API: its authorizer decides on `$connect`, one function serves every route. */
export const liveApi = (
  handler: LambdaHandler,
  authorizer: LambdaHandler,
): Pick<WebSocketApiConfig, "stage" | "routeSelectionExpression" | "routes" | "authorizers"> => ({
  stage: LIVE_STAGE,
  routeSelectionExpression: "$request.body.action",
  // Without an identity source it is asked each time: a credential may come in one of three places.
  authorizers: { caller: { type: "REQUEST", identitySource: [], handler: authorizer } },
  routes: [
    { routeKey: "$connect", handler, authorizer: "caller" },
    ...["$disconnect", "$default", ...ACTIONS].map((routeKey) => ({ routeKey, handler })),
  ],
});
