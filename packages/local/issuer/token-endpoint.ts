/**
 * The OAuth 2.0 token endpoint with the client credentials grant: a machine exchanges its client id
 * and secret for an access token. Errors use the codes of RFC 6749.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "@stockwire/gateway/body";

/** The credentials of a client. */
export interface Client {
  id: string;
  secret: string;
}

/** The client, the scopes that it may request, and how a token is issued. */
export interface TokenEndpoint {
  client: Client;
  scopes: readonly string[];
  /** `scope` is a list separated by spaces, `ttl` the lifetime in seconds. */
  issue: (clientId: string, scope: string) => { token: string; ttl: number };
}

interface Refusal {
  status: 400 | 401 | 405 | 413;
  error: string;
  description: string;
  headers?: Record<string, string>;
}

const MAX_FORM = 16 * 1024; // bytes
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * Answers `POST /oauth2/token`. The request is a form, as for Cognito's endpoint.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 * https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export async function grantToken(
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: TokenEndpoint,
): Promise<void> {
  if (req.method !== "POST") {
    return refuse(res, invalid(405, "the token endpoint accepts POST only", { allow: "POST" }));
  }
  if (!FORM.test(req.headers["content-type"] ?? "")) {
    return refuse(res, invalid(400, "the body must be application/x-www-form-urlencoded"));
  }
  const body = await readBody(req, MAX_FORM);
  if (body.outcome === "aborted") return;
  if (body.outcome === "too-large") return refuse(res, invalid(413, "the body is too large"));
  const form = new URLSearchParams(body.bytes.toString("utf8"));
  const granted = grant(form, req.headers.authorization, endpoint);
  if ("error" in granted) return refuse(res, granted);
  send(res, 200, {
    access_token: granted.token,
    expires_in: granted.ttl,
    token_type: "Bearer",
    scope: granted.scope,
  });
}

function grant(
  form: URLSearchParams,
  authorization: string | undefined,
  { client, scopes, issue }: TokenEndpoint,
): Refusal | { token: string; ttl: number; scope: string } {
  const names = [...form.keys()];
  if (new Set(names).size < names.length) return invalid(400, "a parameter is given twice");
  const credentials = credentialsOf(form, authorization);
  if (!credentials || !isClient(credentials, client)) {
    const headers =
      authorization === undefined ? {} : { "www-authenticate": 'Basic realm="token"' };
    return {
      status: 401,
      error: "invalid_client",
      description: "unknown client or wrong secret",
      headers,
    };
  }
  const type = form.get("grant_type");
  if (type === null) return invalid(400, "grant_type is missing");
  if (type !== "client_credentials") {
    return { status: 400, error: "unsupported_grant_type", description: "only client_credentials" };
  }
  const requested = (form.get("scope") ?? "").split(" ").filter((scope) => scope !== "");
  if (!requested.every((scope) => scopes.includes(scope))) {
    return {
      status: 400,
      error: "invalid_scope",
      description: "the client may not use this scope",
    };
  }
  const scope = (requested.length > 0 ? [...new Set(requested)] : scopes).join(" ");
  return { ...issue(credentials.id, scope), scope };
}

/**
 * The credentials from HTTP Basic, where both parts are form-encoded, or from the body. Undefined if
 * they are missing, malformed, or given in both places.
 * https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
 */
function credentialsOf(
  form: URLSearchParams,
  authorization: string | undefined,
): Client | undefined {
  const id = form.get("client_id");
  const secret = form.get("client_secret");
  if (authorization === undefined) {
    return id === null || secret === null ? undefined : { id, secret };
  }
  const [, encoded = ""] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? [];
  const [user, password] = decodeBasic(Buffer.from(encoded, "base64").toString("utf8"));
  if (user === undefined || password === undefined || secret !== null) return undefined;
  if (id !== null && id !== user) return undefined;
  return { id: user, secret: password };
}

function decodeBasic(text: string): (string | undefined)[] {
  const colon = text.indexOf(":");
  if (colon < 0) return [];
  try {
    return [text.slice(0, colon), text.slice(colon + 1)].map((part) =>
      decodeURIComponent(part.replaceAll("+", " ")),
    );
  } catch {
    return [];
  }
}

function isClient(given: Client, client: Client): boolean {
  // Constant time: both comparisons always run, and all digests have the same length.
  const idMatches = isEqual(given.id, client.id);
  const secretMatches = isEqual(given.secret, client.secret);
  return idMatches && secretMatches;
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function invalid(
  status: Refusal["status"],
  description: string,
  headers: Record<string, string> = {},
): Refusal {
  return { status, error: "invalid_request", description, headers };
}

function refuse(res: ServerResponse, { status, error, description, headers }: Refusal): void {
  send(res, status, { error, error_description: description }, headers);
}

function send(
  res: ServerResponse,
  status: number,
  value: object,
  headers: Record<string, string> = {},
): void {
  if (res.destroyed) return;
  const body = JSON.stringify(value);
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    pragma: "no-cache",
    ...headers,
  });
  res.end(body);
}
