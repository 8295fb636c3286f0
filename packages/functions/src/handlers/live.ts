import * as Connection from "@stockwire/core/live/connection";
import { signCursors } from "../cursor.ts";
import { act } from "../live/action.ts";
import { config, log } from "../runtime.ts";

signCursors();

/** The events of the WebSocket API, and of its authorizer what it handed on. */
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

interface Result {
  statusCode: number;
  headers?: Record<string, string>;
}

const OK: Result = { statusCode: 200 };

/** Opens, serves and forgets a live connection. What a frame is answered with is posted to it. */
export async function handler({ requestContext, headers, body }: Event): Promise<Result> {
  const { connectionId, eventType, requestId } = requestContext;
  try {
    if (eventType === "CONNECT") return await connect(requestContext, headers ?? {});
    if (eventType === "DISCONNECT") await Connection.forget(connectionId);
    else await act(connectionId, body ?? "");
    return OK;
  } catch (error) {
    log.error("live", error, { requestId, eventType });
    throw error;
  }
}

async function connect(
  { connectionId, connectedAt, domainName, stage, authorizer }: Event["requestContext"],
  headers: Record<string, string>,
): Promise<Result> {
  const { sub, kind = "user", scope = "", authExpiresAt } = authorizer ?? {};
  if (!sub) return { statusCode: 401 };
  const opened = await Connection.open({
    id: connectionId,
    endpoint: config.LIVE_ENDPOINT ?? `${config.PUBLIC_SCHEME}://${domainName}/${stage}`,
    sub,
    kind,
    scopes: scope.split(" ").filter((each) => each !== ""),
    authExpiresAt: authExpiresAt ? Number(authExpiresAt) : undefined,
    connectedAt,
  });
  if (!opened) return { statusCode: 429 };
  // Of what a browser offers only this is answered: the other protocol is its token.
  const offered = Object.entries(headers).find(
    ([name]) => name.toLowerCase() === "sec-websocket-protocol",
  );
  return offered ? { ...OK, headers: { "Sec-WebSocket-Protocol": "stockwire.v1" } } : OK;
}
