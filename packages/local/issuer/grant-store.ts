/**
 * What users have granted to public clients: each sign-in is a grant with one code and, after it, one
 * valid refresh token. A code or refresh token that comes a second time has been copied, so it
 * ends the grant: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2.
 *
 * Grants are in a file, with hashes in place of codes and tokens, and survive `kill -9`.
 */

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isRecord } from "@stockwire/gateway/json";
import { isEqual } from "./client.ts";

/** What a user has granted, and how the client must redeem the code. Times are epoch seconds. */
export interface Grant {
  /** In the claim `origin_jti` of its access tokens. */
  id: string;
  /** The start of its code and refresh tokens. Not the id, with which any receiver of an access token could end the grant. */
  handle: string;
  clientId: string;
  sub: string;
  scopes: readonly string[];
  redirectUri: string;
  challenge: string; // of PKCE, S256
  nonce?: string;
  authTime: number;
  codeHash: string;
  /** Of the valid refresh token; absent until the code was redeemed. */
  refreshHash?: string;
  expiresAt: number;
}

/** A grant that is in force, with the refresh token that is now valid for it. */
export interface Redeemed {
  grant: Grant;
  refreshToken: string;
}

export interface GrantStore {
  /** Stores a grant and returns its code, which can be redeemed once within CODE_TTL. */
  add(request: Omit<Grant, "id" | "handle" | "codeHash" | "refreshHash" | "expiresAt">): string;
  /**
   * Redeems a code. Undefined if it is unknown, expired, or comes with another client, redirect URI
   * or verifier; then it can't be redeemed any more. A code that was redeemed before ends its grant.
   */
  redeem(code: string, client: Redemption): Redeemed | undefined;
  /**
   * Replaces a refresh token, for all or some of the granted scopes. Undefined if it is not valid; one
   * that was replaced ends its grant.
   */
  refresh(
    token: string,
    clientId: string,
    scopes: readonly string[],
  ): Redeemed | "scope_not_granted" | undefined;
  /** The grant, while it is in force and its code was redeemed. */
  find(id: string): Grant | undefined;
  /** Ends the grant of a refresh token, valid or replaced. */
  revoke(token: string, clientId: string): void;
  /** Ends the grant with this id. */
  end(id: string): void;
}

/** What a client sends with a code. */
export interface Redemption {
  clientId: string;
  redirectUri: string;
  verifier: string;
}

/** How long a code can be redeemed. */
export const CODE_TTL = 60; // seconds

/** How long a grant can be refreshed: Cognito's default. */
const GRANT_TTL = 30 * 24 * 3600; // seconds

const sha256 = (text: string) => createHash("sha256").update(text).digest("base64url");

/** Opens the grants in `file`. A file that cannot be read counts as empty: users sign in again. */
export function openGrants(file: string, clock: () => number): GrantStore {
  const now = () => Math.floor(clock() / 1000);
  const grants = new Map(read(file).map((grant) => [grant.handle, grant]));

  const isInForce = ({ expiresAt }: Grant) => expiresAt > now();
  const save = (): void => {
    for (const each of grants.values()) if (!isInForce(each)) grants.delete(each.handle);
    write(file, [...grants.values()]);
  };
  const grantOf = (secret: string): Grant | undefined => {
    const grant = grants.get(secret.split(".", 1)[0] ?? "");
    return grant && isInForce(grant) ? grant : undefined;
  };
  const findById = (id: string) => [...grants.values()].find((each) => each.id === id);
  const end = (grant: Grant | undefined): undefined => {
    if (grant && grants.delete(grant.handle)) save();
  };
  const renew = (grant: Grant): Redeemed => {
    const refreshToken = newSecret(grant.handle);
    const renewed = { ...grant, refreshHash: sha256(refreshToken), expiresAt: now() + GRANT_TTL };
    grants.set(grant.handle, renewed);
    save();
    return { grant: renewed, refreshToken };
  };

  return {
    add(request) {
      const [id, handle] = [randomUUID(), randomUUID()];
      const code = newSecret(handle);
      const stored = { id, handle, codeHash: sha256(code), expiresAt: now() + CODE_TTL };
      grants.set(handle, { ...request, ...stored });
      save();
      return code;
    },
    redeem(code, { clientId, redirectUri, verifier }) {
      const grant = grantOf(code);
      if (!grant || !isEqual(sha256(code), grant.codeHash)) return undefined;
      const isFirst = grant.refreshHash === undefined;
      const isClients = grant.clientId === clientId && grant.redirectUri === redirectUri;
      const isVerified = isEqual(sha256(verifier), grant.challenge);
      return isFirst && isClients && isVerified ? renew(grant) : end(grant);
    },
    refresh(token, clientId, scopes) {
      const grant = grantOf(token);
      if (grant?.refreshHash === undefined || grant.clientId !== clientId) return undefined;
      if (!isEqual(sha256(token), grant.refreshHash)) return end(grant);
      // Before the token is replaced: a refused request leaves it valid.
      if (!scopes.every((scope) => grant.scopes.includes(scope))) return "scope_not_granted";
      return renew(grant);
    },
    find(id) {
      const grant = findById(id);
      return grant?.refreshHash !== undefined && isInForce(grant) ? grant : undefined;
    },
    revoke(token, clientId) {
      const grant = grantOf(token);
      if (grant?.clientId === clientId) end(grant);
    },
    end: (id) => end(findById(id)),
  };
}

const newSecret = (handle: string): string => `${handle}.${randomBytes(32).toString("base64url")}`;

function read(file: string): Grant[] {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    chmodSync(file, 0o600);
    return Array.isArray(value) ? value.filter(isGrant) : [];
  } catch {
    return [];
  }
}

function isGrant(value: unknown): value is Grant {
  if (!isRecord(value)) return false;
  const texts = ["id", "handle", "clientId", "sub", "redirectUri", "challenge", "codeHash"];
  const times = ["authTime", "expiresAt"];
  return (
    texts.every((name) => typeof value[name] === "string") &&
    times.every((name) => typeof value[name] === "number") &&
    ["nonce", "refreshHash"].every((name) => /^(?:string|undefined)$/.test(typeof value[name])) &&
    Array.isArray(value["scopes"]) &&
    value["scopes"].every((scope) => typeof scope === "string")
  );
}

/** Replaces the file as a whole, so that a crash leaves the old content or the new one. */
function write(file: string, grants: readonly Grant[]): void {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(grants), { mode: 0o600 });
  renameSync(draft, file);
}
