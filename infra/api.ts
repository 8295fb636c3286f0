import { cors, routeKeyOf, routes, scopesOf, throttles } from "@stockwire/functions/api/policy";
import { audiences, issuer } from "./auth.ts";
import { lambda, onIndex, onTable } from "./function.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import { changes, connections, data } from "./storage.ts";

const stage = settingsOf($app.stage);

export const http = lambda("Http", "http", {
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
// A stage refuses settings for routes that are not there yet.
let routed: (all: Route[]) => void = () => undefined;
const allRoutes = new Promise<Route[]>((resolve) => (routed = resolve));

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
    // Clients use the domain alone, where there is one.
    api: { disableExecuteApiEndpoint: stage.domains !== undefined },
    logGroup: {
      name: `/aws/apigateway/${$app.name}-${$app.stage}-api`,
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

// For what no route matches: 404 and 405 are the app's to tell, and it refuses all else.
const unmatched = api.route("$default", http.targetArn);

/*
 * The other routes share its integration and its permission. With one permission each, the
 * function's policy would pass the 20 KB that it may have.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
routed(
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

/** `GET /users/{id}` → `GetUsersId` */
function nameOf(routeKey: string): string {
  const words = routeKey.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join("");
}
