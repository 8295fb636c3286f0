import { type KeyObject, constants, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import type { RawResponse } from "../cases/raw-http.ts";
import { echo, header, serve, serveApi } from "../test/fixture.ts";

const NOW = Date.UTC(2026, 10, 21) / 1000; // epoch seconds
const issuerKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weakKeys = generateKeyPairSync("rsa", { modulusLength: 1024 });
const jwk = { ...issuerKeys.publicKey.export({ format: "jwk" }), kid: "current", use: "sig" };

type Members = Record<string, unknown>;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An issuer whose documents a test can change. */
async function openIssuer() {
  const documents: Record<string, unknown> = {};
  const requested: string[] = [];
  const server = await serve({
    handle(req, res) {
      requested.push(req.url ?? "");
      const document = documents[req.url ?? ""];
      if (typeof document === "string") res.writeHead(302, { location: document }).end();
      else res.writeHead(document ? 200 : 404).end(JSON.stringify(document));
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const discover = (changes: Members = {}) => ({
    issuer: url,
    jwks_uri: `${url}/keys`,
    ...changes,
  });
  documents["/.well-known/openid-configuration"] = discover();
  documents["/keys"] = { keys: [jwk] };
  return { url, documents, requested, discover, close: () => server.close() };
}

async function openApi() {
  const issuer = await openIssuer();
  const time = { now: NOW };
  const authorizer = { type: "JWT", issuer: issuer.url, audience: ["api"] } as const;
  const api = await serveApi({
    clock: () => time.now * 1000,
    authorizers: {
      jwt: { ...authorizer, identitySource: "$request.header.Authorization" },
      query: { ...authorizer, identitySource: "$request.querystring.token" },
    },
    routes: [
      { routeKey: "GET /", handler: echo, authorizer: "jwt" },
      { routeKey: "GET /scoped", handler: echo, authorizer: "jwt", scopes: ["read", "admin"] },
      { routeKey: "GET /query", handler: echo, authorizer: "query" },
    ],
  });
  const validClaims = { iss: issuer.url, aud: "api", exp: NOW + 300, iat: NOW, sub: "ana" };
  const token = (
    claims: Members = {},
    head: Members = {},
    key: KeyObject = issuerKeys.privateKey,
  ) => {
    const input = `${encode({ alg: "RS256", kid: "current", ...head })}.${encode({ ...validClaims, ...claims })}`;
    return `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`;
  };
  const get = (authorization: string, target = "/") =>
    api.send({ target, headers: [["Authorization", authorization]] });
  return { ...api, issuer, time, token, get };
}

const error = (response: RawResponse) =>
  /error="(\w+)"/.exec(header(response, "www-authenticate") ?? "")?.[1];
type Api = Awaited<ReturnType<typeof openApi>>;

const confuse = ({ token }: Api, secret: string | Buffer) => {
  const [, payload] = token().split(".");
  const input = `${encode({ alg: "HS256", kid: "current" })}.${payload}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};
const signedByPs256 = ({ token }: Api) => {
  const input = token({}, { alg: "PS256" }).split(".").slice(0, 2).join(".");
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const key = { key: issuerKeys.privateKey, padding, saltLength: 32 };
  return `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`;
};
const edit = (text: string, part: number, change: (segment: string) => string) =>
  text
    .split(".")
    .map((segment, at) => (at === part ? change(segment) : segment))
    .join(".");
/** Another spelling of the same bytes: decoders ignore four bits of the last character of 256 bytes. */
const respell = (segment: string) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(segment.at(-1) ?? "");
  return segment.slice(0, -1) + alphabet[last + 1];
};

test.each<[string, (api: Api) => string]>([
  ["alg none without a signature", ({ token }) => edit(token({}, { alg: "none" }), 2, () => "")],
  ["alg none with a signature", ({ token }) => token({}, { alg: "none" })],
  ["alg nOnE", ({ token }) => token({}, { alg: "nOnE" })],
  [
    "HS256 with the public key in PEM as secret",
    (api) => confuse(api, issuerKeys.publicKey.export({ type: "spki", format: "pem" })),
  ],
  [
    "HS256 with the public key in DER as secret",
    (api) => confuse(api, issuerKeys.publicKey.export({ type: "spki", format: "der" })),
  ],
  ["HS256 with the modulus as secret", (api) => confuse(api, String(jwk.n))],
  ["an algorithm that is an array", ({ token }) => token({}, { alg: ["RS256"] })],
  ["another algorithm over an RS256 signature", ({ token }) => token({}, { alg: "RS512" })],
  ["PS256", ({ token }) => token({}, { alg: "PS256" })],
  ["a valid signature by PS256", signedByPs256],
  ["no algorithm", ({ token }) => token({}, { alg: undefined })],
  ["an unknown kid", ({ token }) => token({}, { kid: "other" })],
  ["no kid", ({ token }) => token({}, { kid: undefined })],
  ["a kid that is a file path", ({ token }) => token({}, { kid: "../../dev/null" })],
  ["a kid that is a member of Object.prototype", ({ token }) => token({}, { kid: "constructor" })],
  [
    "the signature of another key under the issuer's kid",
    ({ token }) => token({}, {}, otherKeys.privateKey),
  ],
  [
    "the signature of another key that it embeds as jwk",
    ({ token }) =>
      token({}, { jwk: otherKeys.publicKey.export({ format: "jwk" }) }, otherKeys.privateKey),
  ],
  ["crit", ({ token }) => token({}, { crit: ["exp"] })],
  ["crit with b64", ({ token }) => token({}, { crit: ["b64"], b64: false })],
  ["another issuer", ({ token }) => token({ iss: "https://evil.example" })],
  ["the issuer with a trailing slash", ({ token, issuer }) => token({ iss: `${issuer.url}/` })],
  ["an issuer in an array", ({ token, issuer }) => token({ iss: [issuer.url] })],
  ["no issuer", ({ token }) => token({ iss: undefined })],
  ["no expiry", ({ token }) => token({ exp: undefined })],
  ["an expiry as text", ({ token }) => token({ exp: String(NOW + 300) })],
  ["an expiry that is null", ({ token }) => token({ exp: null })],
  ["an expiry at the current second", ({ token }) => token({ exp: NOW })],
  ["nbf in the future", ({ token }) => token({ nbf: NOW + 60 })],
  ["nbf as text", ({ token }) => token({ nbf: "0" })],
  ["iat in the future", ({ token }) => token({ iat: NOW + 60 })],
  ["an audience array without the API's", ({ token }) => token({ aud: ["other", "api "] })],
  [
    "an empty audience array and the right client_id",
    ({ token }) => token({ aud: [], client_id: "api" }),
  ],
  [
    "a null audience and the right client_id",
    ({ token }) => token({ aud: null, client_id: "api" }),
  ],
  [
    "no audience and a wrong client_id",
    ({ token }) => token({ aud: undefined, client_id: "other" }),
  ],
  ["neither an audience nor a client_id", ({ token }) => token({ aud: undefined })],
  ["a changed payload", ({ token }) => edit(token(), 1, () => encode({ sub: "root" }))],
  [
    "a changed signature",
    ({ token }) => edit(token(), 2, (s) => (s.startsWith("A") ? "B" : "A") + s.slice(1)),
  ],
  ["a shortened signature", ({ token }) => edit(token(), 2, (s) => s.slice(0, -4))],
  ["changed trailing bits", ({ token }) => edit(token(), 2, respell)],
  ["padding", ({ token }) => `${token()}==`],
  [
    "a space in the payload",
    ({ token }) => edit(token(), 1, (s) => `${s.slice(0, 8)} ${s.slice(8)}`),
  ],
  ["base64 instead of base64url", ({ token }) => edit(token(), 2, () => "+/+/")],
  ["four segments", ({ token }) => `${token()}.a`],
  ["five segments, as in JWE", ({ token }) => `${token()}.a.b`],
  ["two segments", ({ token }) => token().split(".").slice(0, 2).join(".")],
  ["a payload that is an array", ({ token }) => edit(token(), 1, () => encode([]))],
  ["a header that is not JSON", ({ token }) => edit(token(), 0, () => "AAAA")],
  ["9 kB", ({ token }) => token({ pad: "x".repeat(6800) })],
  ["another scheme", ({ token }) => `Basic ${token()}`],
  ["two tokens", ({ token }) => `${token()}, ${token()}`],
  ["only the scheme", () => "Bearer"],
])("a token with %s is 401", async (_, make) => {
  const api = await openApi();
  const response = await api.get(make(api));
  expect(response.status).toBe(401);
  expect(response.body.toString()).toBe('{"message":"Unauthorized"}');
  expect(error(response)).toBe("invalid_token");
  // A valid token still passes.
  expect((await api.get(`Bearer ${api.token()}`)).status).toBe(200);
});

test.each<[string, (api: Api) => string]>([
  ["the scheme in mixed case", ({ token }) => `bEaReR ${token()}`],
  ["an audience array with the API's", ({ token }) => token({ aud: ["other", "api"] })],
  ["times a few seconds in the future", ({ token }) => token({ nbf: NOW + 4, iat: NOW + 4 })],
  ["unknown header members", ({ token }) => token({}, { typ: "at+jwt", x: 1 })],
])("a token with %s passes", async (_, make) => {
  const api = await openApi();
  expect((await api.get(make(api))).status).toBe(200);
});

test.each(["RS384", "RS512"])("%s passes", async (alg) => {
  const api = await openApi();
  const [, payload] = api.token().split(".");
  const input = `${encode({ alg, kid: "current" })}.${payload}`;
  const signature = sign(alg.replace("RS", "sha"), Buffer.from(input), issuerKeys.privateKey);
  expect((await api.get(`${input}.${signature.toString("base64url")}`)).status).toBe(200);
});

test("an ID token, which has no scope, cannot invoke a route with scopes", async () => {
  const { get, token } = await openApi();
  const response = await get(token({ token_use: "id" }), "/scoped");
  expect(response.status).toBe(403);
  expect(response.body.toString()).toBe('{"message":"Forbidden"}');
  expect(error(response)).toBe("insufficient_scope");
});

test.each([
  [{ scope: "a read" }, 200],
  [{ scp: "admin x" }, 200],
  [{ scp: ["admin"] }, 200],
  [{ scope: "reader" }, 403],
  [{ scope: ["read"] }, 200],
  [{ scope: { read: true } }, 403],
])("a token with %j on a route that needs read or admin is %i", async (claims, status) => {
  const { get, token } = await openApi();
  expect((await get(token(claims), "/scoped")).status).toBe(status);
});

test("events show claims as Go prints them, and scopes only if the route has some", async () => {
  const { get, token } = await openApi();
  const claims = {
    exp: NOW + 60,
    yes: true,
    roles: ["a", "b c", 1, null],
    no: null,
    deep: { b: 1, a: [] },
    scope: "x read",
  };
  const jwt = async (target: string) => {
    const event: { requestContext: { authorizer: { jwt: unknown } } } = JSON.parse(
      (await get(token(claims), target)).body.toString(),
    );
    return event.requestContext.authorizer.jwt;
  };
  const shown = {
    exp: String(NOW + 60),
    yes: "true",
    roles: "[a b c 1 <nil>]",
    deep: "map[a:[] b:1]",
    scope: "x read",
  };
  expect(await jwt("/scoped")).toEqual({
    claims: expect.objectContaining(shown),
    scopes: ["x", "read"],
  });
  expect(await jwt("/")).toEqual({
    claims: expect.not.objectContaining({ no: expect.anything() }),
    scopes: null,
  });
});

test("reads a token from the query, where an empty one counts as missing", async () => {
  const { send, token } = await openApi();
  expect((await send({ target: `/query?token=${token()}` })).status).toBe(200);
  expect(header(await send({ target: "/query?token=" }), "www-authenticate")).toBe("Bearer");
});

test("a cached token expires on time", async () => {
  const { get, token, time } = await openApi();
  const cached = token();
  expect((await get(cached)).status).toBe(200);
  time.now += 299;
  expect((await get(cached)).status).toBe(200);
  time.now += 1;
  expect((await get(cached)).status).toBe(401);
});

test("no member of a token makes the gateway fetch from another host", async () => {
  const evil = await openIssuer();
  const { get, token } = await openApi();
  const url = evil.url;
  await get(
    token(
      { iss: url },
      { jku: `${url}/keys`, x5u: `${url}/keys`, kid: `${url}/keys` },
      otherKeys.privateKey,
    ),
  );
  expect(evil.requested).toEqual([]);
});

test("fetches keys once, and again for unknown kids at most every 30 seconds", async () => {
  const { get, token, issuer, time } = await openApi();
  await Promise.all([get(token()), get(token({ sub: "bo" })), get(token({}, { kid: "x" }))]);
  expect(issuer.requested).toHaveLength(2);
  time.now += 29;
  await get(token({}, { kid: "y" }));
  expect(issuer.requested).toHaveLength(2);
  time.now += 1;
  await get(token({}, { kid: "y" }));
  await get(token({}, { kid: "z" }));
  expect(issuer.requested).toHaveLength(4);
});

test("accepts a new key of the issuer, and refuses a withdrawn one after two hours", async () => {
  const { get, token, issuer, time } = await openApi();
  const old = token({ exp: NOW + 1e6 });
  expect((await get(old)).status).toBe(200);
  issuer.documents["/keys"] = {
    keys: [{ ...otherKeys.publicKey.export({ format: "jwk" }), kid: "new" }],
  };
  expect((await get(old)).status).toBe(200);
  time.now += 2 * 3600;
  expect((await get(old)).status).toBe(401);
  const fresh = token({ exp: time.now + 60 }, { kid: "new" }, otherKeys.privateKey);
  expect((await get(fresh)).status).toBe(200);
});

test.each<[string, (issuer: Api["issuer"]) => unknown]>([
  ["is down", (issuer) => issuer.close()],
  [
    "names another issuer",
    (i) => (i.documents["/.well-known/openid-configuration"] = i.discover({ issuer: "https://x" })),
  ],
  [
    "has a jwks_uri that is a file",
    (i) =>
      (i.documents["/.well-known/openid-configuration"] = i.discover({
        jwks_uri: "file:///etc/passwd",
      })),
  ],
  [
    "redirects to another path",
    (i) => Object.assign(i.documents, { "/moved": { keys: [jwk] }, "/keys": `${i.url}/moved` }),
  ],
  ["has no keys", (i) => delete i.documents["/keys"]],
  ["responds with an array", (i) => (i.documents["/keys"] = [jwk])],
  [
    "sends more than 150 kB",
    (i) => (i.documents["/keys"] = { keys: [jwk], pad: "x".repeat(150_000) }),
  ],
])("refuses tokens and reports an error if the issuer %s", async (_, spoil) => {
  const { get, token, issuer, problems } = await openApi();
  await spoil(issuer);
  const response = await get(token());
  expect(response.status).toBe(401);
  expect(problems[0]?.message).toContain("keys of");
});

test("stops waiting for an issuer after 1.5 seconds", async () => {
  const silent = await serve({ handle: () => undefined });
  const { send, problems } = await serveApi({
    authorizers: {
      jwt: {
        type: "JWT",
        issuer: `http://127.0.0.1:${silent.port}`,
        audience: ["api"],
        identitySource: "$request.header.Authorization",
      },
    },
    routes: [{ routeKey: "GET /", handler: echo, authorizer: "jwt" }],
  });
  const { token } = await openApi();
  expect((await send({ headers: [["Authorization", token()]] })).status).toBe(401);
  expect(String(problems[0]?.error)).toContain("TimeoutError");
});

