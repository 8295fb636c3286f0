import { config } from "../runtime.ts";
import { createVerify } from "./token.ts";

const { JWT_ISSUER: issuer, JWT_AUDIENCE: audiences, JWKS_URI: jwksUri } = config;
if (issuer === undefined) throw new Error("Configuration: JWT_ISSUER is needed here");

/** The one that this stage is configured for. */
export const verify = createVerify({
  issuer,
  audiences,
  jwksUri: jwksUri ?? `${issuer}/.well-known/jwks.json`,
});
