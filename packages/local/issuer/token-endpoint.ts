import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "@stockwire/gateway/body";

/** Who may ask for tokens. */
export interface Client {
  id: string;
  secret: string;
}

/** What the endpoint grants, and how. */
export interface TokenEndpoint {
  client: Client;
  scopes: readonly string[];
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
 * Answers `POST /oauth2/token` with the client credentials grant, form-encoded as Cognito's endpoint
 * takes it: https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 */
export async function grantToken(
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: TokenEndpoint,
): Promise<void> {
  if (req.method !== "POST") {
    return refuse(res, invalid(405, "the token endpoint takes POST", { allow: "POST" }));
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
  const asked = (form.get("scope") ?? "").split(" ").filter((scope) => scope !== "");
  if (!asked.every((scope) => scopes.includes(scope))) {
    return {
      status: 400,
      error: "invalid_scope",
      description: "the client may not have this scope",
    };
  }
  const scope = (asked.length > 0 ? [...new Set(asked)] : scopes).join(" ");
  return { ...issue(credentials.id, scope), scope };
}

/** RFC 6749, 2.3.1: from HTTP Basic, whose parts are form-encoded, or from the body; not from both. */
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
  const [user, password] = split(Buffer.from(encoded, "base64").toString("utf8"));
  if (user === undefined || password === undefined || secret !== null) return undefined;
  if (id !== null && id !== user) return undefined;
  return { id: user, secret: password };
}

function split(text: string): (string | undefined)[] {
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
  // Both are always compared, and digests have one length, so the time tells nothing.
  const id = same(given.id, client.id);
  const secret = same(given.secret, client.secret);
  return id && secret;
}

function same(a: string, b: string): boolean {
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
