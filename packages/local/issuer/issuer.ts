import {
  type KeyObject,
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign as signBytes,
} from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { isRecord } from "@stockwire/gateway/json";
import { openSecret } from "./secret-file.ts";
import { type Client, grantToken } from "./token-endpoint.ts";

/** The laptop's OIDC issuer: Cognito's part, as far as APIs and machines see it. */
export interface Issuer {
  /** Answers discovery, keys and tokens; false if the request is for somebody else. */
  handle: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Makes an access token; members given as null are left out of it. */
  sign: (wanted: TokenWanted) => string;
  /** The demo client, with its secret: for showing to the laptop's user, never for a log. */
  client: Client;
}

/** What a token says besides the issuer's defaults. */
export interface TokenWanted {
  claims: Readonly<Record<string, unknown>>;
  header?: Readonly<Record<string, unknown>>;
  ttl?: number; // seconds
}

/** Where the issuer keeps its secrets, how it is called, and what its client may ask for. */
export interface IssuerOptions {
  dir: string;
  issuer: string;
  scopes?: readonly string[];
  clock?: () => number; // epoch milliseconds
}

/** Lifetime of a token unless told otherwise. */
export const TOKEN_TTL = 3600; // seconds

const AUDIENCE = "stockwire";
const CLIENT_ID = "stockwire-laptop";

/**
 * Opens the issuer whose key and client live in `dir`, and makes both at the first start. Throws
 * LocalError if they cannot be read or written.
 */
export async function openIssuer(options: IssuerOptions): Promise<Issuer> {
  const { dir, issuer, scopes = [], clock = Date.now } = options;
  const key = await openSecret(join(dir, "issuer-key.json"), parseKey, makeKey);
  const client = await openSecret(join(dir, "issuer-client.json"), parseClient, makeClient);
  const jwk = publicJwk(key);
  const endpoint = { client, scopes, issue };

  function sign({ claims, header = {}, ttl = TOKEN_TTL }: TokenWanted): string {
    const now = Math.floor(clock() / 1000);
    const defaults = {
      iss: issuer,
      client_id: client.id,
      token_use: "access",
      aud: AUDIENCE,
      iat: now,
      exp: now + ttl,
      jti: randomUUID(),
    };
    const fullHeader = withoutNulls({ alg: "RS256", typ: "JWT", kid: jwk.kid, ...header });
    return compact(fullHeader, withoutNulls({ ...defaults, ...claims }), key);
  }

  function issue(clientId: string, scope: string): { token: string; ttl: number } {
    const token = sign({ claims: { sub: clientId, client_id: clientId, scope } });
    return { token, ttl: TOKEN_TTL };
  }

  const documents = new Map<string, string>([
    ["/.well-known/openid-configuration", JSON.stringify(discovery(issuer, scopes))],
    ["/jwks.json", JSON.stringify({ keys: [jwk] })],
  ]);

  return {
    client,
    sign,
    handle(req, res) {
      const [path = ""] = (req.url ?? "").split("?", 1);
      const document = documents.get(path);
      if (document !== undefined) serve(req, res, document);
      else if (path === "/oauth2/token") grantToken(req, res, endpoint).catch(() => res.destroy());
      else return false;
      return true;
    },
  };
}

function serve(req: IncomingMessage, res: ServerResponse, document: string): void {
  if (req.method !== "GET") {
    res.writeHead(405, { allow: "GET", "content-length": 0 }).end();
    return;
  }
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(document),
    "access-control-allow-origin": "*",
    "cache-control": "no-cache",
  };
  res.writeHead(200, headers).end(document);
}

function discovery(issuer: string, scopes: readonly string[]): object {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks.json`,
    token_endpoint: `${issuer}/oauth2/token`,
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    grant_types_supported: ["client_credentials"],
    response_types_supported: ["token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    scopes_supported: scopes,
  };
}

/**
 * Signs with the algorithm that the header names if this key can do it, else with RS256, so that
 * testers get a token whose header lies under a signature by the right key.
 */
function compact(header: object, claims: object, key: KeyObject): string {
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const alg = "alg" in header && typeof header.alg === "string" ? header.alg : "RS256";
  const [, family, bits] = /^(RS|PS)(256|384|512)$/.exec(alg) ?? [undefined, "RS", "256"];
  const padding =
    family === "PS"
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  const signature = signBytes(`sha${bits}`, Buffer.from(input), { key, ...padding });
  return `${input}.${signature.toString("base64url")}`;
}

function withoutNulls(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}

function publicJwk(key: KeyObject) {
  const { n, e } = createPublicKey(key).export({ format: "jwk" });
  // RFC 7638: the members that make the key, in this order and without spaces.
  const kid = createHash("sha256")
    .update(JSON.stringify({ e, kty: "RSA", n }))
    .digest("base64url");
  return { kty: "RSA", n, e, kid, use: "sig", alg: "RS256" };
}

function makeKey(): object {
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
}

function parseKey(value: unknown): KeyObject | undefined {
  if (!isRecord(value) || value["kty"] !== "RSA") return undefined;
  try {
    return createPrivateKey({ key: value, format: "jwk" });
  } catch {
    return undefined;
  }
}

function makeClient(): Client {
  return { id: CLIENT_ID, secret: randomBytes(32).toString("base64url") };
}

function parseClient(value: unknown): Client | undefined {
  if (!isRecord(value)) return undefined;
  const { id, secret } = value;
  return typeof id === "string" && typeof secret === "string" ? { id, secret } : undefined;
}
