/** Verifies the tokens that no gateway verifies: a WebSocket API has no JWT authorizer. */

import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from "jose";
import { type Caller, callerOf } from "../api/caller.ts";
import { config, required } from "../runtime.ts";

const ALGORITHMS = ["RS256", "RS384", "RS512"];
const MAX_LENGTH = 8 * 1024;
const PART = /^[A-Za-z0-9_-]+$/;

const issuer = required("JWT_ISSUER");
const { JWT_AUDIENCE: audiences, JWKS_URI: jwksUri } = config;

const keys: JWTVerifyGetKey = createRemoteJWKSet(
  new URL(jwksUri ?? `${issuer}/.well-known/jwks.json`),
  {
    timeoutDuration: 1_500, // ms, as API Gateway's own
    cooldownDuration: 10_000, // ms between fetches for unknown keys
  },
);

/**
 * Verifies a token as the HTTP API's JWT authorizer does: issuer, audience or `client_id`, times,
 * RS256 family. Resolves to undefined for any token that is not good. Throws if the issuer's keys
 * cannot be fetched, since nothing can be said about the token then.
 */
export async function verifyToken(token: string): Promise<Caller | undefined> {
  if (token.length > MAX_LENGTH || !isCanonical(token)) return undefined;
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      algorithms: ALGORITHMS,
      requiredClaims: ["exp", "sub"],
    });
    const { aud, client_id: clientId, token_use: use } = payload;
    const isForUs = [aud ?? clientId].flat().some((each) => audiences.includes(String(each)));
    return isForUs && (use === undefined || use === "access")
      ? callerOf({ jwt: { claims: payload } })
      : undefined;
  } catch (error) {
    if (isUnreachable(error)) throw error;
    return undefined;
  }
}

/** False for a token with a second spelling: a part that decodes and encodes to something else. */
function isCanonical(token: string): boolean {
  const parts = token.split(".");
  return (
    parts.length === 3 &&
    parts.every(
      (part) => PART.test(part) && Buffer.from(part, "base64url").toString("base64url") === part,
    )
  );
}

/** Errors of jose that are a verdict about the token; any other means that there was no verdict. */
const VERDICTS = /^ERR_(?:JWT|JWS|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE|JOSE_ALG|JOSE_NOT)/;

const isUnreachable = (error: unknown): boolean =>
  !(error instanceof Error && "code" in error && VERDICTS.test(String(error.code)));
