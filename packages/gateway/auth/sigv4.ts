/**
 * Verifies Signature Version 4. The received request is signed again by `@smithy/signature-v4`, the
 * signer of the AWS SDK, with the headers that its caller signed; the two signatures must be equal.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

import {
  type KeyObject,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  timingSafeEqual,
} from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { GatewayRequest } from "../request.ts";

/** The parts of a request that a signature covers, as they were sent. */
export type SignedRequest = Pick<GatewayRequest, "method" | "encodedPath" | "rawQuery" | "headers">;

/** The `Credential` of an `Authorization` header: who signed, and for which day and service. */
export interface Credential {
  accessKeyId: string;
  date: string; // YYYYMMDD
  region: string;
  service: string;
}

/** An `Authorization` header of Signature Version 4. */
export interface Authorization {
  credential: Credential;
  signedHeaders: string[];
  signature: string; // 64 hexadecimal digits
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const PAYLOAD_HASH = "x-amz-content-sha256";
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** The time of an `X-Amz-Date` header such as `20150830T123600Z`; an invalid Date if it is malformed. */
export function parseAmzDate(text: string): Date {
  return new Date(text.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z"));
}

/** Parses an `Authorization` header; undefined if it is not of Signature Version 4 or not complete. */
export function parseAuthorization(header: string): Authorization | undefined {
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

/** Creates a signer that adds no header of its own but `x-amz-date` and `authorization`. */
export function createSigner(
  { accessKeyId, region, service }: Omit<Credential, "date">,
  secretAccessKey: string,
): SignatureV4 {
  return new SignatureV4({
    credentials: { accessKeyId, secretAccessKey },
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  });
}

/** True if the owner of this secret signed this request with this body. See `signatureOf`. */
export async function verifySignature(
  request: SignedRequest,
  { credential, signedHeaders, signature }: Authorization,
  body: Buffer,
  secretAccessKey: string,
): Promise<boolean> {
  // The signer takes a signed payload hash for the hash of the body. Without this check a caller could
  // send another body under the same signature.
  if (
    signedHeaders.includes(PAYLOAD_HASH) &&
    request.headers.get(PAYLOAD_HASH) !== hash("sha256", body)
  ) {
    return false;
  }
  const expected = await signatureOf(request, signedHeaders, body, credential, secretAccessKey);
  return sameSignature(expected, signature);
}

/**
 * The signature that the owner of a secret makes for a request, in hexadecimal. The query must be
 * decodable and `x-amz-date` valid.
 */
export async function signatureOf(
  request: SignedRequest,
  signedHeaders: readonly string[],
  body: Buffer,
  credential: Omit<Credential, "date">,
  secretAccessKey: string,
): Promise<string> {
  // Node decodes headers as Latin-1, callers sign them as UTF-8.
  const decode = (name: string) =>
    Buffer.from(request.headers.get(name) ?? "", "latin1").toString("utf8");
  const signed = await createSigner(credential, secretAccessKey).sign(
    {
      method: request.method,
      protocol: "http:",
      hostname: "",
      path: request.encodedPath,
      query: parseQuery(request.rawQuery),
      headers: Object.fromEntries(signedHeaders.map((name) => [name, decode(name)])),
      body,
    },
    {
      signingDate: parseAmzDate(request.headers.get("x-amz-date") ?? ""),
      // The signer leaves out some headers, such as `user-agent`, unless they are listed here.
      signableHeaders: new Set(signedHeaders),
    },
  );
  return parseAuthorization(signed.headers["authorization"] ?? "")?.signature ?? "";
}

/** Compares two signatures in constant time, so that the time does not reveal a correct prefix. */
export function sameSignature(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** All values of each parameter. Unlike in a form, `+` is not a space. */
function parseQuery(raw: string): Record<string, string[]> {
  const query = new Map<string, string[]>();
  for (const part of raw.split("&")) {
    if (part === "") continue;
    const [name = "", ...value] = part.split("=");
    const key = decodeURIComponent(name);
    query.set(key, [...(query.get(key) ?? []), decodeURIComponent(value.join("="))]);
  }
  return Object.fromEntries(query);
}

/**
 * SHA-256 and HMAC for the signer. It makes a key object of each signing key only once: Node would
 * otherwise do so for every signature, which takes longer than the signature itself. The signer caches
 * the signing key of a day, so the same bytes object comes back.
 */
class Sha256 {
  static readonly #keys = new WeakMap<object, KeyObject>();
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#hash = createHash("sha256");
    else if (typeof secret === "string") this.#hash = createHmac("sha256", secret);
    else this.#hash = createHmac("sha256", Sha256.#keyOf(secret));
  }

  static #keyOf(secret: ArrayBuffer | ArrayBufferView): KeyObject {
    const known = Sha256.#keys.get(secret);
    if (known) return known;
    // Node accepts any of the two, its types only some views.
    const key = createSecretKey(secret as Uint8Array);
    Sha256.#keys.set(secret, key);
    return key;
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}
