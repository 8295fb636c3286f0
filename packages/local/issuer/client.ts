/** The clients of the issuer, and how they prove who they are. */

import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopbackName } from "../loopback.ts";

/** A machine, with a secret: it may use the client credentials grant. */
export interface Client {
  id: string;
  secret: string;
}

/** A person who can sign in, without a password. */
export interface User {
  sub: string;
  name: string;
  email: string;
  /** A token of this user has no other scopes, whatever the client requests. */
  scopes: readonly string[];
}

/** A client without a secret, such as a page: it uses the authorization code grant with PKCE. */
export interface PublicClient {
  id: string;
  /**
   * The paths to which the browser may return, on any port of this machine.
   * https://www.rfc-editor.org/rfc/rfc8252#section-7.3
   */
  redirectPaths: readonly string[];
  /** The scopes that it may request, besides those of OpenID Connect. */
  scopes: readonly string[];
  users: readonly User[];
}

/** Scopes of OpenID Connect, and the claims that each adds at the userinfo endpoint. */
export const OPENID_SCOPES: readonly string[] = ["openid", "profile", "email"];

/** True if the client's pages at this address may receive a code. */
export function isRedirectUri(text: string, { redirectPaths }: PublicClient): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text must be the canonical one: no user, query or fragment, and no other spelling of a path.
  return (
    url?.protocol === "http:" &&
    isLoopbackName(url.hostname) &&
    redirectPaths.includes(url.pathname) &&
    text === `${url.origin}${url.pathname}`
  );
}

/**
 * The credentials from HTTP Basic, where both parts are form-encoded, or from the body. Undefined if
 * they are missing, malformed, or given in both places.
 * https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
 */
export function credentialsOf(
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

/** True if these are the client's id and secret. */
export function isClient(given: Client, client: Client): boolean {
  // Constant time: both comparisons always run, and all digests have the same length.
  const idMatches = isEqual(given.id, client.id);
  const secretMatches = isEqual(given.secret, client.secret);
  return idMatches && secretMatches;
}

/** Compares in constant time. */
export function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
