/** The discovery document. It has the endpoints and features that this issuer has, and no others. */

import { OPENID_SCOPES } from "./client.ts";

/** The paths of the issuer's endpoints. Those of OAuth 2.0 are Cognito's. */
export const PATHS = {
  discovery: "/.well-known/openid-configuration",
  keys: "/jwks.json",
  authorize: "/oauth2/authorize",
  token: "/oauth2/token",
  userInfo: "/oauth2/userInfo",
  revoke: "/oauth2/revoke",
} as const;

/**
 * Without `signIn` there is the token endpoint for machines only.
 * https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
 */
export function discovery(issuer: string, scopes: readonly string[], signIn: boolean): object {
  const secret = ["client_secret_basic", "client_secret_post"];
  const common = {
    issuer,
    jwks_uri: issuer + PATHS.keys,
    token_endpoint: issuer + PATHS.token,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  };
  if (!signIn) {
    return {
      ...common,
      token_endpoint_auth_methods_supported: secret,
      grant_types_supported: ["client_credentials"],
      response_types_supported: [],
      scopes_supported: scopes,
    };
  }
  return {
    ...common,
    authorization_endpoint: issuer + PATHS.authorize,
    userinfo_endpoint: issuer + PATHS.userInfo,
    revocation_endpoint: issuer + PATHS.revoke,
    token_endpoint_auth_methods_supported: [...secret, "none"],
    revocation_endpoint_auth_methods_supported: [...secret, "none"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: ["none", "login", "select_account"],
    scopes_supported: [...OPENID_SCOPES, ...scopes],
    claims_supported: ["sub", "name", "preferred_username", "email", "email_verified"],
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  };
}
