import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { AppError } from "../error.ts";

const MAC_BYTES = 16;

let secret: KeyObject | undefined;

/** Sets the key that signs cursors; every process of a stage must have the same. */
export const configure = (key: string): void => {
  secret = createSecretKey(Buffer.from(key)); // of a buffer each signature would make one
};

const sign = (position: string, scope: string): Buffer => {
  if (secret === undefined) throw new Error("cursor.configure has not been called");
  // The scope's length keeps "a" + "bc" and "ab" + "c" apart.
  const message = `${scope.length}:${scope}${position}`;
  return createHmac("sha256", secret).update(message).digest().subarray(0, MAC_BYTES);
};

/** An opaque token for `position` that only reads with the same `scope` (list, filters, order). */
export const encode = (position: string, scope: string): string =>
  Buffer.concat([sign(position, scope), Buffer.from(position)]).toString("base64url");

/** The position in a token of ours. Throws `invalid_cursor` for any other. */
export function decode(token: string, scope: string, parameter = "nextToken"): string {
  const bytes = Buffer.from(token, "base64url");
  const position = bytes.subarray(MAC_BYTES).toString();
  const genuine =
    bytes.length > MAC_BYTES &&
    bytes.toString("base64url") === token && // one spelling per token
    timingSafeEqual(bytes.subarray(0, MAC_BYTES), sign(position, scope));
  if (!genuine) {
    throw new AppError("invalid_cursor", `This ${parameter} was not given out for this`, {
      errors: [{ parameter, code: "invalid", detail: "Not one that was given out for this" }],
    });
  }
  return position;
}
