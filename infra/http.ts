/**
 * The HTTP API and its function. API Gateway knows every route of the policy and checks token and
 * scopes before it calls the function, so a route that is missing here is never open by accident.
 */

import { cors, routeKeyOf, routes, scopesOf, throttles } from "@stockwire/functions/api/policy";
import { audiences, issuer } from "./auth.ts";
import { lambda, onIndex, onTable } from "./function.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import { changes, connections, data } from "./storage.ts";

const stage = settingsOf($app.stage);

export const handler = lambda("http", {
  description: "HTTP API",
  timeout: "29 seconds",
  provisioned: stage.provisionedConcurrency,
  cursors: true,
  environment: { ALLOWED_ORIGINS: stage.origins.join(","), COMMIT: stage.commit },
  permissions: [
    onTable(
      data,
      "GetItem",
      "BatchGetItem",
      "Query",
      "PutItem",
      "UpdateItem",
      "DeleteItem",
      "ConditionCheckItem",
    ),
    onIndex(data),
    onTable(changes, "GetItem", "Query"),
    onIndex(changes),
    onTable(connections, "PutItem"), // tickets
  ],
});

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  requestTime: "$context.requestTime",
  httpMethod: "$context.httpMethod",
  routeKey: "$context.routeKey",
  status: "$context.status",
  responseLength: "$context.responseLength",
  responseLatency: "$context.responseLatency",
  integrationLatency: "$context.integrationLatency",
  integrationError: "$context.integrationErrorMessage",
  authorizerError: "$context.authorizer.error",
};

type Route = aws.apigatewayv2.Route;
// API Gateway refuses a stage with settings for routes that do not exist yet, so the stage depends
// on all routes. The routes are created below, because they need the API's id.
let resolveRoutes: (all: Route[]) => void = () => undefined;
const allRoutes = new Promise<Route[]>((resolve) => (resolveRoutes = resolve));

const limits = ({ rate, burst }: { rate: number; burst: number }) => ({
  throttlingRateLimit: rate,
  throttlingBurstLimit: burst,
  detailedMetricsEnabled: stage.routeMetrics,
});

export const api = new sst.aws.ApiGatewayV2("Api", {
  ...(stage.domains && { domain: stage.domains.api }),
  cors: stage.origins.length > 0 && {
    allowOrigins: stage.origins,
    allowCredentials: true,
    allowMethods: [...cors.methods],
    allowHeaders: [...cors.headers],
    exposeHeaders: [...cors.exposed],
    maxAge: `${cors.maxAge} seconds`,
  },
  transform: {
    // A stage with a domain is reachable by that domain only.
    api: { disableExecuteApiEndpoint: stage.domains !== undefined },
    // Groups with this prefix share one entry of the account's log policy, which has 5 120 bytes.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
    logGroup: {
      name: `/aws/vendedlogs/apigateway/${$app.name}-${$app.stage}-api`,
      retentionInDays: LOG_DAYS,
    },
    stage: (args, options) => {
      options.dependsOn = allRoutes;
      args.defaultRouteSettings = limits(throttles.stage);
      args.routeSettings = routes.flatMap((route) =>
        route.throttle ? [{ routeKey: routeKeyOf(route), ...limits(route.throttle) }] : [],
      );
      args.accessLogSettings = $util.output(args.accessLogSettings).apply((settings) => ({
        destinationArn: settings?.destinationArn ?? "",
        format: JSON.stringify(ACCESS_LOG),
      }));
      return undefined;
    },
  },
});

const authorizer = api.addAuthorizer({
  name: "Token",
  jwt: { issuer, audiences, identitySource: "$request.header.Authorization" },
});

// Requests that match no route also reach the app, which answers 404 or 405.
const unmatched = api.route("$default", handler.target);

/*
 * The other routes share the integration and the permission of `$default`. A permission for each
 * would exceed the 20 KB that Lambda allows for a function's resource policy.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
resolveRoutes(
  routes.map(
    (route) =>
      new aws.apigatewayv2.Route(`Route${nameOf(routeKeyOf(route))}`, {
        apiId: api.nodes.api.id,
        routeKey: routeKeyOf(route),
        target: $interpolate`integrations/${unmatched.nodes.integration.id}`,
        ...(route.access === "open"
          ? { authorizationType: "NONE" }
          : {
              authorizationType: "JWT",
              authorizerId: authorizer.id,
              authorizationScopes: scopesOf(route),
            }),
      }),
  ),
);

/** A part of a resource's name: `GET /users/{id}` → `GetUsersId` */
export function nameOf(routeKey: string): string {
  const words = routeKey.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join("");
}
