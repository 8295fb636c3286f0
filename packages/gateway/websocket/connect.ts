import type { ApiIdentity } from "../event.ts";
import type { GatewayRequest } from "../request.ts";
import { type Answer, message } from "../response.ts";
import { createHandshakeAuthorizer } from "./authorizer.ts";
import type { WebSocketApiConfig, WebSocketRoute } from "./config.ts";
import { type ConnectionFacts, authorizerEvent, connectEvent } from "./event.ts";
import { chosenProtocol } from "./handshake.ts";
import { integrate } from "./integration.ts";

/** What authorizer and `$connect` made of a handshake; without a refusal it is accepted. */
interface Decision {
  facts: ConnectionFacts;
  status: number;
  refusal?: Answer;
  protocol?: string | undefined;
  integrationLatency?: number; // milliseconds
  integrationError?: string;
  authorizerError?: string;
}

/** Decides on a handshake. Never rejects. */
export type Door = (request: GatewayRequest, facts: ConnectionFacts) => Promise<Decision>;

/** Asks the authorizer and then `$connect`; an API without that route takes everybody. */
export function createDoor(
  { stage, authorizers = {}, onError: report }: WebSocketApiConfig,
  api: ApiIdentity,
  route: WebSocketRoute | undefined,
): Door {
  // All are made, so that also a wrong one that no route uses is found.
  const made = new Map(
    Object.entries(authorizers).map(([name, settings]) => [
      name,
      createHandshakeAuthorizer(name, settings, report),
    ]),
  );
  const authorizer = made.get(route?.authorizer ?? "");
  const source = { api, stage, routeKey: "$connect", pathParameters: undefined };

  return async (request, asked) => {
    const verdict = await authorizer?.(request, source, (methodArn) =>
      authorizerEvent(asked, request, methodArn),
    );
    if (verdict && !verdict.allowed) {
      return { facts: asked, ...refuse(verdict.status), authorizerError: verdict.error };
    }
    const facts = verdict ? { ...asked, authorizer: verdict.context } : asked;
    if (!route) return { facts, status: 200 };
    const ran = await integrate(route, connectEvent(facts, request), report);
    const { latency: integrationLatency } = ran;
    if (ran.outcome !== "answered") {
      const status = ran.outcome === "failed" ? 502 : 504;
      return { facts, ...refuse(status), integrationLatency, integrationError: ran.error };
    }
    const { statusCode: status, result } = ran;
    if (status > 299) return { facts, ...refuse(status), integrationLatency };
    return { facts, status, protocol: chosenProtocol(request, result), integrationLatency };
  };
}

const TEXTS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  500: "Internal server error",
  502: "Internal server error",
  504: "Endpoint request timed out",
};

function refuse(status: number): Pick<Decision, "status" | "refusal"> {
  return { status, refusal: message(status, TEXTS[status] ?? "Forbidden") };
}
