/**
 * Two authorizers in one function. REQUEST, of the Live API: admits a connection by token (header or
 * subprotocol) or by ticket. TOKEN, of the Partner API: says which methods a token permits.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
 */

import { redeemTicket } from "@stockwire/core/live/ticket";
import type { Caller } from "../api/caller.ts";
import { allowedOrigin } from "../api/middleware/cors.ts";
import { config, log } from "../runtime.ts";
import { bearerToken } from "../auth/caller.ts";
import { logged } from "../telemetry/logged.ts";
import { verifyToken } from "../live/token.ts";
import { policyFor } from "../partner/grant.ts";

interface Event {
  /** `TOKEN` if the Partner API asks; the Live API sends `REQUEST`. */
  type?: string;
  methodArn: string;
  /** Of a TOKEN event: the header Authorization. */
  authorizationToken?: string;
  /** The last value of each name. */
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  queryStringParameters?: Record<string, string>;
  requestContext?: { requestId?: string };
}

interface Bearer {
  sub: string;
  kind: string;
  scopes: readonly string[];
  /** Epoch ms. */
  authExpiresAt?: number | undefined;
}

const NOBODY: Bearer = { sub: "-", kind: "-", scopes: [] };

/** API Gateway answers 401 if an authorizer throws exactly this message. */
class Unauthorized extends Error {
  constructor() {
    super("Unauthorized");
  }
}

/** Answers both kinds of event with a policy. Throws `Unauthorized` for credentials that are bad. */
export const handler = logged(log, async (event: Event) => {
  // A warm-up ping: a failure would set off alarms.
  if (typeof (event as Event | null)?.methodArn !== "string") return policy("Deny", "*", NOBODY);
  return event.type === "TOKEN" ? authorizePartner(event) : authorizeConnection(event);
});

/**
 * API Gateway caches the policy for the token, and uses it for all methods: it must not depend on the
 * method that was asked for first.
 */
async function authorizePartner({ authorizationToken, methodArn }: Event) {
  if (typeof authorizationToken !== "string") throw new Unauthorized();
  const caller = await callerOfToken(bearerToken(authorizationToken));
  if (caller === undefined) throw new Unauthorized();
  const { sub, scopes, expiresAt } = caller;
  return {
    principalId: sub,
    policyDocument: policyFor(scopes, methodArn),
    context: {
      userId: sub,
      role: scopes.includes("admin") ? "admin" : "partner",
      scope: scopes.join(" "),
      ...(expiresAt !== null && { authExpiresAt: String(Date.parse(expiresAt)) }),
    },
  };
}

async function authorizeConnection(event: Event) {
  // Several lines of one header are one list (RFC 9110, section 5.3).
  const all = Object.entries({ ...event.headers, ...event.multiValueHeaders });
  const header = (wanted: string) => {
    const found = all.find(([name]) => name.toLowerCase() === wanted)?.[1];
    return found === undefined ? undefined : [found].flat().join(",");
  };
  const origin = header("origin");
  // Browsers do not apply CORS to WebSockets, so the origin is checked here.
  if (origin !== undefined && !allowedOrigin(config.ALLOWED_ORIGINS, origin)) {
    return policy("Deny", event.methodArn, NOBODY);
  }
  const bearer = await bearerOf(
    header("authorization"),
    header("sec-websocket-protocol"),
    event.queryStringParameters?.["ticket"],
  ).catch((error: unknown) => {
    log.error("authorizer", error, { requestId: event.requestContext?.requestId });
    throw error;
  });
  if (bearer === undefined) throw new Unauthorized();
  return policy("Allow", event.methodArn, bearer);
}

async function bearerOf(
  authorization: string | undefined,
  protocols: string | undefined,
  ticket: string | undefined,
): Promise<Bearer | undefined> {
  const token = authorization ? bearerToken(authorization) : protocolToken(protocols);
  if (token === undefined) return ticket === undefined ? undefined : redeemTicket(ticket);
  const caller = await callerOfToken(token);
  if (caller === undefined) return undefined;
  const { sub, kind, scopes, expiresAt } = caller;
  return { sub, kind, scopes, ...(expiresAt && { authExpiresAt: Date.parse(expiresAt) }) };
}

/** Without the issuer's keys every token is refused, as by a JWT authorizer; verifyToken logs it. */
const callerOfToken = (token: string): Promise<Caller | undefined> =>
  verifyToken(token).catch(() => undefined);

/** Browsers can set no header but this one: `stockwire.v1, bearer.<jwt>`. */
function protocolToken(protocols: string | undefined): string | undefined {
  const offered = protocols?.split(",").map((protocol) => protocol.trim()) ?? [];
  if (!offered.includes("stockwire.v1")) return undefined;
  return offered.find((protocol) => protocol.startsWith("bearer."))?.slice("bearer.".length);
}

/**
 * Each later event of the connection carries the context; its values are strings. The policy may name
 * one method only: a WebSocket API authorizes nothing but `$connect`, and caches no policy without an
 * identity source.
 */
const policy = (effect: "Allow" | "Deny", resource: string, bearer: Bearer) => ({
  principalId: bearer.sub,
  policyDocument: {
    Version: "2012-10-17",
    Statement: [{ Action: "execute-api:Invoke", Effect: effect, Resource: resource }],
  },
  context: {
    sub: bearer.sub,
    kind: bearer.kind,
    scope: bearer.scopes.join(" "),
    authExpiresAt: String(bearer.authExpiresAt ?? ""),
  },
});
