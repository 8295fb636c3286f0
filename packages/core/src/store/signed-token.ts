/**
 * Opaque tokens for clients: page tokens and cursors. A token is signed together with its scope, so
 * that it can be neither forged nor used for another list, filter or order.
 */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { AppError } from "../error.ts";

/** Bytes of HMAC-SHA256 that are kept: 128 bits are enough, and keep URLs short. */
const MAC_BYTES = 16;

let secret: KeyObject | undefined;

/** Sets the key that signs tokens. All processes of a stage must have the same one. */
export const configure = (key: string): void => {
  secret = createSecretKey(Buffer.from(key)); // a buffer would be imported again for each signature
};

const sign = (payload: string, scope: string): Buffer => {
  if (secret === undefined) throw new Error("SignedToken.configure has not been called");
  // The length keeps the scopes "a" and "ab" apart where the payloads are "bc" and "c".
  const message = `${scope.length}:${scope}${payload}`;
  return createHmac("sha256", secret).update(message).digest().subarray(0, MAC_BYTES);
};

/** Returns a token for `payload` that can only be decoded with the same `scope`. */
export const encode = (payload: string, scope: string): string =>
  Buffer.concat([sign(payload, scope), Buffer.from(payload)]).toString("base64url");

/**
 * Returns the payload of a token that `encode` made with the same scope. Throws `invalid_cursor`
 * for any other text; `parameter` names the query parameter that the token came in.
 */
export function decode(token: string, scope: string, parameter = "nextToken"): string {
  const bytes = Buffer.from(token, "base64url");
  const payload = bytes.subarray(MAC_BYTES).toString();
  const genuine =
    bytes.length > MAC_BYTES &&
    bytes.toString("base64url") === token && // only one spelling of each token is accepted
    timingSafeEqual(bytes.subarray(0, MAC_BYTES), sign(payload, scope));
  if (!genuine) {
    throw new AppError("invalid_cursor", `This ${parameter} was not issued for this request`, {
      errors: [{ parameter, code: "invalid", detail: "Not issued for this request" }],
    });
  }
  return payload;
}
