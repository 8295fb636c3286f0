/**
 * Decides about a handshake: first the authorizer, then the `$connect` integration. The client gets its
 * 101 only after both have allowed it, so no message can arrive before `$connect` has run.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
 */

import type { ApiIdentity } from "../event.ts";
import type { WebSocketLogRecord } from "../log.ts";
import type { GatewayRequest } from "../request.ts";
import { type HttpResponse, errorResponse } from "../response.ts";
import { createHandshakeAuthorizer } from "./authorizer.ts";
import type { WebSocketApiConfig, WebSocketRoute } from "./config.ts";
import { type ConnectionInfo, authorizerEvent, connectEvent } from "./event.ts";
import { selectProtocol } from "./handshake.ts";
import { invokeIntegration } from "./integration.ts";

/** The decision, with the members of the access log record. The client is accepted without `refusal`. */
type Decision = {
  info: ConnectionInfo;
  refusal?: HttpResponse;
  protocol?: string | undefined;
} & Pick<
  WebSocketLogRecord,
  "status" | "integrationLatency" | "integrationError" | "authorizerError"
>;

/** Decides about one handshake. Never rejects. */
export type ConnectRoute = (request: GatewayRequest, info: ConnectionInfo) => Promise<Decision>;

/** Creates the decision for an API. Without a `$connect` route it accepts every client. */
export function createConnectRoute(
  { stage, authorizers = {}, onError: report }: WebSocketApiConfig,
  api: ApiIdentity,
  route: WebSocketRoute | undefined,
): ConnectRoute {
  // Create all of them, so that a mistake in an unused one is found too.
  const created = new Map(
    Object.entries(authorizers).map(([name, settings]) => [
      name,
      createHandshakeAuthorizer(name, settings, report),
    ]),
  );
  const authorizer = created.get(route?.authorizer ?? "");
  const source = { api, stage, routeKey: "$connect", pathParameters: undefined };

  return async (request, anonymous) => {
    const verdict = await authorizer?.(request, source, (methodArn) =>
      authorizerEvent(anonymous, request, methodArn),
    );
    if (verdict && !verdict.allowed) {
      return { info: anonymous, ...refuse(verdict.status), authorizerError: verdict.error };
    }
    const info = verdict ? { ...anonymous, authorizer: verdict.context } : anonymous;
    if (!route) return { info, status: 200 };
    const outcome = await invokeIntegration(route, connectEvent(info, request), report);
    const { latency: integrationLatency } = outcome;
    if (outcome.kind !== "returned") {
      const status = outcome.kind === "failed" ? 502 : 504;
      return { info, ...refuse(status), integrationLatency, integrationError: outcome.error };
    }
    const { statusCode: status, result } = outcome;
    // The client gets the function's own status as the response to its handshake.
    if (status > 299) return { info, ...refuse(status), integrationLatency };
    return { info, status, protocol: selectProtocol(request, result), integrationLatency };
  };
}

const TEXTS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  500: "Internal server error",
  502: "Internal server error",
  504: "Endpoint request timed out",
};

function refuse(status: number): { status: number; refusal: HttpResponse } {
  return { status, refusal: errorResponse(status, TEXTS[status] ?? "Forbidden") };
}
