/**
 * The OAuth 2.0 token endpoint. A machine exchanges its client id and secret for an access token; a
 * page exchanges the code of a sign-in, and later its refresh token. Errors use the codes of RFC 6749.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type Client, credentialsOf, isClient, type PublicClient } from "./client.ts";
import { invalid, readForm, type Refusal, refuse, scopesIn, sendJson } from "./form.ts";
import type { Grant, GrantStore, Redeemed } from "./grant-store.ts";

/** The clients, the scopes that the machine may request, and how tokens are issued. */
export interface TokenEndpoint {
  client: Client;
  scopes: readonly string[];
  /** Absent if users can't sign in. */
  signIn?: { client: PublicClient; grants: GrantStore } | undefined;
  /** `scope` is a list separated by spaces, `ttl` the lifetime in seconds. */
  issue: (clientId: string, scope: string) => { token: string; ttl: number };
  issueTo: (grant: Grant, scopes: readonly string[]) => UserTokens;
}

/** The tokens of a user, who has granted them to a client. */
interface UserTokens {
  token: string;
  ttl: number; // seconds
  /** Present if the scope `openid` was granted. */
  idToken?: string | undefined;
}

/**
 * Answers `POST /oauth2/token`. The request is a form, as for Cognito's endpoint.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 * https://www.rfc-editor.org/rfc/rfc6749#section-4
 */
export async function grantToken(
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: TokenEndpoint,
): Promise<void> {
  const form = await readForm(req);
  if (form === undefined) return;
  if (!(form instanceof URLSearchParams)) return refuse(res, form);
  const granted = grant(form, req.headers.authorization, endpoint);
  if ("error" in granted) return refuse(res, granted);
  sendJson(res, 200, granted);
}

interface Granted {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  expires_in: number;
  token_type: "Bearer";
  scope: string;
}

function grant(
  form: URLSearchParams,
  authorization: string | undefined,
  endpoint: TokenEndpoint,
): Refusal | Granted {
  const { signIn } = endpoint;
  const type = form.get("grant_type");
  const isPublic =
    signIn !== undefined && authorization === undefined && form.get("client_secret") === null;
  if (isPublic && form.get("client_id") === signIn.client.id) {
    if (type === "authorization_code") return redeemCode(form, signIn.grants, endpoint);
    if (type === "refresh_token") return refreshTokens(form, signIn.grants, endpoint);
    return wrongGrant(type, "authorization_code and refresh_token");
  }
  const credentials = credentialsOf(form, authorization);
  if (!credentials || !isClient(credentials, endpoint.client)) return unknownClient(authorization);
  if (type !== "client_credentials") return wrongGrant(type, "client_credentials");
  return grantToMachine(form, credentials.id, endpoint);
}

const unknownClient = (authorization: string | undefined): Refusal => ({
  status: 401,
  error: "invalid_client",
  description: "unknown client or wrong secret",
  headers: authorization === undefined ? {} : { "www-authenticate": 'Basic realm="token"' },
});

const GRANTS = new Set(["authorization_code", "refresh_token", "client_credentials"]);

function wrongGrant(type: string | null, allowed: string): Refusal {
  if (type === null) return invalid(400, "grant_type is missing");
  const error = GRANTS.has(type) ? "unauthorized_client" : "unsupported_grant_type";
  return { status: 400, error, description: `this client may use ${allowed} only` };
}

function grantToMachine(
  form: URLSearchParams,
  id: string,
  { scopes, issue }: TokenEndpoint,
): Refusal | Granted {
  const requested = scopesIn(form);
  if (!requested.every((scope) => scopes.includes(scope))) {
    return invalidScope("the client may not use this scope");
  }
  const scope = (requested.length > 0 ? requested : scopes).join(" ");
  const { token, ttl } = issue(id, scope);
  return { access_token: token, expires_in: ttl, token_type: "Bearer", scope };
}

function redeemCode(
  form: URLSearchParams,
  grants: GrantStore,
  endpoint: TokenEndpoint,
): Refusal | Granted {
  const [code, redirectUri, verifier] = ["code", "redirect_uri", "code_verifier"].map((name) =>
    form.get(name),
  );
  if (!code || !redirectUri || !verifier) {
    return invalid(400, "code, redirect_uri or code_verifier is missing");
  }
  const clientId = form.get("client_id") ?? "";
  const redeemed = grants.redeem(code, { clientId, redirectUri, verifier });
  if (!redeemed) return invalidGrant("the code is not valid for this request");
  return grantToUser(redeemed, redeemed.grant.scopes, endpoint);
}

function refreshTokens(
  form: URLSearchParams,
  grants: GrantStore,
  endpoint: TokenEndpoint,
): Refusal | Granted {
  const token = form.get("refresh_token");
  if (token === null) return invalid(400, "refresh_token is missing");
  const requested = scopesIn(form);
  const redeemed = grants.refresh(token, form.get("client_id") ?? "", requested);
  if (!redeemed) return invalidGrant("the refresh token is not valid");
  if (redeemed === "scope_not_granted") return invalidScope("the scope was not granted");
  const scopes = requested.length > 0 ? requested : redeemed.grant.scopes;
  return grantToUser(redeemed, scopes, endpoint);
}

function grantToUser(
  { grant: granted, refreshToken }: Redeemed,
  scopes: readonly string[],
  { issueTo }: TokenEndpoint,
): Granted {
  const { token, ttl, idToken } = issueTo(granted, scopes);
  return {
    access_token: token,
    ...(idToken !== undefined && { id_token: idToken }),
    refresh_token: refreshToken,
    expires_in: ttl,
    token_type: "Bearer",
    scope: scopes.join(" "),
  };
}

const invalidGrant = (description: string): Refusal => ({
  status: 400,
  error: "invalid_grant",
  description,
});

const invalidScope = (description: string): Refusal => ({
  status: 400,
  error: "invalid_scope",
  description,
});
