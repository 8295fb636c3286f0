import { ACTIONS } from "@stockwire/core/live/protocol";
import { LIVE_STAGE, throttles } from "@stockwire/functions/api/policy";
import { audiences, issuer } from "./auth.ts";
import { lambda, onIndex, onTable, type Permission } from "./function.ts";
import { deliveryQueue } from "./queue.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import { changes, connections } from "./storage.ts";

const stage = settingsOf($app.stage);

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  connectionId: "$context.connectionId",
  eventType: "$context.eventType",
  routeKey: "$context.routeKey",
  ip: "$context.identity.sourceIp",
  requestTime: "$context.requestTime",
  status: "$context.status",
  integrationLatency: "$context.integrationLatency",
  integrationError: "$context.integrationErrorMessage",
  authorizerError: "$context.authorizer.error",
};

export const live = new sst.aws.ApiGatewayWebSocket("Live", {
  ...(stage.domains && { domain: stage.domains.live }),
  transform: {
    api: { disableExecuteApiEndpoint: false }, // frames are posted there
    accessLog: {
      name: `/aws/apigateway/${$app.name}-${$app.stage}-live`,
      retentionInDays: LOG_DAYS,
    },
    stage: (args) => {
      args.name = LIVE_STAGE;
      args.defaultRouteSettings = {
        throttlingRateLimit: throttles.stage.rate,
        throttlingBurstLimit: throttles.stage.burst,
        detailedMetricsEnabled: stage.routeMetrics,
      };
      args.accessLogSettings = $util.output(args.accessLogSettings).apply((settings) => ({
        destinationArn: settings?.destinationArn ?? "",
        format: JSON.stringify(ACCESS_LOG),
      }));
      return undefined;
    },
  },
});

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html */
function onConnections(method: "POST" | "GET" | "DELETE"): Permission {
  const { executionArn } = live.nodes.api;
  return {
    actions: ["execute-api:ManageConnections"],
    resources: [$interpolate`${executionArn}/${LIVE_STAGE}/${method}/@connections/*`],
  };
}

/** What a function needs that posts frames to connections, and forgets those that are gone. */
export const posting = {
  environment: { LIVE_ENDPOINT: live.managementEndpoint },
  permissions: [
    onTable(connections, "GetItem", "Query", "UpdateItem", "BatchWriteItem"),
    onConnections("POST"),
  ] satisfies Permission[],
};

/** Tokens are verified by the functions themselves: a WebSocket API has no JWT authorizer. */
const tokens = {
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: $util.all(audiences).apply((all) => all.join(",")),
};

export const authorizer = lambda("LiveAuthorizer", "authorizer", {
  description: "Who may connect to the Live API",
  timeout: "10 seconds",
  environment: { ...tokens, ALLOWED_ORIGINS: stage.origins.join(",") },
  permissions: [onTable(connections, "DeleteItem")], // tickets
});

export const socket = lambda("LiveSocket", "live", {
  description: "Live API",
  timeout: "29 seconds",
  cursors: true,
  environment: {
    ...tokens,
    ...posting.environment,
    DELIVERY_QUEUE_URL: deliveryQueue.url,
  },
  permissions: [
    ...posting.permissions,
    onConnections("DELETE"), // of those whose token has ended
    onConnections("GET"), // whether those of a caller who has too many are gone
    onTable(changes, "GetItem"),
    onIndex(changes),
    { actions: ["sqs:SendMessage"], resources: [deliveryQueue.arn] },
  ],
});

const gate = live.addAuthorizer("Caller", {
  // Without an identity source it is asked each time: a credential comes in one of three places.
  lambda: { function: authorizer.arn, identitySources: [] },
});

live.route("$connect", socket.arn, { auth: { lambda: gate.id } });
for (const route of ["$disconnect", "$default", ...ACTIONS]) {
  live.route(route, socket.arn, { name: route.replace("$", "") });
}
