/** The caller of a token, for the authorizers of the Live API and the Partner API. */

import { createTokenReader } from "../auth/caller.ts";
import { config, log, required } from "../runtime.ts";

/** See `TokenReader`. */
export const verifyToken = createTokenReader({
  issuer: required("JWT_ISSUER"),
  audiences: config.JWT_AUDIENCE,
  log,
});
