/**
 * Runs the routes of an open connection: one route for each message, and `$disconnect` at the end. A
 * message over a throttle and an integration that fails send an error frame to the client and never end the connection.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
 */

import { logTime } from "../event.ts";
import type { ReportError, WebSocketLogRecord } from "../log.ts";
import { admit } from "../throttle.ts";
import type { WebSocketRoute } from "./config.ts";
import type { Connection } from "./connection.ts";
import {
  type CloseStatus,
  type ConnectionInfo,
  type WebSocketEvent,
  disconnectEvent,
  messageEvent,
} from "./event.ts";
import { type IntegrationOutcome, invokeIntegration } from "./integration.ts";
import type { RouteSelection } from "./route-selection.ts";

/** The routes of an API other than `$connect`. */
export interface RouteRunner {
  /** Runs the route that a message selects. Never rejects. */
  message(connection: Connection, body: string): Promise<void>;
  /** Runs `$disconnect`. Never rejects. */
  disconnect(info: ConnectionInfo, status: CloseStatus): Promise<void>;
}

/** The parts of an API that its routes need. */
export interface RouteRunnerOptions {
  routes: ReadonlyMap<string, WebSocketRoute>;
  select: RouteSelection;
  clock: () => number;
  report: ReportError;
  log: (record: WebSocketLogRecord) => void;
}

/** Creates the runner for an API. */
export function createRouteRunner(options: RouteRunnerOptions): RouteRunner {
  const { routes, select, clock, report, log } = options;
  return {
    async message(connection, body) {
      const { info } = connection;
      const route = routes.get(select(body) ?? "$default") ?? routes.get("$default");
      const event = messageEvent(info, route?.routeKey ?? "$default", body, clock());
      if (!route) {
        connection.send(errorFrame("Forbidden", info, event));
        return log({ ...logRecord(info, event, "$default", "MESSAGE"), status: 403 });
      }
      if (!admit(clock(), ...route.buckets)) {
        // AWS does not document this frame. It has the form of the others and the text of HTTP APIs.
        connection.send(errorFrame("Too Many Requests", info, event));
        return log({ ...logRecord(info, event, route.routeKey, "MESSAGE"), status: 429 });
      }
      const outcome = await invokeIntegration(route, event, report);
      if (outcome.kind !== "returned") {
        connection.send(errorFrame("Internal server error", info, event));
      } else if (route.routeResponse) sendRouteResponse(connection, outcome.result, event, report);
      log({ ...logRecord(info, event, route.routeKey, "MESSAGE"), ...logOutcome(outcome) });
    },
    async disconnect(info, status) {
      const route = routes.get("$disconnect");
      const event = disconnectEvent(info, status, clock());
      const outcome = route && (await invokeIntegration(route, event, report));
      const logged = outcome ? logOutcome(outcome) : { status: 200 };
      log({ ...logRecord(info, event, "$disconnect", "DISCONNECT"), ...logged });
    },
  };
}

/** The members of an access log record that do not depend on an integration. */
export function logRecord(
  { connectionId, sourceIp, stage, userAgent = "-" }: ConnectionInfo,
  { requestId, at }: Omit<WebSocketEvent, "payload">,
  routeKey: string,
  eventType: WebSocketLogRecord["eventType"],
): Omit<WebSocketLogRecord, "status"> {
  return {
    requestId,
    connectionId,
    eventType,
    routeKey,
    ip: sourceIp,
    requestTime: logTime(at),
    stage,
    userAgent,
  };
}

function logOutcome(
  outcome: IntegrationOutcome,
): Pick<WebSocketLogRecord, "status" | "integrationLatency" | "integrationError"> {
  const { latency: integrationLatency } = outcome;
  return outcome.kind === "returned"
    ? { status: outcome.statusCode, integrationLatency }
    : { status: 500, integrationLatency, integrationError: outcome.error };
}

/** Written by hand, because AWS puts a space after two of the separators only. */
function errorFrame(
  text: string,
  { connectionId }: ConnectionInfo,
  { requestId }: WebSocketEvent,
): Buffer {
  return Buffer.from(
    `{"message": "${text}", "connectionId":"${connectionId}", "requestId":"${requestId}"}`,
  );
}

/**
 * Sends the body that the function returned, whatever its status.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
 */
function sendRouteResponse(
  connection: Connection,
  { body, isBase64Encoded }: Record<string, unknown>,
  { requestId }: WebSocketEvent,
  report: ReportError,
): void {
  if (typeof body !== "string") return;
  const sent = connection.send(Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8"));
  if (sent !== "too-large") return;
  const error = new RangeError("the body exceeds the limit of a message");
  report({ message: "a route response could not be sent", error, requestId });
}
