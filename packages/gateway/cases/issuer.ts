import { type KeyObject, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { isRecord } from "../json.ts";
import { listen } from "../server.ts";

/** A token as a case asks for it: claims, and how to spoil the good default. */
type TokenRequest = Readonly<Record<string, unknown>>;

/** The runner's own issuer, on a port of its own. */
export interface CaseIssuer {
  url: string;
  token(wanted: TokenRequest): string;
  close(): Promise<void>;
}

// Members of a token request that are no claims.
const DIRECTIONS = new Set(["alg", "kid", "typ", "header", "tamper", "hmacWith"]);
const KID = "runner";

/** Serves discovery and keys at `url`, and signs whatever is asked for. */
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
    token: (wanted) => mint(wanted, privateKey, publicKey),
    close: () => server.close(),
  };
}

function mint(wanted: TokenRequest, privateKey: KeyObject, publicKey: KeyObject): string {
  const alg = typeof wanted["alg"] === "string" ? wanted["alg"] : "RS256";
  const kid = "kid" in wanted ? wanted["kid"] : KID;
  const more = isRecord(wanted["header"]) ? wanted["header"] : {};
  const header = { alg, typ: wanted["typ"] ?? "JWT", ...(kid === null ? {} : { kid }), ...more };
  const claims = Object.entries(wanted)
    .filter(([name]) => !DIRECTIONS.has(name))
    .map(([name, value]) => [name, fromNow(value)]);
  const input = `${encode(header)}.${encode(Object.fromEntries(claims))}`;
  const token = `${input}.${signature(input, alg, wanted, privateKey, publicKey)}`;
  return wanted["tamper"] ? tamper(token, wanted["tamper"]) : token;
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
  // The classic confusion: the public key, which everybody knows, as a shared secret.
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

/** `"+300"` is five minutes from now. */
function fromNow(value: unknown): unknown {
  if (typeof value !== "string" || !/^[+-]\d+$/.test(value)) return value;
  return Math.floor(Date.now() / 1000) + Number(value);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
