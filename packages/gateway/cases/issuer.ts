/** The token issuer of the case runner. It signs whatever a case asks for, also bad tokens. */

import { type KeyObject, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { isRecord } from "../json.ts";
import { listen } from "../server.ts";

/** The claims of a token, and members that make it differ from a valid one. */
type TokenRequest = Readonly<Record<string, unknown>>;

/** An issuer on its own port. */
export interface CaseIssuer {
  url: string;
  token(requested: TokenRequest): string;
  close(): Promise<void>;
}

// The members of a token request that are not claims.
const INSTRUCTIONS = new Set(["alg", "kid", "typ", "header", "tamper", "hmacWith"]);
const KID = "runner";

/** Starts an issuer that serves its discovery document and its keys at `url`. */
export async function openCaseIssuer(): Promise<CaseIssuer> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: KID, use: "sig", alg: "RS256" };
  let url = "";
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle(req, res) {
      const document =
        req.url === "/jwks.json" ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks.json` };
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
    },
  });
  url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    token: (requested) => mint(requested, privateKey, publicKey),
    close: () => server.close(),
  };
}

function mint(requested: TokenRequest, privateKey: KeyObject, publicKey: KeyObject): string {
  const alg = typeof requested["alg"] === "string" ? requested["alg"] : "RS256";
  const kid = "kid" in requested ? requested["kid"] : KID;
  const more = isRecord(requested["header"]) ? requested["header"] : {};
  const header = { alg, typ: requested["typ"] ?? "JWT", ...(kid === null ? {} : { kid }), ...more };
  const claims = Object.entries(requested)
    .filter(([name]) => !INSTRUCTIONS.has(name))
    .map(([name, value]) => [name, fromNow(value)]);
  const input = `${encode(header)}.${encode(Object.fromEntries(claims))}`;
  const token = `${input}.${signature(input, alg, requested, privateKey, publicKey)}`;
  return requested["tamper"] ? tamper(token, requested["tamper"]) : token;
}

function signature(
  input: string,
  alg: string,
  { hmacWith }: TokenRequest,
  privateKey: KeyObject,
  publicKey: KeyObject,
): string {
  if (alg === "none") return "";
  if (hmacWith === undefined && !alg.startsWith("HS")) {
    return sign(`RSA-SHA${alg.slice(2)}`, Buffer.from(input), privateKey).toString("base64url");
  }
  // The attack of algorithm confusion: the public key is used as the shared secret of an HMAC.
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const secret = typeof hmacWith === "string" && !/public/i.test(hmacWith) ? hmacWith : pem;
  return createHmac("sha256", secret).update(input).digest("base64url");
}

function tamper(token: string, how: unknown): string {
  const [header = "", payload = "", signed = ""] = token.split(".");
  if (how === "payload" || how === "claims") {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    return `${header}.${encode(isRecord(claims) ? { ...claims, tampered: true } : claims)}.${signed}`;
  }
  return `${header}.${payload}.${signed.startsWith("A") ? "B" : "A"}${signed.slice(1)}`;
}

/** `"+300"` means five minutes from now. */
function fromNow(value: unknown): unknown {
  if (typeof value !== "string" || !/^[+-]\d+$/.test(value)) return value;
  return Math.floor(Date.now() / 1000) + Number(value);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
