/**
 * Tokens that only one of two verifiers might accept, each with the verdict that both must reach. The
 * table is the rule: a new case belongs here, and a difference is declared in `differs` with its reason.
 */

import {
  createHmac,
  generateKeyPairSync,
  constants,
  sign as signBytes,
  type KeyObject,
} from "node:crypto";

/** The keys of the tests' issuer, which publishes `issuerKeys` only. */
export const issuerKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const KID = "current";
export const AUDIENCE = "stockwire";

export const jwkOf = (key: KeyObject, members: object = {}) => ({
  ...key.export({ format: "jwk" }),
  kid: KID,
  use: "sig",
  ...members,
});

type Members = Readonly<Record<string, unknown>>;

interface Token {
  header?: Members;
  claims?: Members;
  /** The payload as text, for JSON that JSON.stringify does not write. */
  payload?: (claims: Members) => string;
  /** Another key than the issuer's, or a signature that is none. */
  signature?: (input: string, alg: string) => Buffer | string;
  /** Changes the finished token. */
  edit?: (token: string) => string;
}

/**
 * - `caller`: the gateway and our own verifier accept it, and it names a caller.
 * - `no caller`: both accept it, as API Gateway does, but our code takes nothing from it: the HTTP
 *   API's app answers 401 `unauthenticated`, and the Live API refuses the connection.
 * - `refused`: the gateway and our own verifier refuse it.
 */
type Verdict = "caller" | "no caller" | "refused";

export interface Case extends Token {
  what: string;
  verdict: Verdict;
  /** Why the gateway and the app read different scopes from this token. */
  differs?: string;
}

/** A signed token; an undefined member is left out. */
export function make(issuer: string, token: Token): string {
  const now = Math.floor(Date.now() / 1000);
  const {
    header,
    claims,
    payload = JSON.stringify,
    signature = rsa(issuerKeys.privateKey),
  } = token;
  const head: Members = { alg: "RS256", typ: "JWT", kid: KID, ...header };
  const defaults = { iss: issuer, aud: AUDIENCE, sub: "ana", iat: now, exp: now + 600 };
  const body = payload({ ...defaults, scope: "read:users", ...claims });
  const input = [JSON.stringify(head), body]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
  const signed = Buffer.from(signature(input, String(head["alg"]))).toString("base64url");
  const { edit = (text) => text } = token;
  return edit(`${input}.${signed}`);
}

const rsa =
  (key: KeyObject): NonNullable<Token["signature"]> =>
  (input, alg) => {
    const [, family = "RS", bits = "256"] = /^(RS|PS)(256|384|512)$/.exec(alg) ?? [];
    const padding =
      family === "PS"
        ? {
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          }
        : {};
    return signBytes(`sha${bits}`, Buffer.from(input), { key, ...padding });
  };

const hmac =
  (secret: string | Buffer): NonNullable<Token["signature"]> =>
  (input) =>
    createHmac("sha256", secret).update(input).digest();

const soon = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const of = (verdict: Verdict, cases: Record<string, Token & { differs?: string }>): Case[] =>
  Object.entries(cases).map(([what, token]) => ({ what, verdict, ...token }));

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const withMember = (text: string) => (claims: Members) =>
  `${JSON.stringify(claims).slice(0, -1)},${text}}`;
const part = (at: number, change: (segment: string) => string) => (token: string) =>
  token
    .split(".")
    .map((segment, index) => (index === at ? change(segment) : segment))
    .join(".");
/** Another spelling of the same bytes: decoders ignore the last bits of the last character. */
const respell = (segment: string) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1) ?? "") + 1];
};

