/**
 * The JWT authorizer of HTTP APIs. It fails closed: a token that cannot be verified, for whatever
 * reason, is refused with 401 and the `www-authenticate` header that API Gateway sends.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */

import type { ReportError } from "../log.ts";
import { errorResponse } from "../response.ts";
import { type Authorizer, type Verdict, identitySource } from "./authorizer.ts";
import { type Claims, claimTexts, scopesOf } from "./claims.ts";
import { createKeySource } from "./jwks.ts";
import { InvalidToken, checkClaims, createSignatureCheck } from "./jwt.ts";

/** The configuration, with AWS's names. */
export interface JwtAuthorizerConfig {
  type: "JWT";
  /** The URL whose `/.well-known/openid-configuration` leads to the public keys. */
  issuer: string;
  audience: readonly string[];
  identitySource: string;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const MAX_AUDIENCES = 50;

/** Creates the authorizer. Throws for a configuration that AWS refuses. */
export function createJwtAuthorizer(
  config: JwtAuthorizerConfig,
  clock: () => number,
  report: ReportError,
): Authorizer {
  if (config.audience.length === 0 || config.audience.length > MAX_AUDIENCES) {
    throw new Error(`a JWT authorizer needs 1 to ${MAX_AUDIENCES} audiences`);
  }
  const keys = createKeySource(config.issuer, clock);
  const signatures = createSignatureCheck(keys);
  const readToken = identitySource(config.identitySource);
  const expected = { issuer: config.issuer, audience: new Set(config.audience) };

  return {
    async authorize(request, source, scopes) {
      const identity = readToken(request, source);
      if (identity === undefined) return refuse(401, "Bearer", "no token");
      try {
        const claims = await signatures.verify(identity.replace(/^bearer +/i, ""));
        checkClaims(claims, expected, clock() / 1000);
        const { texts, granted } = shown(claims);
        if (scopes.length > 0 && !scopes.some((scope) => granted.includes(scope))) {
          return refuse(
            403,
            challenge(scopes, "insufficient_scope", "the token lacks a required scope"),
          );
        }
        // `scopes` is null for a route without scopes, else it holds all scopes of the token.
        // Measured on AWS by https://github.com/floci-io/floci/pull/2011.
        const jwt = { claims: texts, scopes: scopes.length > 0 ? granted : null };
        return { allowed: true, context: { jwt } };
      } catch (error) {
        if (error instanceof InvalidToken)
          return refuse(401, challenge(scopes, "invalid_token", error.message));
        report({
          message: `cannot fetch the keys of ${config.issuer}`,
          error,
          requestId: request.id,
        });
        return refuse(401, challenge(scopes, "invalid_token", "the token cannot be verified"));
      }
    },
    close: () => keys.close(),
  };
}

/** What events show of a token, which is the same for each of its requests. */
const known = new WeakMap<Claims, { texts: Record<string, string>; granted: string[] }>();

function shown(claims: Claims) {
  let found = known.get(claims);
  if (found === undefined) {
    found = { texts: claimTexts(claims), granted: scopesOf(claims) };
    known.set(claims, found);
  }
  return found;
}

function refuse(status: 401 | 403, header: string, error = header): Verdict {
  const text = status === 401 ? "Unauthorized" : "Forbidden";
  const response = errorResponse(status, text, [["www-authenticate", header]]);
  return { allowed: false, response, error };
}

/** The `www-authenticate` header; `scope` holds the scopes of the route, not of the token. */
function challenge(scopes: readonly string[], error: string, description: string): string {
  return `Bearer scope="${scopes.join(" ")}" error="${error}" error_description="${description}"`;
}
