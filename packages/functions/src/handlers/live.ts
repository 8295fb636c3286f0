import * as Connection from "@stockwire/core/live/connection";
import { receive } from "../live/receive.ts";
import { config, enableCursors, log } from "../runtime.ts";

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
    authorizer?: { sub?: string; kind?: string; scope?: string; authExpiresAt?: string };
  };
  headers?: Record<string, string>;
  body?: string;
}

/** Warm-up pings and other events that no WebSocket API sends; a failure would set off alarms. */
const isForeign = (event: Partial<Event> | null): boolean =>
  typeof event?.requestContext?.connectionId !== "string";

interface Result {
  statusCode: number;
  headers?: Record<string, string>;
}

const OK: Result = { statusCode: 200 };

/**
 * Serves the routes of the WebSocket API: `$connect`, `$disconnect`, and every client frame. Answers
 * to frames are sent through the management API, not returned.
 */
export async function handler(event: Event): Promise<Result> {
  if (isForeign(event)) return { statusCode: 400 };
  const { requestContext, headers, body } = event;
  const { connectionId, eventType, requestId } = requestContext;
  try {
    if (eventType === "CONNECT") return await connect(requestContext, headers ?? {});
    if (eventType === "DISCONNECT") await Connection.forget(connectionId);
    else await receive(connectionId, endpointOf(requestContext), body ?? "");
    return OK;
  } catch (error) {
    log.error("live", error, { requestId, eventType });
    throw error;
  }
}

/** Returns the management endpoint of the gateway that has the connection. */
const endpointOf = ({ domainName, stage }: Event["requestContext"]): string =>
  config.LIVE_ENDPOINT ?? `${config.PUBLIC_SCHEME}://${domainName}/${stage}`;

async function connect(
  requestContext: Event["requestContext"],
  headers: Record<string, string>,
): Promise<Result> {
  const { connectionId, connectedAt, authorizer } = requestContext;
  const { sub, kind = "user", scope = "", authExpiresAt } = authorizer ?? {};
  if (!sub) return { statusCode: 401 };
  const opened = await Connection.open({
    id: connectionId,
    endpoint: endpointOf(requestContext),
    sub,
    kind,
    scopes: scope.split(" ").filter((each) => each !== ""),
    authExpiresAt: authExpiresAt ? Number(authExpiresAt) : undefined,
    connectedAt,
  });
  if (!opened) return { statusCode: 429 };
  // A browser offers two subprotocols, of which the second is its token: only the first is answered.
  const offered = Object.entries(headers).find(
    ([name]) => name.toLowerCase() === "sec-websocket-protocol",
  );
  return offered ? { ...OK, headers: { "Sec-WebSocket-Protocol": "stockwire.v1" } } : OK;
}
