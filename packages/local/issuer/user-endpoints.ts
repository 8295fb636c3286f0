/** The userinfo and revocation endpoints, which know whether a user's grant is still in force. */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Client,
  credentialsOf,
  isClient,
  OPENID_SCOPES,
  type PublicClient,
} from "./client.ts";
import { readForm, refuse, sendJson } from "./form.ts";
import type { GrantStore } from "./grant-store.ts";

export interface UserEndpoints {
  client: PublicClient;
  machine: Client;
  grants: GrantStore;
  /** The claims of an access token of this issuer that is valid now; undefined for any other text. */
  verify: (token: string) => Record<string, unknown> | undefined;
}

/**
 * Answers `/oauth2/userInfo`: the claims of the user that the token's scopes permit. Like Cognito, it
 * refuses a token without the scope `openid`, and one whose grant has ended.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html
 */
export function sendUserInfo(
  req: IncomingMessage,
  res: ServerResponse,
  { client, grants, verify }: UserEndpoints,
): void {
  if (req.method !== "GET" && req.method !== "POST") {
    return sendJson(res, 405, { error: "invalid_request" }, { allow: "GET, POST" });
  }
  const [, token] = /^bearer +(\S+)$/i.exec(req.headers.authorization ?? "") ?? [];
  if (token === undefined) {
    return sendJson(res, 401, { error: "invalid_token" }, { "www-authenticate": "Bearer" });
  }
  const refuseToken = (status: 401 | 403, error: string): void =>
    sendJson(res, status, { error }, { "www-authenticate": `Bearer error="${error}"` });
  const claims = verify(token);
  if (!claims || !isInForce(claims, grants)) return refuseToken(401, "invalid_token");
  const { scope } = claims;
  const scopes = typeof scope === "string" ? scope.split(" ") : [];
  const [openid = "", profile = "", email = ""] = OPENID_SCOPES;
  if (!scopes.includes(openid)) return refuseToken(403, "insufficient_scope");
  const user = client.users.find(({ sub }) => sub === claims["sub"]);
  sendJson(res, 200, {
    sub: claims["sub"],
    ...(user && scopes.includes(profile) && { name: user.name, preferred_username: user.sub }),
    ...(user && scopes.includes(email) && { email: user.email, email_verified: true }),
  });
}

/** A token that belongs to no grant, such as one of `npm run token`, can't be revoked. */
function isInForce(claims: Record<string, unknown>, grants: GrantStore): boolean {
  const grant = claims["origin_jti"];
  return typeof grant !== "string" || grants.find(grant) !== undefined;
}

/**
 * Answers `/oauth2/revoke`: ends the grant of a refresh token or access token, with all tokens of it.
 * A token that is not known is answered in the same way. An API that verifies access tokens by their
 * signature accepts them until they expire, as on AWS.
 * https://www.rfc-editor.org/rfc/rfc7009
 * https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
 */
export async function revokeToken(
  req: IncomingMessage,
  res: ServerResponse,
  { client, machine, grants, verify }: UserEndpoints,
): Promise<void> {
  const form = await readForm(req);
  if (form === undefined) return;
  if (!(form instanceof URLSearchParams)) return refuse(res, form);
  const { authorization } = req.headers;
  const isPublic = authorization === undefined && form.get("client_secret") === null;
  const credentials = isPublic ? undefined : credentialsOf(form, authorization);
  const isKnown = credentials
    ? isClient(credentials, machine)
    : isPublic && form.get("client_id") === client.id;
  if (!isKnown) {
    return refuse(res, {
      status: 401,
      error: "invalid_client",
      description: "unknown client or wrong secret",
    });
  }
  const token = form.get("token");
  if (token === null) {
    return refuse(res, { status: 400, error: "invalid_request", description: "token is missing" });
  }
  if (isPublic) {
    const claims = verify(token);
    if (typeof claims?.["origin_jti"] === "string") grants.end(claims["origin_jti"]);
    else grants.revoke(token, client.id);
  }
  sendJson(res, 200, undefined);
}
