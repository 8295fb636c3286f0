import {
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";
import { createCache } from "../cache.ts";

/** What Signature Version 4 covers of a request. */
export interface SignedRequest {
  method: string;
  /** As it was sent. */
  encodedPath: string;
  rawQuery: string;
  /** Lower-case names. */
  headers: ReadonlyMap<string, string>;
}

/** What an `Authorization` header says. */
export interface Credential {
  accessKeyId: string;
  date: string; // YYYYMMDD
  region: string;
  service: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const KEYS = createCache<KeyObject>(100);

/**
 * The signature of a request as a caller with this secret makes it, in hexadecimal.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureOf(
  request: SignedRequest,
  signedHeaders: readonly string[],
  body: Buffer,
  credential: Omit<Credential, "accessKeyId">,
  secret: string,
): string {
  const { date, region, service } = credential;
  const time = request.headers.get("x-amz-date") ?? "";
  const canonical = [
    request.method,
    // The path was encoded for the wire; for every service but S3 it is encoded once more.
    request.encodedPath.split("/").map(encode).join("/"),
    canonicalQuery(request.rawQuery),
    ...signedHeaders.map((name) => `${name}:${trimmed(request.headers.get(name) ?? "")}`),
    "",
    signedHeaders.join(";"),
    sha256(body),
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  // Header text is Latin-1 here: a character for each byte that was sent.
  const text = [ALGORITHM, time, scope, sha256(Buffer.from(canonical, "latin1"))].join("\n");
  return hmac(signingKey(secret, scope), text).toString("hex");
}

/** The `Authorization` header that goes with a signature. */
export function authorizationHeader(
  { accessKeyId, date, region, service }: Credential,
  signedHeaders: readonly string[],
  signature: string,
): string {
  const scope = `${accessKeyId}/${date}/${region}/${service}/aws4_request`;
  return `${ALGORITHM} Credential=${scope}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
}

/** Reads an `Authorization` header; undefined if it is none of Signature Version 4. */
export function readAuthorization(
  header: string,
): { credential: Credential; signedHeaders: string[]; signature: string } | undefined {
  const [algorithm, ...rest] = header.split(" ");
  if (algorithm !== ALGORITHM) return undefined;
  const members = new Map<string, string>();
  for (const member of rest.join("").split(",")) {
    const equals = member.indexOf("=");
    members.set(member.slice(0, equals), member.slice(equals + 1));
  }
  const signature = members.get("Signature") ?? "";
  const signedHeaders = (members.get("SignedHeaders") ?? "").split(";");
  const scope = (members.get("Credential") ?? "").split("/");
  const [accessKeyId, date, region, service, end] = scope;
  if (!accessKeyId || !date || !region || !service || end !== "aws4_request" || scope.length > 5) {
    return undefined;
  }
  if (!/^[0-9a-f]{64}$/.test(signature) || signedHeaders.includes("")) return undefined;
  return { credential: { accessKeyId, date, region, service }, signedHeaders, signature };
}

/** Compares without telling by its time where two signatures differ. */
export function sameSignature(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function canonicalQuery(raw: string): string {
  return raw
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      const name = equals < 0 ? part : part.slice(0, equals);
      return `${recode(name)}=${recode(equals < 0 ? "" : part.slice(equals + 1))}`;
    })
    .toSorted()
    .join("&");
}

const recode = (text: string): string => encode(decodeURIComponent(text));

/** RFC 3986's unreserved characters stay, all others are encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const trimmed = (value: string): string => value.trim().replace(/\s+/g, " ");

// Derived from the day, so that it is the same for many requests. Node makes such an object of a
// buffer anew for each signature, which costs more than the signature.
function signingKey(secret: string, scope: string): KeyObject {
  const name = `${scope} ${secret}`;
  const known = KEYS.get(name);
  if (known) return known;
  let key = createSecretKey(Buffer.from(`AWS4${secret}`));
  for (const part of scope.split("/")) key = createSecretKey(hmac(key, part));
  KEYS.set(name, key);
  return key;
}

const hmac = (key: KeyObject, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
