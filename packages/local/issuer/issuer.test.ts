import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import { listen } from "@stockwire/gateway/server";
import { LocalError } from "../error.ts";
import { type Issuer, type IssuerOptions, openIssuer } from "./issuer.ts";

const SCOPES = ["read:items", "write:items"];
const ISSUER = "http://localhost:3000";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const folder = () => mkdtempSync(join(tmpdir(), "issuer-"));
const open = (options: Pick<IssuerOptions, "dir" | "issuer" | "scopes" | "clock">) =>
  openIssuer({ ...options, audience: "api", clientId: "machine" });

async function serve(dir = folder()) {
  let issuer: Issuer | undefined;
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle(req, res) {
      if (!issuer?.handle(req, res)) res.writeHead(404).end("another service");
    },
  });
  onTestFinished(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  issuer = await open({ dir, issuer: url, scopes: SCOPES });
  const { client } = issuer;
  const ask = (body: string, headers: Record<string, string> = FORM) =>
    fetch(`${url}/oauth2/token`, { method: "POST", headers, body });
  const secrets = `client_id=${client.id}&client_secret=${client.secret}`;
  return { ...issuer, url, ask, secrets, dir };
}

const kid = (issuer: Issuer) => issuer.sign({ claims: {} }).split(".")[0];
const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

test("a token from the endpoint has Cognito's claims and can be verified by discovery alone", async () => {
  const { url, ask, secrets, client } = await serve();
  const answer = await ask(`grant_type=client_credentials&${secrets}&scope=read:items`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const body: { access_token: string } = JSON.parse(await answer.text());
  expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3600, scope: "read:items" });

  const discovery: { jwks_uri: string; issuer: string } = JSON.parse(
    await (await fetch(`${url}/.well-known/openid-configuration`)).text(),
  );
  const keys = createLocalJWKSet(JSON.parse(await (await fetch(discovery.jwks_uri)).text()));
  const { payload } = await jwtVerify(body.access_token, keys, {
    issuer: discovery.issuer,
    audience: "api",
    algorithms: ["RS256"],
  });
  expect(payload).toMatchObject({
    sub: client.id,
    client_id: client.id,
    token_use: "access",
    scope: "read:items",
    jti: expect.any(String),
  });
  expect(Number(payload.exp) - Number(payload.iat)).toBe(3600);
});

test("a client that requests no scope gets all of its scopes", async () => {
  const { ask, secrets } = await serve();
  const answer = await ask(`grant_type=client_credentials&${secrets}`);
  expect(JSON.parse(await answer.text())).toMatchObject({ scope: "read:items write:items" });
});

