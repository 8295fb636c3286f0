/** The Live API (a WebSocket API) and its function, and what a function needs to send frames. */

import { ACTIONS } from "@stockwire/core/live/protocol";
import { LIVE_STAGE, throttles } from "@stockwire/functions/api/policy";
import { tokenEnvironment } from "./auth.ts";
import * as Authorizer from "./authorizer.ts";
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

// SST maps the domain of a WebSocket API to a stage `$default`, and does not wait for the stage. This
// API's stage has another name, so API Gateway would refuse the mapping. The stage's name is taken
// from an output of the stage: the mapping is then created after it.
$transform(aws.apigatewayv2.ApiMapping, (args, _, name) => {
  if (name !== "LiveDomainMapping") return;
  args.stage = api.managementEndpoint.apply((url) => url.slice(url.lastIndexOf("/") + 1));
});

export const api = new sst.aws.ApiGatewayWebSocket("Live", {
  ...(stage.domains && { domain: stage.domains.live }),
  transform: {
    // Functions send frames through this endpoint, also where there is a domain.
    api: { disableExecuteApiEndpoint: false },
    accessLog: {
      name: `/aws/vendedlogs/apigateway/${$app.name}-${$app.stage}-live`,
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
  const { executionArn } = api.nodes.api;
  return {
    actions: ["execute-api:ManageConnections"],
    resources: [$interpolate`${executionArn}/${LIVE_STAGE}/${method}/@connections/*`],
  };
}

/** Allows to close connections whose token has expired. */
const closing = onConnections("DELETE");

/** Allows to send messages for later: to close a connection, or to continue a replay. */
const queueing: Permission = { actions: ["sqs:SendMessage"], resources: [deliveryQueue.arn] };

/** What the function `deliver` does beside sending frames: it continues replays and closes connections. */
export const queued = {
  environment: { DELIVERY_QUEUE_URL: deliveryQueue.url },
  permissions: [closing, queueing, onIndex(changes)] satisfies Permission[],
};

/** Environment and permissions to send frames, and to delete connections that are gone. */
export const sending = {
  environment: { LIVE_ENDPOINT: api.managementEndpoint },
  permissions: [
    onTable(connections, "GetItem", "Query", "UpdateItem", "BatchWriteItem"),
    onConnections("POST"),
  ] satisfies Permission[],
};

export const handler = lambda("live", {
  description: "Live API",
  timeout: "29 seconds",
  cursors: true,
  environment: {
    ...tokenEnvironment, // the `auth` frame brings a new token
    ...sending.environment,
    DELIVERY_QUEUE_URL: deliveryQueue.url,
  },
  permissions: [
    ...sending.permissions,
    closing,
    onConnections("GET"), // to find dead connections of a caller who has reached the limit
    onTable(changes, "GetItem"),
    onIndex(changes),
    queueing,
  ],
});

const authorizer = api.addAuthorizer("Caller", {
  // Without an identity source API Gateway calls the authorizer for every connection. It must, as
  // the credential is in a header, in the subprotocol or in the query.
  lambda: { function: Authorizer.handler.target, identitySources: [] },
});

api.route("$connect", handler.target, { auth: { lambda: authorizer.id } });
for (const route of ["$disconnect", "$default", ...ACTIONS]) {
  api.route(route, handler.target, { name: route.replace("$", "") });
}