test.each([
  ["for encryption", { ...jwk, use: "enc" }],
  ["for other operations", { ...jwk, use: undefined, key_ops: ["encrypt"] }],
  ["of another algorithm", { ...jwk, alg: "RS512" }],
  ["of another type", { ...jwk, kty: "oct", k: "AAAA" }],
  ["with an exponent of one", { ...jwk, e: "AQ" }],
  ["without a kid", { ...jwk, kid: undefined }],
])("a key %s verifies nothing", async (_, key) => {
  const { get, token, issuer } = await openApi();
  issuer.documents["/keys"] = { keys: [key] };
  expect((await get(token())).status).toBe(401);
});

test("a key of fewer than 2048 bits verifies nothing", async () => {
  const { get, token, issuer } = await openApi();
  issuer.documents["/keys"] = {
    keys: [{ ...weakKeys.publicKey.export({ format: "jwk" }), kid: "weak" }],
  };
  expect((await get(token({}, { kid: "weak" }, weakKeys.privateKey))).status).toBe(401);
});

test("refuses an extra character that decoders ignore", async () => {
  // 384 bytes are exactly 512 characters, and decoders ignore a 513th.
  const large = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const { get, token, issuer } = await openApi();
  const key = { ...large.publicKey.export({ format: "jwk" }), kid: "large" };
  issuer.documents["/keys"] = { keys: [key] };
  const valid = token({}, { kid: "large" }, large.privateKey);
  expect((await get(valid)).status).toBe(200);
  expect((await get(`${valid}A`)).status).toBe(401);
});
