/** The caller of a token, for the authorizers of the Live API and the Partner API. */

import { AppError } from "@stockwire/core/error";
import { type Caller, callerOf } from "../api/caller.ts";
import { claimTexts } from "../auth/claims.ts";
import { createVerifier, InvalidToken } from "../auth/token.ts";
import { config, log, required } from "../runtime.ts";

const verify = createVerifier({
  issuer: required("JWT_ISSUER"),
  audiences: config.JWT_AUDIENCE,
});

/**
 * The caller of a token; undefined for a token that the HTTP API would not accept either. Throws
 * `unavailable` if the issuer's keys cannot be fetched, since nothing can be said about the token then.
 */
export async function verifyToken(token: string): Promise<Caller | undefined> {
  try {
    return callerOf({ jwt: { claims: claimTexts(await verify(token)) } });
  } catch (cause) {
    if (cause instanceof InvalidToken) return undefined;
    log.error("issuer", cause, {});
    throw new AppError("unavailable", "The issuer's keys cannot be fetched", { cause });
  }
}
