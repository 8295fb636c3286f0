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

/**
 * An OpenID Connect issuer in the place of a Cognito user pool: discovery document, public keys, the
 * token endpoint for machines, and access tokens with the claims of Cognito's. Every process that
 * opens the same folder signs with the same key, so its tokens are valid after a restart too.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 */
export interface Issuer {
  /** Answers requests for its documents and for tokens. Returns false for any other path. */
  handle: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Signs an access token. A claim or header member that is null is left out of it. */
  sign: (request: TokenRequest) => string;
  /** The only client of the token endpoint. The secret may be shown to the user, never logged. */
  client: Client;
}

/** Claims and header members that replace the issuer's defaults. */
export interface TokenRequest {
  claims: Readonly<Record<string, unknown>>;
  header?: Readonly<Record<string, unknown>>;
  ttl?: number; // seconds
}

export interface IssuerOptions {
  /** The folder of the signing key and the client secret. */
  dir: string;
  /** The issuer's URL: the `iss` claim, and the base of the URLs in the discovery document. */
  issuer: string;
  audience: string;
  clientId: string;
  /** The scopes that the client may request. */
  scopes?: readonly string[];
  clock?: () => number; // epoch milliseconds
}

/** The default lifetime of a token. */
export const TOKEN_TTL = 3600; // seconds

/**
 * Opens the issuer whose signing key and client secret are files in `dir`. Creates them at the first
 * start. Throws LocalError if they cannot be read or written.
 */
export async function openIssuer(options: IssuerOptions): Promise<Issuer> {
  const { dir, issuer, audience, clientId, scopes = [], clock = Date.now } = options;
  const key = await openSecret(join(dir, "issuer-key.json"), parseKey, makeKey);
  const client = await openSecret(join(dir, "issuer-client.json"), parseClient, () =>
    makeClient(clientId),
  );
  const jwk = publicJwk(key);
  const endpoint = { client, scopes, issue };

  function sign({ claims, header = {}, ttl = TOKEN_TTL }: TokenRequest): string {
    const now = Math.floor(clock() / 1000);
    const defaults = {
      iss: issuer,
      client_id: client.id,
      token_use: "access",
      aud: audience,
      iat: now,
      exp: now + ttl,
      jti: randomUUID(),
    };
    const fullHeader = withoutNulls({ alg: "RS256", typ: "JWT", kid: jwk.kid, ...header });
    return signedJwt(fullHeader, withoutNulls({ ...defaults, ...claims }), key);
  }

  function issue(id: string, scope: string): { token: string; ttl: number } {
    const token = sign({ claims: { sub: id, client_id: id, scope } });
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
      if (document !== undefined) serveDocument(req, res, document);
      else if (path === "/oauth2/token") grantToken(req, res, endpoint).catch(() => res.destroy());
      else return false;
      return true;
    },
  };
}

function serveDocument(req: IncomingMessage, res: ServerResponse, document: string): void {
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

/** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
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
 * Serializes and signs a token: https://www.rfc-editor.org/rfc/rfc7515#section-7.1. Uses the algorithm
 * that the header names if an RSA key supports it, else RS256. Tests thereby get tokens with a false
 * `alg` and a signature by the right key, which verifiers must refuse.
 */
function signedJwt(header: object, claims: object, key: KeyObject): string {
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
  // The thumbprint of the key: https://www.rfc-editor.org/rfc/rfc7638#section-3
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

function makeClient(id: string): Client {
  return { id, secret: randomBytes(32).toString("base64url") };
}

function parseClient(value: unknown): Client | undefined {
  if (!isRecord(value)) return undefined;
  const { id, secret } = value;
  return typeof id === "string" && typeof secret === "string" ? { id, secret } : undefined;
}