/** Signed by the issuer with the algorithm in the header, so only header and claims decide. */
export const signedCases: readonly Case[] = [
  ...of("caller", {
    "a plain access token": {},
    RS384: { header: { alg: "RS384" } },
    RS512: { header: { alg: "RS512" } },
    "another type": { header: { typ: "at+jwt" } },
    "no type": { header: { typ: undefined } },
    "a type that is a number": { header: { typ: 1 } },
    "a content type and unknown header members": { header: { cty: "x", foo: { bar: 1 } } },
    "addresses of keys": { header: { jku: "http://127.0.0.1:1/k", x5u: "http://127.0.0.1:1/k" } },
    "an embedded key": { header: { jwk: jwkOf(otherKeys.publicKey) } },
    "an audience array": { claims: { aud: ["other", AUDIENCE] } },
    "an audience array with odd members": { claims: { aud: [null, 1, {}, [], AUDIENCE] } },
    "no audience but the client id": { claims: { aud: undefined, client_id: AUDIENCE } },
    "no audience but a client id array": { claims: { aud: undefined, client_id: [AUDIENCE] } },
    "an audience and another client id": { claims: { client_id: "other" } },
    "a subject that is the client id": { claims: { sub: "machine", client_id: "machine" } },
    "a number as subject": { claims: { sub: 7 } },
    "a number as subject and client id": { claims: { sub: 7, client_id: 7 } },
    "an array as subject": { claims: { sub: ["ana", "bob"] } },
    "an object as subject": { claims: { sub: { toString: 1 } } },
    "half a surrogate pair as subject": { payload: withMember('"sub":"\\ud800x"') },
    "a subject of 2000 characters": { claims: { sub: "漢".repeat(700) } },
    "a subject with control characters": { claims: { sub: "a\u0000\r\nb" } },
    "an expiry with a fraction": { claims: { exp: Date.now() / 1000 + 60.5 } },
    "an expiry in the year 33658": { claims: { exp: 1e12 } },
    "an expiry beyond all dates": { claims: { exp: 1e15 } },
    "no time of issue": { claims: { iat: undefined } },
    "a time of issue long ago": { claims: { iat: 0 } },
    "a time of issue after the expiry": { claims: { iat: soon(3), exp: soon(60) } },
    "times a moment ahead, of a clock that differs": { claims: { iat: soon(4), nbf: soon(4) } },
    "a negative start": { claims: { nbf: -1 } },
    "no token use": { claims: { token_use: undefined } },
    "a null token use": { claims: { token_use: null } },
    "the token use of an access token": { claims: { token_use: "access" } },
    "no scope": { claims: { scope: undefined } },
    "a null scope": { claims: { scope: null } },
    "an empty scope": { claims: { scope: "" } },
    "a scope with the resource server's prefix": { claims: { scope: "stockwire/read:users" } },
    "the prefix twice": { claims: { scope: "stockwire/stockwire/read:users" } },
    "several spaces between scopes": { claims: { scope: "  openid   read:users " } },
    "a tab between scopes": { claims: { scope: "openid\tread:users" } },
    "a scope array": { claims: { scope: ["openid", "read:users"] } },
    "scp as text": { claims: { scope: undefined, scp: "openid read:users" } },
    "scp as an array": { claims: { scope: undefined, scp: ["openid", "read:users"] } },
    "scope and scp, where scp grants": { claims: { scope: "openid", scp: ["read:users"] } },
    "scope and scp, where scope grants": { claims: { scope: "read:users", scp: ["openid"] } },
    "scope and scp, where neither grants": { claims: { scope: "openid", scp: ["email"] } },
    "scope and an scp that is an object": { claims: { scope: "openid", scp: { a: 1 } } },
    "an object as scope": { claims: { scope: { a: "x read:users y" } } },
    "an array of objects as scope": { claims: { scope: [{ a: "x read:users y" }] } },
    "a nested scope array": { claims: { scope: [["read:users"]] } },
    "a number as scope": { claims: { scope: 7 } },
    "the scope admin": { claims: { scope: "admin" } },
    "a scope in capitals": { claims: { scope: "READ:USERS" } },
    "a scope that begins like another": { claims: { scope: "read:users.all" } },
    "a scope array as text": {
      claims: { scope: "[read:users]" },
      differs: "API Gateway passes arrays as text in brackets, so the app cannot see a difference",
    },
    "a scope array with a space in a member": {
      claims: { scope: ["openid read:users"] },
      differs: "API Gateway joins arrays with spaces, so the app cannot see a difference",
    },
    "claims with names of Object.prototype": {
      payload: withMember('"__proto__":{"scope":"admin"},"constructor":1,"toString":null'),
    },
    "a claim twice, where the last one is good": {
      payload: (claims) => `{"aud":"other",${JSON.stringify(claims).slice(1)}`,
    },
    "white space in the payload": { payload: (claims) => JSON.stringify(claims, null, 2) },
    "a deeply nested claim": { payload: withMember(`"deep":${nested(2_000)}`) },
    "a claim that is a large number": { payload: withMember('"big":1e400') },
    "a key id with other header members before it": { header: { a: "kid" } },
  }),
  ...of("no caller", {
    "the token use of an ID token": { claims: { token_use: "id" } },
    "an ID token with scopes": { claims: { token_use: "id", scope: "admin" } },
    "an ID token whose audience is in an array": { claims: { token_use: "id", aud: [AUDIENCE] } },
    "a token use in an array": { claims: { token_use: ["access"] } },
    "an empty token use": { claims: { token_use: "" } },
    "the token use in capitals": { claims: { token_use: "ACCESS" } },
    "no subject": { claims: { sub: undefined } },
    "an empty subject": { claims: { sub: "" } },
    "a null subject": { claims: { sub: null } },
  }),
  ...of("refused", {
    "no key id": { header: { kid: undefined } },
    "a null key id": { header: { kid: null } },
    "a number as key id": { header: { kid: 1 } },
    "an unknown key id": { header: { kid: "other" } },
    "a key id that is a member of Object.prototype": { header: { kid: "constructor" } },
    "critical header members": { header: { crit: ["exp"] } },
    "an empty list of critical header members": { header: { crit: [] } },
    "b64 in the header": { header: { b64: true } },
    PS256: { header: { alg: "PS256" } },
    "an algorithm array": { header: { alg: ["RS256"] } },
    "an algorithm in small letters": { header: { alg: "rs256" } },
    "no algorithm": { header: { alg: undefined } },
    "a nested audience": { claims: { aud: [[AUDIENCE]] } },
    "an audience object that cannot become text": { claims: { aud: { toString: 1 } } },
    "an audience array of such objects": { claims: { aud: [{ toString: 1 }, null] } },
    "an audience object that holds the audience": { claims: { aud: { 0: AUDIENCE } } },
    "an empty audience array and the client id": { claims: { aud: [], client_id: AUDIENCE } },
    "a null audience and the client id": { claims: { aud: null, client_id: AUDIENCE } },
    "an empty audience and the client id": { claims: { aud: "", client_id: AUDIENCE } },
    "another audience and the client id": { claims: { aud: "other", client_id: AUDIENCE } },
    "neither audience nor client id": { claims: { aud: undefined } },
    "an audience in capitals": { claims: { aud: "STOCKWIRE" } },
    "an audience with a space": { claims: { aud: `${AUDIENCE} ` } },
    "a list of audiences as text": { claims: { aud: `other,${AUDIENCE}` } },
    "a time of issue in the future": { claims: { iat: soon(60) } },
    "a time of issue as text": { claims: { iat: "0" } },
    "a null time of issue": { claims: { iat: null } },
    "a start in the future": { claims: { nbf: soon(60) } },
    "a start as text": { claims: { nbf: "0" } },
    "a start in an array": { claims: { nbf: [0] } },
    "an infinite start": { payload: withMember('"nbf":1e400') },
    "an expiry in the past": { claims: { exp: soon(-1) } },
    "an expiry in this second": { claims: { exp: soon(0) } },
    "no expiry": { claims: { exp: undefined } },
    "an expiry as text": { claims: { exp: String(soon(600)) } },
    "a null expiry": { claims: { exp: null } },
    "an expiry in an array": { claims: { exp: [soon(600)] } },
    "an infinite expiry": { payload: withMember('"exp":1e400') },
    "another issuer": { claims: { iss: "https://issuer.example.com" } },
    "no issuer": { claims: { iss: undefined } },
    "the issuer in an array": { payload: (all) => JSON.stringify({ ...all, iss: [all["iss"]] }) },
    "the issuer with a slash": {
      payload: (all) => JSON.stringify({ ...all, iss: `${String(all["iss"])}/` }),
    },
    "a claim twice, where the last one is bad": { payload: withMember('"aud":"other"') },
    "a payload that is an array": { payload: (all) => JSON.stringify([all]) },
    "a payload that is null": { payload: () => "null" },
    "a payload that is not JSON": { payload: () => "{" },
    "a byte order mark": { payload: (all) => `\uFEFF${JSON.stringify(all)}` },
    "more than 8192 characters": { claims: { pad: "x".repeat(7_000) } },
  }),
];

