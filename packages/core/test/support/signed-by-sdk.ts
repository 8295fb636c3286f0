import { SignatureV4 } from "@smithy/signature-v4";
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import type { Credentials } from "../../src/aws/client.ts";
import type { Received } from "./server.ts";

/** SHA-256 as the SDK's signer wants it. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === "string" || secret === undefined ? secret : bytesOf(secret);
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: string | ArrayBuffer | ArrayBufferView) {
    this.#hash.update(typeof data === "string" ? data : bytesOf(data));
  }
  digest = () => Promise.resolve(new Uint8Array(this.#hash.digest()));
  reset = () => undefined;
}
const bytesOf = (data: ArrayBuffer | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);

/** Signs a request again, with the headers that were signed, as AWS does. */
export async function signedBySdk(
  sent: Received | undefined,
  { region, service, credentials }: { region: string; service: string; credentials: Credentials },
): Promise<string | undefined> {
  if (sent === undefined) return undefined;
  const { headers, body, method, url } = sent;
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1]?.split(";") ?? [];
  const date = String(headers["x-amz-date"]);
  const iso = date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const signer = new SignatureV4({
    credentials,
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      protocol: "http:",
      hostname: "127.0.0.1",
      method,
      path: url,
      query: {},
      headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
      body,
    },
    { signingDate: new Date(iso) },
  );
  return signed.headers["authorization"];
}
