/**
 * JSON Web Tokens that are signed with an RSA key: https://www.rfc-editor.org/rfc/rfc7515. Signing
 * also makes tokens that verifiers must refuse, for tests; verification accepts none of them.
 */

import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { isRecord } from "@stockwire/gateway/json";

/**
 * Serializes and signs a token: https://www.rfc-editor.org/rfc/rfc7515#section-7.1. Uses the algorithm
 * that the header names if an RSA key supports it, else RS256. Tests thereby get tokens with a false
 * `alg` and a signature by the right key, which verifiers must refuse.
 */
export function signedJwt(header: object, claims: object, key: KeyObject): string {
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const alg = "alg" in header && typeof header.alg === "string" ? header.alg : "RS256";
  const [, family, bits] = /^(RS|PS)(256|384|512)$/.exec(alg) ?? [undefined, "RS", "256"];
  const padding =
    family === "PS"
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  const signature = signBytes(`sha${bits}`, Buffer.from(input), { key, ...padding });
  return `${input}.${signature.toString("base64url")}`;
}

/** The claims of a token that this key signed with RS256; undefined for any other text. */
export function verifiedClaims(token: string, key: KeyObject): Record<string, unknown> | undefined {
  const [header = "", payload = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0 || jsonOf(header)?.["alg"] !== "RS256") return undefined;
  const input = Buffer.from(`${header}.${payload}`);
  const isSigned = verifyBytes(
    "sha256",
    input,
    createPublicKey(key),
    Buffer.from(signature, "base64url"),
  );
  return isSigned ? jsonOf(payload) : undefined;
}

/** The public part of a signing key, as `jwks_uri` serves it. */
export function publicJwk(key: KeyObject) {
  const { n, e } = createPublicKey(key).export({ format: "jwk" });
  // The thumbprint of the key: https://www.rfc-editor.org/rfc/rfc7638#section-3
  const kid = createHash("sha256")
    .update(JSON.stringify({ e, kty: "RSA", n }))
    .digest("base64url");
  return { kty: "RSA", n, e, kid, use: "sig", alg: "RS256" };
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
