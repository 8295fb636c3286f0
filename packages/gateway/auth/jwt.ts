/**
 * Verifies JSON Web Tokens: RSA signatures by the issuer's published keys, then times, issuer and
 * audience. A token in any form that the standards leave open is refused.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */

import { compactVerify } from "jose";
import { createCache } from "../cache.ts";
import { isRecord } from "../json.ts";
import type { Claims } from "./claims.ts";
import type { KeySource } from "./jwks.ts";

/** A token that is refused; the message is the `error_description` for the client. */
export class InvalidToken extends Error {
  override name = "InvalidToken";
}

/** The values that a token's `iss` and `aud` must match. */
export interface Expected {
  issuer: string;
  audience: ReadonlySet<string>;
}

// API Gateway supports RSA only. HMAC must stay out: with it, a public key could be used as the secret.
const ALGORITHMS = ["RS256", "RS384", "RS512"];
const LONGEST = 8192; // characters
// The clocks of issuer and gateway may differ a little. It does not extend the life of a token.
const LEEWAY = 5; // seconds
const VERIFIED_TOKENS = 1000;

const BASE64URL = /^[A-Za-z0-9_-]+$/;
// The last character of an incomplete group has bits that decoders ignore. They must be zero, because
// one token would otherwise have several spellings.
const CANONICAL_END: Readonly<Record<number, RegExp>> = { 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Verifies signatures and caches the tokens that were valid. */
export interface SignatureCheck {
  /** The token's claims. Rejects with `InvalidToken`, or with the error of fetching the keys. */
  verify(token: string): Promise<Claims>;
}

/** Creates the check for the keys of one issuer. */
export function createSignatureCheck(keys: KeySource): SignatureCheck {
  const verified = createCache<{ claims: Claims; kid: string; alg: string; key: unknown }>(
    VERIFIED_TOKENS,
  );
  return {
    async verify(token) {
      const known = verified.get(token);
      // A cached token is valid only while the issuer still publishes the key that signed it.
      if (known && known.key === (await keys.find(known.kid, known.alg))) return known.claims;
      const { header, payload } = parse(token);
      const { alg, kid } = header;
      if (typeof alg !== "string" || !ALGORITHMS.includes(alg)) {
        throw new InvalidToken("the token has an unsupported signing algorithm");
      }
      if (typeof kid !== "string") throw new InvalidToken("the token has no key id");
      if ("crit" in header || "b64" in header) {
        throw new InvalidToken("the token has an unsupported header");
      }
      const key = await keys.find(kid, alg);
      if (!key) throw new InvalidToken("the token has an unknown key id");
      try {
        await compactVerify(token, key, { algorithms: [alg] });
      } catch (cause) {
        throw new InvalidToken("the token has an invalid signature", { cause });
      }
      const claims = decode(payload);
      verified.set(token, { claims, kid, alg, key });
      return claims;
    },
  };
}

/** Checks times, issuer and audience; `now` is in epoch seconds. Throws `InvalidToken`. */
export function checkClaims(claims: Claims, expected: Expected, now: number): void {
  const { exp, nbf, iat, iss } = claims;
  if (!isTime(exp)) throw new InvalidToken("the token has no valid expiry");
  if (exp <= now) throw new InvalidToken("the token has expired");
  for (const time of [nbf, iat]) {
    if (time === undefined) continue;
    if (!isTime(time)) throw new InvalidToken("the token has an invalid time");
    if (time > now + LEEWAY) throw new InvalidToken("the token is not valid yet");
  }
  if (iss !== expected.issuer) throw new InvalidToken("the token does not have a valid issuer");
  // API Gateway reads `client_id` only if there is no `aud`.
  const audience = "aud" in claims ? claims["aud"] : claims["client_id"];
  const audiences: unknown[] = Array.isArray(audience) ? audience : [audience];
  if (!audiences.some((name) => typeof name === "string" && expected.audience.has(name))) {
    throw new InvalidToken("the token does not have a valid audience");
  }
}

function parse(token: string): { header: Claims; payload: string } {
  if (token.length > LONGEST) throw new InvalidToken("the token is too long");
  const segments = token.split(".");
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || !header || !payload || !signature) {
    throw new InvalidToken("token contains an invalid number of segments");
  }
  if (!segments.every(isCanonical)) throw new InvalidToken("the token is not base64url");
  return { header: decode(header), payload };
}

function isCanonical(segment: string): boolean {
  const rest = segment.length % 4;
  return rest !== 1 && BASE64URL.test(segment) && (CANONICAL_END[rest]?.test(segment) ?? true);
}

function decode(segment: string): Claims {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(segment, "base64url")));
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new InvalidToken("the token is not JSON", { cause });
  }
  throw new InvalidToken("the token is not a JSON object");
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
