import { cors, type Route, routes, throttles } from "../src/policy.ts";
import type { HttpApiConfig, RouteConfig } from "./gateway/http-api.ts";
import type { LambdaHandler } from "./gateway/lambda.ts";

/** Scopes arrive with or without the resource server's prefix, as Cognito writes them. */
const scopesOf = ({ access }: Route): string[] =>
  access === "token" || access === "open"
    ? []
    : [access, "admin"].flatMap((scope) => [scope, `stockwire/${scope}`]);

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
      routeKey: `${route.method} ${route.path}`,
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
