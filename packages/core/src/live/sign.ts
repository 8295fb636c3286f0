import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";

/**
 * Signature Version 4 for API Gateway, as small as its requests allow: no query, no `.` in a path,
 * no header that would have to be trimmed.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

export interface Request {
  method: string;
  /** As it is sent. */
  path: string;
  /** Lower-case names; all are signed, `x-amz-date` is one of them. */
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

/** The `Authorization` header that signs a request. */
export function authorization(
  { method, path, headers, body }: Request,
  { accessKeyId, secretAccessKey, region }: Signer,
): string {
  const names = Object.keys(headers).toSorted();
  const signed = names.join(";");
  const canonical = [
    method,
    path.split("/").map(encode).join("/"), // once more, as for every service but S3
    "",
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

/** `x-amz-date` of a time in epoch ms. */
export const timeOf = (at: number): string =>
  new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");

const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

let last: { secret: string; scope: string; key: KeyObject } | undefined;

/** The same for a day. As an object: of a buffer each signature would make one, six times its cost. */
function keyOf(secret: string, scope: string): KeyObject {
  if (last?.secret === secret && last.scope === scope) return last.key;
  let key = createSecretKey(Buffer.from(`AWS4${secret}`));
  for (const part of scope.split("/")) key = createSecretKey(hmac(key, part));
  last = { secret, scope, key };
  return key;
}

const hmac = (key: KeyObject, text: string) => createHmac("sha256", key).update(text).digest();
