/** From a token to its caller, wherever no gateway verifies tokens. */

import { AppError } from "@stockwire/core/error";
import { type Caller, callerOf } from "../api/caller.ts";
import type { Log } from "../telemetry/log.ts";
import { claimTexts } from "./claims.ts";
import { createVerifier, InvalidToken, type VerifierOptions } from "./token.ts";

/**
 * Resolves to the caller of a token; undefined for a token that the HTTP API would not accept either.
 * Throws `unavailable` if the issuer's keys cannot be fetched, since nothing can be said about the
 * token then.
 */
export type TokenReader = (token: string) => Promise<Caller | undefined>;

/** Creates a reader of one issuer's tokens. */
export function createTokenReader({
  log,
  ...options
}: VerifierOptions & { log: Log }): TokenReader {
  const verify = createVerifier(options);
  return async (token) => {
    try {
      return callerOf({ jwt: { claims: claimTexts(await verify(token)) } });
    } catch (cause) {
      if (cause instanceof InvalidToken) return undefined;
      log.error("issuer", cause, {});
      throw new AppError("unavailable", "The issuer's keys cannot be fetched", { cause });
    }
  };
}

/** API Gateway's JWT authorizer takes a token with or without the scheme. */
export const bearerToken = (authorization: string): string =>
  authorization.replace(/^bearer +/i, "");
