import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
} from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { isRecord } from "@stockwire/gateway/json";
import { authorize } from "./authorize-endpoint.ts";
import type { Client, PublicClient } from "./client.ts";
import { discovery, PATHS } from "./discovery.ts";
import { answerPreflight } from "./form.ts";
import { type Grant, openGrants } from "./grant-store.ts";
import { openSecret } from "./secret-file.ts";
import { publicJwk, signedJwt, verifiedClaims } from "./signed-token.ts";
import { grantToken } from "./token-endpoint.ts";
import { revokeToken, sendUserInfo } from "./user-endpoints.ts";

/**
 * An OpenID Connect issuer in the place of a Cognito user pool: discovery document, public keys, sign-in
 * for users, the token endpoint, and access tokens with the claims of Cognito's. Every process that
 * opens the same folder signs with the same key, so its tokens are valid after a restart too.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 */
export interface Issuer {
  /** Answers requests for its documents, for sign-in and for tokens. Returns false for any other path. */
  handle: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Signs an access token. A claim or header member that is null is left out of it. */
  sign: (request: TokenRequest) => string;
  /** The machine client. Its secret may be shown to the user, never logged. */
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
  /** The scopes that the machine client may request. */
  scopes?: readonly string[];
  /** The client and the users of sign-in. By default users can't sign in. */
  signIn?: PublicClient;
  clock?: () => number; // epoch milliseconds
}

/** The default lifetime of a token. */
export const TOKEN_TTL = 3600; // seconds

/**
 * Opens the issuer whose signing key and client secret are files in `dir`. Creates them at the first
 * start. Throws LocalError if they cannot be read or written.
 */
export async function openIssuer(options: IssuerOptions): Promise<Issuer> {
  const { dir, issuer, audience, clientId, scopes = [], signIn, clock = Date.now } = options;
  const key = await openSecret(join(dir, "issuer-key.json"), parseKey, makeKey);
  const client = await openSecret(join(dir, "issuer-client.json"), parseClient, () =>
    makeClient(clientId),
  );
  const jwk = publicJwk(key);

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

  const users = signIn && {
    client: signIn,
    machine: client,
    grants: openGrants(join(dir, "issuer-grants.json"), clock),
    verify: (token: string) => currentClaims(verifiedClaims(token, key), issuer, clock),
  };
  const tokens = { client, scopes, signIn: users, issue, issueTo: tokensFor(sign, signIn) };

  const documents = new Map<string, string>([
    [PATHS.discovery, JSON.stringify(discovery(issuer, scopes, signIn !== undefined))],
    [PATHS.keys, JSON.stringify({ keys: [jwk] })],
  ]);
  const endpoints: Readonly<Record<string, Endpoint>> = {
    [PATHS.token]: (req, res) => grantToken(req, res, tokens),
    ...(users && {
      [PATHS.userInfo]: (req, res) => sendUserInfo(req, res, users),
      [PATHS.revoke]: (req, res) => revokeToken(req, res, users),
    }),
  };
  const authorizePath = PATHS.authorize;

  return {
    client,
    sign,
    handle(req, res) {
      const [path = ""] = (req.url ?? "").split("?", 1);
      const document = documents.get(path);
      const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
      if (document !== undefined) serveDocument(req, res, document);
      else if (users && path === authorizePath) {
        // No preflight: pages of other origins send the browser here, and cannot read the answer.
        void run(res, authorize(req, res, { ...users, issuer, path, clock }));
      } else if (endpoint && !answerPreflight(req, res)) void run(res, endpoint(req, res));
      else return endpoint !== undefined;
      return true;
    },
  };
}

type Endpoint = (req: IncomingMessage, res: ServerResponse) => Promise<void> | void;

async function run(res: ServerResponse, answered: Promise<void> | void): Promise<void> {
  try {
    await answered;
  } catch {
    res.destroy();
  }
}

/**
 * The access token of a user, and with the scope `openid` an ID token for the client. Their claims are
 * those of Cognito's; `origin_jti` names the grant that revocation ends.
 */
const tokensFor =
  (sign: Issuer["sign"], signIn: PublicClient | undefined) =>
  (grant: Grant, scopes: readonly string[]) => {
    const user = signIn?.users.find(({ sub }) => sub === grant.sub);
    const common = { sub: grant.sub, auth_time: grant.authTime, origin_jti: grant.id };
    const access = { client_id: grant.clientId, username: grant.sub, scope: scopes.join(" ") };
    const token = sign({ claims: { ...common, ...access } });
    const id = {
      aud: grant.clientId,
      token_use: "id",
      client_id: null,
      nonce: grant.nonce ?? null,
      name: (scopes.includes("profile") && user?.name) || null,
      email: (scopes.includes("email") && user?.email) || null,
    };
    const idToken = scopes.includes("openid") ? sign({ claims: { ...common, ...id } }) : undefined;
    return { token, ttl: TOKEN_TTL, idToken };
  };

/** The claims of an access token, if it is in force and from this issuer. */
function currentClaims(
  claims: Record<string, unknown> | undefined,
  issuer: string,
  clock: () => number,
): Record<string, unknown> | undefined {
  const { exp, iss, token_use: use } = claims ?? {};
  const isCurrent = typeof exp === "number" && exp * 1000 > clock();
  return isCurrent && iss === issuer && use === "access" ? claims : undefined;
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

function withoutNulls(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
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
