/**
 * Signature Version 4 for the management API, as small as its requests allow: no query, no `.` in a
 * path, no header that would have to be trimmed.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";

export interface Request {
  method: string;
  /** Encoded, as it is sent. */
  path: string;
  /** With lower-case names. All are signed; `x-amz-date` must be one of them. */
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array;
}

interface Signer {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "execute-api";

/** Returns the `Authorization` header that signs a request. */
export function authorization(
  { method, path, headers, body }: Request,
  { accessKeyId, secretAccessKey, region }: Signer,
): string {
  const names = Object.keys(headers).toSorted();
  const signed = names.join(";");
  const canonical = [
    method,
    path.split("/").map(encode).join("/"), // a second time, as for all services but S3
    "", // the query
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    signed,
    hash("sha256", body),
  ].join("\n");
  const time = headers["x-amz-date"] ?? "";
  const scope = `${time.slice(0, 8)}/${region}/${SERVICE}/aws4_request`;
  const text = [ALGORITHM, time, scope, hash("sha256", canonical)].join("\n");
  const signature = hmac(keyOf(secretAccessKey, scope), text).toString("hex");
  return `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
}

/** Returns the `x-amz-date` of a time in epoch ms. */
export const timeOf = (at: number): string =>
  new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");

const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

let last: { secret: string; scope: string; key: KeyObject } | undefined;

/**
 * The key is the same for a day and takes four HMACs, so the last one is kept. As a `KeyObject`,
 * since a buffer would be imported again for each signature, at six times the cost of signing.
 */
function keyOf(secret: string, scope: string): KeyObject {
  if (last?.secret === secret && last.scope === scope) return last.key;
  let key = createSecretKey(Buffer.from(`AWS4${secret}`));
  for (const part of scope.split("/")) key = createSecretKey(hmac(key, part));
  last = { secret, scope, key };
  return key;
}

const hmac = (key: KeyObject, text: string) => createHmac("sha256", key).update(text).digest();