/** Not signed by the issuer, or changed afterwards. */
export const forgedCases: readonly Case[] = of("refused", {
  "alg none without a signature": { header: { alg: "none" }, signature: () => "" },
  "alg none with a signature": { header: { alg: "none" } },
  "HS256 with the public key as secret": {
    header: { alg: "HS256" },
    signature: hmac(issuerKeys.publicKey.export({ type: "spki", format: "pem" })),
  },
  "HS256 with an empty secret": { header: { alg: "HS256" }, signature: hmac("") },
  "the signature of another key": { signature: rsa(otherKeys.privateKey) },
  "the signature of the key that it embeds": {
    header: { jwk: jwkOf(otherKeys.publicKey) },
    signature: rsa(otherKeys.privateKey),
  },
  "the signature of another algorithm": {
    header: { alg: "RS512" },
    signature: (input) => rsa(issuerKeys.privateKey)(input, "RS256"),
  },
  "a signature that is nothing but zeros": { signature: () => Buffer.alloc(256) },
  "a short signature": { edit: (token) => token.slice(0, -4) },
  "another payload": {
    edit: part(1, () => Buffer.from('{"sub":"root"}').toString("base64url")),
  },
  "a second spelling": { edit: part(2, respell) },
  padding: { edit: (token) => `${token}==` },
  "base64 instead of base64url": { edit: part(2, () => "+/+/") },
  "white space inside": { edit: part(1, (s) => `${s.slice(0, 8)}\t${s.slice(8)}`) },
  "two parts": { edit: (token) => token.split(".").slice(0, 2).join(".") },
  "four parts": { edit: (token) => `${token}.x` },
  "five parts, as in JWE": { edit: (token) => `${token}.x.x` },
  "an empty part": { edit: part(1, () => "") },
  "a header that is not JSON": { edit: part(0, () => "AAAA") },
  "nothing but dots": { edit: () => ".." },
  "one word": { edit: () => "x" },
});
