import { type KeyObject, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import type { RawAnswer } from "../cases/raw-http.ts";
import { echo, header, serve, serveApi } from "../test/fixture.ts";

const NOW = Date.UTC(2026, 10, 21) / 1000; // epoch seconds
const ours = generateKeyPairSync("rsa", { modulusLength: 2048 });
const theirs = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
const jwk = { ...ours.publicKey.export({ format: "jwk" }), kid: "ours", use: "sig" };

type Members = Record<string, unknown>;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An issuer whose documents a test may change while it runs. */
async function openIssuer() {
  const documents: Record<string, unknown> = {};
  const asked: string[] = [];
  const server = await serve({
    handle(req, res) {
      asked.push(req.url ?? "");
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
  return { url, documents, asked, discover, close: () => server.close() };
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
  const good = { iss: issuer.url, aud: "api", exp: NOW + 300, iat: NOW, sub: "ana" };
  const token = (claims: Members = {}, head: Members = {}, key: KeyObject = ours.privateKey) => {
    const input = `${encode({ alg: "RS256", kid: "ours", ...head })}.${encode({ ...good, ...claims })}`;
    return `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`;
  };
  const get = (authorization: string, target = "/") =>
    api.send({ target, headers: [["Authorization", authorization]] });
  return { ...api, issuer, time, token, get };
}

const error = (answer: RawAnswer) =>
  /error="(\w+)"/.exec(header(answer, "www-authenticate") ?? "")?.[1];
type Api = Awaited<ReturnType<typeof openApi>>;

const confuse = ({ token }: Api, secret: string | Buffer) => {
  const [, payload] = token().split(".");
  const input = `${encode({ alg: "HS256", kid: "ours" })}.${payload}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};
const edit = (text: string, part: number, change: (segment: string) => string) =>
  text
    .split(".")
    .map((segment, at) => (at === part ? change(segment) : segment))
    .join(".");
/** The same bytes in another spelling: the last character of 256 bytes has four bits that say nothing. */
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
    (api) => confuse(api, ours.publicKey.export({ type: "spki", format: "pem" })),
  ],
  [
    "HS256 with the public key in DER as secret",
    (api) => confuse(api, ours.publicKey.export({ type: "spki", format: "der" })),
  ],
  ["HS256 with the modulus as secret", (api) => confuse(api, String(jwk.n))],
  ["an algorithm that is a list", ({ token }) => token({}, { alg: ["RS256"] })],
  ["another algorithm over an RS256 signature", ({ token }) => token({}, { alg: "RS512" })],
  ["PS256", ({ token }) => token({}, { alg: "PS256" })],
  ["no algorithm", ({ token }) => token({}, { alg: undefined })],
  ["an unknown kid", ({ token }) => token({}, { kid: "other" })],
  ["no kid", ({ token }) => token({}, { kid: undefined })],
  ["a kid that is a path", ({ token }) => token({}, { kid: "../../dev/null" })],
  ["a kid of Object.prototype", ({ token }) => token({}, { kid: "constructor" })],
  ["another's key under our kid", ({ token }) => token({}, {}, theirs.privateKey)],
  [
    "another's key embedded as jwk",
    ({ token }) =>
      token({}, { jwk: theirs.publicKey.export({ format: "jwk" }) }, theirs.privateKey),
  ],
  ["crit", ({ token }) => token({}, { crit: ["exp"] })],
  ["crit with b64", ({ token }) => token({}, { crit: ["b64"], b64: false })],
  ["another issuer", ({ token }) => token({ iss: "https://evil.example" })],
  ["our issuer with a slash", ({ token, issuer }) => token({ iss: `${issuer.url}/` })],
  ["an issuer in a list", ({ token, issuer }) => token({ iss: [issuer.url] })],
  ["no issuer", ({ token }) => token({ iss: undefined })],
  ["no expiry", ({ token }) => token({ exp: undefined })],
  ["an expiry as text", ({ token }) => token({ exp: String(NOW + 300) })],
  ["an endless expiry", ({ token }) => token({ exp: null })],
  ["an expiry this very second", ({ token }) => token({ exp: NOW })],
  ["a beginning in the future", ({ token }) => token({ nbf: NOW + 60 })],
  ["a beginning as text", ({ token }) => token({ nbf: "0" })],
  ["an issue in the future", ({ token }) => token({ iat: NOW + 60 })],
  ["an audience list without ours", ({ token }) => token({ aud: ["other", "api "] })],
  [
    "an empty audience list beside our client_id",
    ({ token }) => token({ aud: [], client_id: "api" }),
  ],
  ["a null audience beside our client_id", ({ token }) => token({ aud: null, client_id: "api" })],
  [
    "no audience and another client_id",
    ({ token }) => token({ aud: undefined, client_id: "other" }),
  ],
  ["no audience at all", ({ token }) => token({ aud: undefined })],
  ["a changed payload", ({ token }) => edit(token(), 1, () => encode({ sub: "root" }))],
  [
    "a changed signature",
    ({ token }) => edit(token(), 2, (s) => (s.startsWith("A") ? "B" : "A") + s.slice(1)),
  ],
  ["a shortened signature", ({ token }) => edit(token(), 2, (s) => s.slice(0, -4))],
  ["changed trailing bits", ({ token }) => edit(token(), 2, respell)],
  ["padding", ({ token }) => `${token()}==`],
  ["a space within", ({ token }) => edit(token(), 1, (s) => `${s.slice(0, 8)} ${s.slice(8)}`)],
  ["ordinary base64", ({ token }) => edit(token(), 2, () => "+/+/")],
  ["four segments", ({ token }) => `${token()}.a`],
  ["five segments, as JWE has", ({ token }) => `${token()}.a.b`],
  ["two segments", ({ token }) => token().split(".").slice(0, 2).join(".")],
  ["a payload that is a list", ({ token }) => edit(token(), 1, () => encode([]))],
  ["a header that is no JSON", ({ token }) => edit(token(), 0, () => "AAAA")],
  ["9 kB", ({ token }) => token({ pad: "x".repeat(6800) })],
  ["another scheme", ({ token }) => `Basic ${token()}`],
  ["two tokens", ({ token }) => `${token()}, ${token()}`],
  ["nothing but the scheme", () => "Bearer"],
])("a token with %s is 401 and never reaches the Lambda", async (_, make) => {
  const api = await openApi();
  const answer = await api.get(make(api));
  expect(answer.status).toBe(401);
  expect(answer.body.toString()).toBe('{"message":"Unauthorized"}');
  expect(error(answer)).toBe("invalid_token");
  // Nor is the good one beside it affected.
  expect((await api.get(`Bearer ${api.token()}`)).status).toBe(200);
});

test.each<[string, (api: Api) => string]>([
  ["the scheme in any case", ({ token }) => `bEaReR ${token()}`],
  ["an audience list with ours", ({ token }) => token({ aud: ["other", "api"] })],
  ["clocks that differ a little", ({ token }) => token({ nbf: NOW + 4, iat: NOW + 4 })],
  ["an unknown harmless header", ({ token }) => token({}, { typ: "at+jwt", x: 1 })],
])("a token with %s passes", async (_, make) => {
  const api = await openApi();
  expect((await api.get(make(api))).status).toBe(200);
});

test.each(["RS384", "RS512"])("%s passes", async (alg) => {
  const api = await openApi();
  const [, payload] = api.token().split(".");
  const input = `${encode({ alg, kid: "ours" })}.${payload}`;
  const signature = sign(alg.replace("RS", "sha"), Buffer.from(input), ours.privateKey);
  expect((await api.get(`${input}.${signature.toString("base64url")}`)).status).toBe(200);
});

test("an ID token, which has no scope, does not open a scoped route", async () => {
  const { get, token } = await openApi();
  const answer = await get(token({ token_use: "id" }), "/scoped");
  expect(answer.status).toBe(403);
  expect(answer.body.toString()).toBe('{"message":"Forbidden"}');
  expect(error(answer)).toBe("insufficient_scope");
});

test.each([
  [{ scope: "a read" }, 200],
  [{ scp: "admin x" }, 200],
  [{ scp: ["admin"] }, 200],
  [{ scope: "reader" }, 403],
  [{ scope: ["read"] }, 200],
  [{ scope: { read: true } }, 403],
])("scopes %j on a route of read or admin: %i", async (claims, status) => {
  const { get, token } = await openApi();
  expect((await get(token(claims), "/scoped")).status).toBe(status);
});

test("claims arrive as text in Go's manner, and scopes as a list only where the route asks", async () => {
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

test("a token may come in the query, and an empty one counts as missing", async () => {
  const { send, token } = await openApi();
  expect((await send({ target: `/query?token=${token()}` })).status).toBe(200);
  expect(header(await send({ target: "/query?token=" }), "www-authenticate")).toBe("Bearer");
});

test("a token that was accepted expires on time", async () => {
  const { get, token, time } = await openApi();
  const mine = token();
  expect((await get(mine)).status).toBe(200);
  time.now += 299;
  expect((await get(mine)).status).toBe(200);
  time.now += 1;
  expect((await get(mine)).status).toBe(401);
});

test("nothing in a token makes the gateway fetch from elsewhere", async () => {
  const evil = await openIssuer();
  const { get, token } = await openApi();
  const url = evil.url;
  await get(
    token(
      { iss: url },
      { jku: `${url}/keys`, x5u: `${url}/keys`, kid: `${url}/keys` },
      theirs.privateKey,
    ),
  );
  expect(evil.asked).toEqual([]);
});

test("keys are fetched once, and for unknown kids again at most every 30 seconds", async () => {
  const { get, token, issuer, time } = await openApi();
  await Promise.all([get(token()), get(token({ sub: "bo" })), get(token({}, { kid: "x" }))]);
  expect(issuer.asked).toHaveLength(2);
  time.now += 29;
  await get(token({}, { kid: "y" }));
  expect(issuer.asked).toHaveLength(2);
  time.now += 1;
  await get(token({}, { kid: "y" }));
  await get(token({}, { kid: "z" }));
  expect(issuer.asked).toHaveLength(4);
});

test("a new key of the issuer is found by its kid, and a withdrawn one is forgotten after 2 hours", async () => {
  const { get, token, issuer, time } = await openApi();
  const old = token({ exp: NOW + 1e6 });
  expect((await get(old)).status).toBe(200);
  issuer.documents["/keys"] = {
    keys: [{ ...theirs.publicKey.export({ format: "jwk" }), kid: "new" }],
  };
  expect((await get(old)).status).toBe(200);
  time.now += 2 * 3600;
  expect((await get(old)).status).toBe(401);
  const fresh = token({ exp: time.now + 60 }, { kid: "new" }, theirs.privateKey);
  expect((await get(fresh)).status).toBe(200);
});

test.each<[string, (issuer: Api["issuer"]) => unknown]>([
  ["is down", (issuer) => issuer.close()],
  [
    "names another issuer",
    (i) => (i.documents["/.well-known/openid-configuration"] = i.discover({ issuer: "https://x" })),
  ],
  [
    "keeps its keys in a file",
    (i) =>
      (i.documents["/.well-known/openid-configuration"] = i.discover({
        jwks_uri: "file:///etc/passwd",
      })),
  ],
  [
    "sends us elsewhere",
    (i) => Object.assign(i.documents, { "/moved": { keys: [jwk] }, "/keys": `${i.url}/moved` }),
  ],
  ["has no keys", (i) => delete i.documents["/keys"]],
  ["answers with a list", (i) => (i.documents["/keys"] = [jwk])],
  [
    "sends more than 150 kB",
    (i) => (i.documents["/keys"] = { keys: [jwk], pad: "x".repeat(150_000) }),
  ],
])("when the issuer %s, tokens are refused, and it is reported", async (_, spoil) => {
  const { get, token, issuer, problems } = await openApi();
  await spoil(issuer);
  const answer = await get(token());
  expect(answer.status).toBe(401);
  expect(problems[0]?.what).toContain("keys of");
});

test("an issuer that says nothing is given up after 1.5 seconds", async () => {
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
])("a key %s opens nothing", async (_, key) => {
  const { get, token, issuer } = await openApi();
  issuer.documents["/keys"] = { keys: [key] };
  expect((await get(token())).status).toBe(401);
});

test("a key of fewer than 2048 bits opens nothing", async () => {
  const { get, token, issuer } = await openApi();
  issuer.documents["/keys"] = {
    keys: [{ ...weak.publicKey.export({ format: "jwk" }), kid: "weak" }],
  };
  expect((await get(token({}, { kid: "weak" }, weak.privateKey))).status).toBe(401);
});

test("a stray character after a signature that needs none is not overlooked", async () => {
  // 384 bytes are exactly 512 characters, and decoders drop a 513th.
  const large = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const { get, token, issuer } = await openApi();
  const key = { ...large.publicKey.export({ format: "jwk" }), kid: "large" };
  issuer.documents["/keys"] = { keys: [key] };
  const good = token({}, { kid: "large" }, large.privateKey);
  expect((await get(good)).status).toBe(200);
  expect((await get(`${good}A`)).status).toBe(401);
});
