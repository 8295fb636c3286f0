/**
 * Signature Version 4 for the requests to DynamoDB, SQS and the management API of connections. As
 * small as these requests allow: no query, no `.` in a path, no header that would have to be trimmed.
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
  /** As in a credential scope: `dynamodb`, `execute-api`. */
  service: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Returns the `Authorization` header that signs a request. */
export function authorization(
  { method, path, headers, body }: Request,
  { accessKeyId, secretAccessKey, region, service }: Signer,
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
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, time, scope, hash("sha256", canonical)].join("\n");
  const signature = hmac(keyOf(service, secretAccessKey, scope), text).toString("hex");
  return `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
}

/** Returns the `x-amz-date` of a time in epoch ms. */
export const timeOf = (at: number): string =>
  new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");

/** Encodes a segment of a path as AWS does: everything but letters, digits and `-._~`. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The last key of each service. */
const keys = new Map<string, { secret: string; scope: string; key: KeyObject }>();

/**
 * The key is the same for a day and takes four HMACs, so the last one is kept. As a `KeyObject`,
 * since a buffer would be imported again for each signature, at six times the cost of signing.
 */
function keyOf(service: string, secret: string, scope: string): KeyObject {
  const last = keys.get(service);
  if (last?.secret === secret && last.scope === scope) return last.key;
  let key = createSecretKey(Buffer.from(`AWS4${secret}`));
  for (const part of scope.split("/")) key = createSecretKey(hmac(key, part));
  keys.set(service, { secret, scope, key });
  return key;
}

const hmac = (key: KeyObject, text: string) => createHmac("sha256", key).update(text).digest();