test("a client can authenticate by HTTP Basic", async () => {
  const { ask, client } = await serve();
  const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}`;
  const answer = await ask("grant_type=client_credentials", { ...FORM, authorization: basic });
  expect(answer.status).toBe(200);
  const wrong = await ask("grant_type=client_credentials", {
    ...FORM,
    authorization: "Basic eDp5",
  });
  expect(wrong.status).toBe(401);
  expect(wrong.headers.get("www-authenticate")).toContain("Basic");
});

test.each([
  ["no secret", "grant_type=client_credentials&client_id=machine", 401, "invalid_client"],
  [
    "a wrong secret",
    "grant_type=client_credentials&client_id=machine&client_secret=x",
    401,
    "invalid_client",
  ],
  [
    "a scope that it may not use",
    "grant_type=client_credentials&SECRETS&scope=read:items+admin",
    400,
    "invalid_scope",
  ],
  ["another grant", "grant_type=password&SECRETS", 400, "unsupported_grant_type"],
  ["no grant", "SECRETS", 400, "invalid_request"],
  [
    "a parameter twice",
    "grant_type=client_credentials&grant_type=client_credentials&SECRETS",
    400,
    "invalid_request",
  ],
  ["an empty body", "", 401, "invalid_client"],
  ["a body of 17 kB", `x=${"y".repeat(17_000)}`, 413, "invalid_request"],
])("a client with %s is refused with an error code of RFC 6749", async (_, body, status, error) => {
  const { ask, secrets } = await serve();
  const answer = await ask(body.replace("SECRETS", secrets));
  expect(answer.status).toBe(status);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(JSON.parse(await answer.text())).toMatchObject({ error });
});

test("a body in JSON is refused", async () => {
  const { ask } = await serve();
  expect((await ask("{}", { "content-type": "application/json" })).status).toBe(400);
});

test.each([
  ["POST", "/jwks.json", 405, "GET"],
  ["DELETE", "/.well-known/openid-configuration", 405, "GET"],
  ["GET", "/oauth2/token", 405, "POST"],
  ["GET", "/jwks.json?x=1", 200, null],
  ["GET", "/jwks.json/", 404, null],
])("%s %s answers %i", async (method, path, status, allow) => {
  const { url } = await serve();
  const answer = await fetch(`${url}${path}`, { method });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("allow")).toBe(allow);
});

test("pages of any origin can read the documents", async () => {
  const { url } = await serve();
  expect((await fetch(`${url}/jwks.json`)).headers.get("access-control-allow-origin")).toBe("*");
});

test("key and secret survive a restart, are readable by their owner only, and leave no draft files", async () => {
  const dir = join(folder(), "new");
  const [first, second] = await Promise.all([
    open({ dir, issuer: ISSUER }),
    open({ dir, issuer: ISSUER }),
  ]);
  const third = await open({ dir, issuer: ISSUER });
  expect(second.client).toEqual(first.client);
  expect(third.client).toEqual(first.client);
  expect(kid(second)).toBe(kid(first));
  expect(kid(third)).toBe(kid(first));
  const files = readdirSync(dir);
  expect(files.toSorted()).toEqual(["issuer-client.json", "issuer-key.json"]);
  expect(files.map((file) => statSync(join(dir, file)).mode & 0o777)).toEqual([0o600, 0o600]);
});

test("only the public part of the key is served", async () => {
  const { url, dir } = await serve();
  const secret: { d: string } = JSON.parse(readFileSync(join(dir, "issuer-key.json"), "utf8"));
  const text = await (await fetch(`${url}/jwks.json`)).text();
  expect(Object.keys(JSON.parse(text).keys[0]).toSorted()).toEqual([
    "alg",
    "e",
    "kid",
    "kty",
    "n",
    "use",
  ]);
  expect(text).not.toContain(secret.d);
});

test.each(["", "{", '{"kty":"RSA"}', "[]"])(
  "a key file that holds %j is one clear error",
  async (text) => {
    const dir = folder();
    writeFileSync(join(dir, "issuer-key.json"), text);
    const opened = open({ dir, issuer: ISSUER });
    await expect(opened).rejects.toThrow(LocalError);
    await expect(opened).rejects.toThrow(/issuer-key\.json is damaged/);
  },
);

test("a folder that cannot be created is one clear error", async () => {
  await expect(open({ dir: "/dev/null/x", issuer: ISSUER })).rejects.toThrow(LocalError);
});

test("claims and header members can be set, and removed with null", async () => {
  const issuer = await open({ dir: folder(), issuer: ISSUER, clock: () => 1_000_000 });
  const token = issuer.sign({
    claims: { sub: "ana", jti: null, aud: ["x"] },
    header: { kid: null, x: 1 },
    ttl: -60,
  });
  expect(claimsOf(token)).toEqual({
    iss: ISSUER,
    sub: "ana",
    client_id: "machine",
    token_use: "access",
    aud: ["x"],
    iat: 1000,
    exp: 940,
  });
  const [header = ""] = token.split(".");
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
    alg: "RS256",
    typ: "JWT",
    x: 1,
  });
});

test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])(
  "a token with alg %s has a valid signature",
  async (alg) => {
    const { sign, url } = await serve();
    const { keys }: { keys: object[] } = JSON.parse(await (await fetch(`${url}/jwks.json`)).text());
    const set = createLocalJWKSet({ keys: keys.map((key) => ({ ...key, kty: "RSA", alg })) });
    const verified = await jwtVerify(sign({ claims: {}, header: { alg } }), set);
    expect(verified.protectedHeader.alg).toBe(alg);
  },
);

test("the gateway accepts tokens of this issuer and no others", async () => {
  const { url, sign } = await serve();
  const api = createHttpApi({
    authorizers: {
      jwt: {
        type: "JWT",
        issuer: url,
        audience: ["api"],
        identitySource: "$request.header.Authorization",
      },
    },
    routes: [{ routeKey: "GET /", handler: () => "in", authorizer: "jwt", scopes: ["read:items"] }],
    onError: () => undefined,
  });
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  onTestFinished(() => server.close());
  const get = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${server.port}/`, { headers })).status;
  };
  const claims = { scope: "read:items" };
  const stranger = await open({ dir: folder(), issuer: url });
  expect(await get(sign({ claims }))).toBe(200);
  expect(await get(sign({ claims: {} }))).toBe(403);
  expect(await get(sign({ claims, header: { alg: "none" } }))).toBe(401);
  expect(await get(sign({ claims, header: { alg: "PS256" } }))).toBe(401);
  expect(await get(sign({ claims, ttl: -1 }))).toBe(401);
  expect(await get(stranger.sign({ claims }))).toBe(401);
});
