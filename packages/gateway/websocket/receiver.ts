import type { WebSocketLogRecord } from "../access-log.ts";
import type { Report } from "../auth/authorizer.ts";
import { logTime } from "../event.ts";
import type { WebSocketRoute } from "./config.ts";
import type { Connection, Ending } from "./connection.ts";
import {
  type ConnectionFacts,
  type WebSocketEvent,
  disconnectEvent,
  messageEvent,
} from "./event.ts";
import { type Integrated, integrate } from "./integration.ts";
import type { RouteSelection } from "./route.ts";

/** What becomes of messages and of the end of a connection. */
export interface Receiver {
  /** Runs the route of a message. Never rejects. */
  receive(connection: Connection, body: string): Promise<void>;
  /** Runs `$disconnect`, whose result nobody waits for. Never rejects. */
  disconnect(facts: ConnectionFacts, ending: Ending): Promise<void>;
}

/** What a receiver needs of its API. */
export interface ReceiverOptions {
  routes: ReadonlyMap<string, WebSocketRoute>;
  select: RouteSelection;
  clock: () => number;
  report: Report;
  log: (record: WebSocketLogRecord) => void;
}

/** Makes the part of an API that runs its routes other than `$connect`. */
export function createReceiver({ routes, select, clock, report, log }: ReceiverOptions): Receiver {
  return {
    async receive(connection, body) {
      const { facts } = connection;
      const route = routes.get(select(body) ?? "$default") ?? routes.get("$default");
      const event = messageEvent(facts, route?.routeKey ?? "$default", body, clock());
      const fail = (text: string) =>
        // Spaces as AWS has them, which no JSON.stringify makes.
        connection.post(
          Buffer.from(
            `{"message": "${text}", "connectionId":"${facts.connectionId}", "requestId":"${event.requestId}"}`,
          ),
        );
      if (!route) {
        fail("Forbidden");
        return log({ ...record(facts, event, "$default", "MESSAGE"), status: 403 });
      }
      const ran = await integrate(route, event, report);
      if (ran.outcome !== "answered") fail("Internal server error");
      else if (route.routeResponse) answer(connection, ran.result, event, report);
      log({ ...record(facts, event, route.routeKey, "MESSAGE"), ...outcome(ran) });
    },
    async disconnect(facts, ending) {
      const route = routes.get("$disconnect");
      const event = disconnectEvent(facts, ending, clock());
      const ran = route && (await integrate(route, event, report));
      const ended = ran ? outcome(ran) : { status: 200 };
      log({ ...record(facts, event, "$disconnect", "DISCONNECT"), ...ended });
    },
  };
}

/** What every line of the access log says of a connection. */
export function record(
  facts: ConnectionFacts,
  { requestId, at }: Omit<WebSocketEvent, "payload">,
  routeKey: string,
  eventType: WebSocketLogRecord["eventType"],
): Omit<WebSocketLogRecord, "status"> {
  const { connectionId, sourceIp, stage, userAgent = "-" } = facts;
  const requestTime = logTime(at);
  return {
    requestId,
    connectionId,
    eventType,
    routeKey,
    ip: sourceIp,
    requestTime,
    stage,
    userAgent,
  };
}

function outcome(
  ran: Integrated,
): Pick<WebSocketLogRecord, "status" | "integrationLatency" | "integrationError"> {
  const { latency: integrationLatency } = ran;
  return ran.outcome === "answered"
    ? { status: ran.statusCode, integrationLatency }
    : { status: 500, integrationLatency, integrationError: ran.error };
}

/** A route response: the body goes out whatever the status says. */
function answer(
  connection: Connection,
  { body, isBase64Encoded }: Record<string, unknown>,
  { requestId }: WebSocketEvent,
  report: Report,
): void {
  if (typeof body !== "string") return;
  const posted = connection.post(Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8"));
  if (posted !== "too-large") return;
  const error = new RangeError("the body is larger than a message may be");
  report({ what: "a route response could not be sent", error, requestId });
}
