import { type Authorizer, type Report, type Verdict, identitySource } from "./authorizer.ts";
import { claimTexts, scopesOf } from "./claims.ts";
import { createKeySource } from "./jwks.ts";
import { InvalidToken, checkClaims, createSignatureCheck } from "./jwt.ts";
import { message } from "../response.ts";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html */
export interface JwtAuthorizerConfig {
  type: "JWT";
  issuer: string;
  audience: readonly string[];
  identitySource: string;
}

const MOST_AUDIENCES = 50;

/** Verifies tokens of one issuer; whatever cannot be verified is refused. */
export function createJwtAuthorizer(
  config: JwtAuthorizerConfig,
  clock: () => number,
  report: Report,
): Authorizer {
  if (config.audience.length === 0 || config.audience.length > MOST_AUDIENCES) {
    throw new Error(`a JWT authorizer needs 1 to ${MOST_AUDIENCES} audiences`);
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
        const granted = scopesOf(claims);
        if (scopes.length > 0 && !scopes.some((scope) => granted.includes(scope))) {
          return refuse(
            403,
            challenge(scopes, "insufficient_scope", "the token lacks a required scope"),
          );
        }
        const jwt = { claims: claimTexts(claims), scopes: scopes.length > 0 ? granted : null };
        return { allowed: true, context: { jwt } };
      } catch (error) {
        if (error instanceof InvalidToken)
          return refuse(401, challenge(scopes, "invalid_token", error.message));
        report({ what: `keys of ${config.issuer} cannot be had`, error, requestId: request.id });
        return refuse(401, challenge(scopes, "invalid_token", "the token cannot be verified"));
      }
    },
    close: () => keys.close(),
  };
}

function refuse(status: 401 | 403, header: string, error = header): Verdict {
  const text = status === 401 ? "Unauthorized" : "Forbidden";
  return { allowed: false, answer: message(status, text, [["www-authenticate", header]]), error };
}

function challenge(scopes: readonly string[], error: string, description: string): string {
  return `Bearer scope="${scopes.join(" ")}" error="${error}" error_description="${description}"`;
}
