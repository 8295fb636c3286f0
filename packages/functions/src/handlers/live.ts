import * as Connection from "@stockwire/core/live/connection";
import { receive } from "../live/receive.ts";
import { scheduleTokenEnd } from "../live/token-end.ts";
import { config, enableCursors, log } from "../runtime.ts";
import { logged } from "../telemetry/logged.ts";

enableCursors();

/** An event of the WebSocket API, with the context that `authorizer.handler` returned. */
interface Event {
  requestContext: {
    eventType: "CONNECT" | "MESSAGE" | "DISCONNECT";
    connectionId: string;
    connectedAt: number; // epoch ms
    domainName: string;
    stage: string;
    requestId: string;
    identity?: { sourceIp?: string; userAgent?: string };
    authorizer?: { sub?: string; kind?: string; scope?: string; authExpiresAt?: string };
  };
  /** The last value of each name. */
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  body?: string;
}

/** Warm-up pings and other events that no WebSocket API sends; a failure would set off alarms. */
const isForeign = (event: Partial<Event> | null): boolean =>
  typeof event?.requestContext?.connectionId !== "string" ||
  !["CONNECT", "MESSAGE", "DISCONNECT"].includes(event.requestContext.eventType);

interface Result {
  statusCode: number;
  headers?: Record<string, string>;
}

const OK: Result = { statusCode: 200 };

/**
 * Serves the routes of the WebSocket API: `$connect`, `$disconnect`, and every client frame. Answers
 * to frames are sent through the management API, not returned.
 */
export const handler = logged(log, async (event: Event): Promise<Result> => {
  if (isForeign(event)) return { statusCode: 400 };
  const { requestContext, body } = event;
  const { connectionId, eventType, requestId } = requestContext;
  try {
    if (eventType === "CONNECT") return await connect(event);
    if (eventType === "DISCONNECT") await Connection.forget(connectionId);
    else await receive(connectionId, endpointOf(requestContext), body ?? "");
    return OK;
  } catch (error) {
    log.error("live", error, { requestId, eventType });
    throw error;
  }
});

/** Returns the management endpoint of the gateway that has the connection. */
const endpointOf = ({ domainName, stage }: Event["requestContext"]): string =>
  config.LIVE_ENDPOINT ?? `${config.PUBLIC_SCHEME}://${domainName}/${stage}`;

async function connect(event: Event): Promise<Result> {
  const { requestContext } = event;
  const { connectionId, connectedAt, authorizer, requestId, identity } = requestContext;
  const { sub, kind = "user", scope = "", authExpiresAt } = authorizer ?? {};
  if (!sub) return { statusCode: 401 };
  const connection = {
    id: connectionId,
    endpoint: endpointOf(requestContext),
    sub,
    kind,
    scopes: scope.split(" ").filter((each) => each !== ""),
    authExpiresAt: authExpiresAt ? Number(authExpiresAt) : undefined,
    connectedAt,
  };
  const isOpen = await Connection.open(connection);
  log.info("connect", {
    requestId,
    connectionId,
    sourceIp: identity?.sourceIp,
    userAgent: identity?.userAgent?.slice(0, 256),
    status: isOpen ? 200 : 429,
  });
  if (!isOpen) return { statusCode: 429 };
  await scheduleTokenEnd(connection);
  return offeredProtocols(event).includes(PROTOCOL)
    ? { ...OK, headers: { "Sec-WebSocket-Protocol": PROTOCOL } }
    : OK;
}

/** A browser offers two subprotocols, of which the second is its token: only this one is answered. */
const PROTOCOL = "stockwire.v1";

/** Several lines of one header are one list (RFC 9110, section 5.3); `headers` has the last one. */
const offeredProtocols = ({ headers, multiValueHeaders }: Event): string[] =>
  Object.entries({ ...headers, ...multiValueHeaders })
    .filter(([name]) => name.toLowerCase() === "sec-websocket-protocol")
    .flatMap(([, lines]) => [lines].flat().join(",").split(","))
    .map((protocol) => protocol.trim());
