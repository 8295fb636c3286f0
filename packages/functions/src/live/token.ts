import { createRemoteJWKSet, jwtVerify } from "jose";
import { type Caller, callerOf } from "../api/caller.ts";

/** Tokens on the way in that no gateway verifies: those of the Live API. */

interface Settings {
  issuer: string;
  /** One of them must be the token's. */
  audiences: readonly string[];
  jwksUri: string;
}

const ALGORITHMS = ["RS256", "RS384", "RS512"];
const MAX_LENGTH = 8 * 1024;
const PART = /^[A-Za-z0-9_-]+$/;

/** Verifies as the HTTP API's authorizer does; undefined for any token that is not good. */
export type Verify = (token: string) => Promise<Caller | undefined>;

/** Throws what keeps it from having the issuer's keys: a token is refused then, and no verdict. */
export function createVerify({ issuer, audiences, jwksUri }: Settings): Verify {
  const keys = createRemoteJWKSet(new URL(jwksUri), {
    timeoutDuration: 1_500, // ms, as API Gateway has it
    cooldownDuration: 10_000, // ms between fetches for keys that are not known
  });
  return async (token) => {
    if (token.length > MAX_LENGTH || !isCanonical(token)) return undefined;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        algorithms: ALGORITHMS,
        requiredClaims: ["exp", "sub"],
      });
      const { aud, client_id: clientId, token_use: use } = payload;
      const meant = [aud ?? clientId].flat().some((each) => audiences.includes(String(each)));
      return meant && (use === undefined || use === "access")
        ? callerOf({ jwt: { claims: payload } })
        : undefined;
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return undefined;
    }
  };
}

/** A part that decodes and encodes to something else is a second spelling: none is accepted. */
function isCanonical(token: string): boolean {
  const parts = token.split(".");
  return (
    parts.length === 3 &&
    parts.every(
      (part) => PART.test(part) && Buffer.from(part, "base64url").toString("base64url") === part,
    )
  );
}

const VERDICTS = /^ERR_(?:JWT|JWS|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE|JOSE_ALG|JOSE_NOT)/;

const isUnreachable = (error: unknown): boolean =>
  !(error instanceof Error && "code" in error && VERDICTS.test(String(error.code)));
