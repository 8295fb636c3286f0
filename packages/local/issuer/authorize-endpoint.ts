/**
 * The authorization endpoint: a page on which a user signs in without a password, and from which the
 * browser returns to the client with a code. Authorization code with PKCE only.
 * https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isLoopbackHost } from "../loopback.ts";
import { OPENID_SCOPES, type PublicClient, isRedirectUri, type User } from "./client.ts";
import { refusalPage, sendPage, usersPage } from "./authorize-page.ts";
import { hasRepeated, readForm, scopesIn } from "./form.ts";
import type { GrantStore } from "./grant-store.ts";

export interface AuthorizeEndpoint {
  issuer: string;
  path: string;
  client: PublicClient;
  grants: GrantStore;
  clock: () => number; // epoch milliseconds
}

/**
 * Answers a request for authorization. Without a known client and redirect URI it shows a page with
 * status 400, because the browser must not be sent to an unknown place; any other fault is returned to
 * the client. `login_hint` with the `sub` of a user signs this user in without the page, so a request
 * for another host than this machine is refused with status 421: a page there could read the code.
 */
export async function authorize(
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: AuthorizeEndpoint,
): Promise<void> {
  if (req.method !== "GET" && req.method !== "POST") {
    return void res.writeHead(405, { allow: "GET, POST", "content-length": 0 }).end();
  }
  if (!isLoopbackHost(req.headers.host)) return sendPage(res, 421, refusalPage("Host"));
  const query = await parametersOf(req);
  if (query === undefined) return;
  const { client, grants, issuer, path, clock } = endpoint;
  const redirectUri = query.get("redirect_uri") ?? "";
  if (query.get("client_id") !== client.id) return sendPage(res, 400, refusalPage("client_id"));
  if (!isRedirectUri(redirectUri, client)) return sendPage(res, 400, refusalPage("redirect_uri"));

  const answer = (members: Record<string, string>): void => {
    const state = query.get("state");
    const all = { ...members, ...(state !== null && { state }), iss: issuer };
    const location = `${redirectUri}?${new URLSearchParams(all).toString()}`;
    res.writeHead(302, { location, "cache-control": "no-store", "content-length": 0 }).end();
  };
  const [error, description] = faultOf(query, client) ?? [];
  if (error !== undefined) return answer({ error, error_description: description ?? error });

  const prompts = (query.get("prompt") ?? "").split(" ");
  if (prompts.includes("none")) {
    return answer({ error: "login_required", error_description: "there is no session" });
  }
  const hint = query.get("login_hint");
  const user = client.users.find(({ sub }) => sub === hint);
  const asks = prompts.includes("login") || prompts.includes("select_account");
  if (!user || asks) return sendPage(res, 200, usersPage(client, `${path}?`, query));
  const nonce = query.get("nonce");
  const code = grants.add({
    clientId: client.id,
    sub: user.sub,
    scopes: grantedScopes(query, client, user),
    redirectUri,
    challenge: query.get("code_challenge") ?? "",
    ...(nonce !== null && { nonce }),
    authTime: Math.floor(clock() / 1000),
  });
  answer({ code });
}

/** The parameters of a GET or POST; undefined if the client is gone. */
async function parametersOf(req: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (req.method !== "POST") return new URL(req.url ?? "", "http://localhost").searchParams;
  const form = await readForm(req);
  return form === undefined || form instanceof URLSearchParams ? form : new URLSearchParams();
}

/** The error code and text of a request that is refused. */
function faultOf(query: URLSearchParams, client: PublicClient): [string, string] | undefined {
  if (hasRepeated(query)) return ["invalid_request", "a parameter is given twice"];
  if (query.has("request")) return ["request_not_supported", "request is not supported"];
  if (query.has("request_uri")) return ["request_uri_not_supported", "send the parameters"];
  const type = query.get("response_type");
  if (type === null) return ["invalid_request", "response_type is missing"];
  if (type !== "code") return ["unsupported_response_type", "only code"];
  if ((query.get("response_mode") ?? "query") !== "query") {
    return ["invalid_request", "response_mode must be query"];
  }
  // https://www.rfc-editor.org/rfc/rfc7636#section-4.2
  const challenge = query.get("code_challenge") ?? "";
  if (query.get("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(challenge)) {
    return ["invalid_request", "code_challenge with code_challenge_method=S256 is required"];
  }
  const allowed = [...OPENID_SCOPES, ...client.scopes];
  if (!scopesIn(query).every((scope) => allowed.includes(scope))) {
    return ["invalid_scope", "the client may not use this scope"];
  }
  return undefined;
}

/** Those of the requested scopes that the user has; without a request all of them, as at Cognito. */
function grantedScopes(query: URLSearchParams, client: PublicClient, user: User): string[] {
  const requested = scopesIn(query);
  const scopes = requested.length > 0 ? requested : [...OPENID_SCOPES, ...client.scopes];
  return scopes.filter((scope) => OPENID_SCOPES.includes(scope) || user.scopes.includes(scope));
}
