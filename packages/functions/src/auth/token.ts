/**
 * Verifies access tokens where no gateway does it: a WebSocket API has no JWT authorizer. Accepts the
 * tokens that the JWT authorizer of an HTTP API accepts, and no others, so that one token is good for
 * both APIs. The laptop's gateway has the same rules in packages/gateway/auth/jwt.ts, and
 * packages/local/test/token-rule.test.ts compares the two.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */

import { verify as verifySignature } from "node:crypto";
import { createKeySource } from "./keys.ts";

/** The payload of a token: a JSON object whose members are not checked. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token that is refused. The message is the reason and holds nothing of the token. */
export class InvalidToken extends Error {
  override name = "InvalidToken";
}

export interface VerifierOptions {
  /** The `iss` of the tokens, and the URL from which their keys are discovered. */
  issuer: string;
  /** A token's `aud` must hold one of these; without `aud`, its `client_id`. */
  audiences: readonly string[];
  clock?: () => number; // epoch ms
}

/** Resolves to the claims of a token. Rejects with `InvalidToken`, or if the keys cannot be fetched. */
export type Verifier = (token: string) => Promise<Claims>;

/** The digest of each algorithm. With HMAC, a public key could be used as the secret. */
const DIGESTS = new Map([
  ["RS256", "sha256"],
  ["RS384", "sha384"],
  ["RS512", "sha512"],
]);
const LONGEST = 8192; // characters
/** The clocks of the issuer and of this machine may differ. It does not extend a token's life. */
const LEEWAY = 5; // seconds

/** Creates a verifier. The keys are fetched when the first token is verified, and cached. */
export function createVerifier({ issuer, audiences, clock = Date.now }: VerifierOptions): Verifier {
  const keys = createKeySource(issuer, clock);
  return async (token) => {
    const { header, signed, payload, signature } = parse(token);
    const { alg, kid } = header;
    const digest = typeof alg === "string" ? DIGESTS.get(alg) : undefined;
    if (digest === undefined || typeof alg !== "string") {
      throw new InvalidToken("the token has an unsupported signing algorithm");
    }
    if (typeof kid !== "string") throw new InvalidToken("the token has no key id");
    if ("crit" in header || "b64" in header) {
      throw new InvalidToken("the token has an unsupported header");
    }
    const key = await keys.find(kid, alg);
    if (!key) throw new InvalidToken("the token has an unknown key id");
    if (!verifySignature(digest, Buffer.from(signed), key, Buffer.from(signature, "base64url"))) {
      throw new InvalidToken("the token has an invalid signature");
    }
    const claims = decode(payload);
    checkClaims(claims, issuer, audiences, clock() / 1000);
    return claims;
  };
}

/** Checks times, issuer and audience; `now` is in epoch seconds. Throws `InvalidToken`. */
function checkClaims(
  claims: Claims,
  issuer: string,
  audiences: readonly string[],
  now: number,
): void {
  const { exp, nbf, iat, iss } = claims;
  if (!isTime(exp)) throw new InvalidToken("the token has no valid expiry");
  if (exp <= now) throw new InvalidToken("the token has expired");
  for (const time of [nbf, iat]) {
    if (time === undefined) continue;
    if (!isTime(time)) throw new InvalidToken("the token has an invalid time");
    if (time > now + LEEWAY) throw new InvalidToken("the token is not valid yet");
  }
  if (iss !== issuer) throw new InvalidToken("the token does not have a valid issuer");
  const audience = "aud" in claims ? claims["aud"] : claims["client_id"];
  const given: unknown[] = Array.isArray(audience) ? audience : [audience];
  if (!given.some((name) => typeof name === "string" && audiences.includes(name))) {
    throw new InvalidToken("the token does not have a valid audience");
  }
}

function parse(token: string) {
  if (token.length > LONGEST) throw new InvalidToken("the token is too long");
  const segments = token.split(".");
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || !header || !payload || !signature) {
    throw new InvalidToken("token contains an invalid number of segments");
  }
  if (!segments.every(isCanonical)) throw new InvalidToken("the token is not base64url");
  return { header: decode(header), signed: `${header}.${payload}`, payload, signature };
}

/** False for a second spelling of the same bytes, such as one with padding or stray bits. */
const isCanonical = (segment: string): boolean =>
  Buffer.from(segment, "base64url").toString("base64url") === segment;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(segment: string): Claims {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(Buffer.from(segment, "base64url")));
  } catch (cause) {
    throw new InvalidToken("the token is not JSON", { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Claims;
  throw new InvalidToken("the token is not a JSON object");
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);
