/**
 * One rule for tokens: the laptop's gateway, which acts as API Gateway's JWT authorizer, and the
 * verifier of the Live API accept the same ones, for the same reasons, and see the same caller.
 */

import { readFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createVerifier, InvalidToken } from "@stockwire/functions/auth/token";
import { createKeySource } from "@stockwire/gateway/auth/jwks";
import { checkClaims, createSignatureCheck } from "@stockwire/gateway/auth/jwt";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import { listen } from "@stockwire/gateway/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { httpApi } from "../api-definition.ts";
import { AUDIENCE, forgedCases, issuerKeys, jwkOf, KID, make, signedCases } from "./token-rule.ts";

/** An issuer whose documents a test can change. Its keys are not where Cognito has them. */
async function openIssuer() {
  const documents = new Map<string, unknown>();
  const requested: string[] = [];
  const server: Server = createServer(({ url = "" }, res) => {
    requested.push(url);
    const document = documents.get(url);
    if (document === "hang") return;
    if (typeof document === "string") res.writeHead(302, { location: document }).end();
    else res.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const discover = (changes: object = {}) =>
    documents.set("/.well-known/openid-configuration", {
      issuer: url,
      jwks_uri: `${url}/v1/keys`,
      ...changes,
    });
  const publish = (...keys: unknown[]) => documents.set("/v1/keys", { keys });
  discover();
  publish(jwkOf(issuerKeys.publicKey));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, documents, requested, discover, publish, close };
}

type Issuer = Awaited<ReturnType<typeof openIssuer>>;
type Handler<Result> = (event: unknown) => Promise<Result>;
interface Policy {
  policyDocument: { Statement: { Effect: string }[] };
  context: { sub: string; kind: string; scope: string; authExpiresAt: string };
}

let issuer: Issuer;
let base: string;
let authorizer: Handler<Policy>;
let end: () => Promise<void>;

/** Imports the functions, which read the environment when they are imported. */
async function importFunctions(issuerUrl: string) {
  vi.resetModules();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    LOG_LEVEL: "silent",
    JWT_ISSUER: issuerUrl,
    JWT_AUDIENCE: AUDIENCE,
  });
  const http = await import("@stockwire/functions/handlers/http");
  const live = await import("@stockwire/functions/handlers/authorizer");
  const { verifyToken } = await import("@stockwire/functions/live/token");
  return {
    http: http.handler,
    authorizer: live.handler as unknown as Handler<Policy>,
    verifyToken,
  };
}

beforeAll(async () => {
  issuer = await openIssuer();
  const functions = await importFunctions(issuer.url);
  ({ authorizer } = functions);
  const api = createHttpApi({
    ...httpApi(functions.http, issuer.url),
    onError: ({ error }) => expect.unreachable(String(error)),
  });
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  base = `http://127.0.0.1:${server.port}`;
  end = async () => {
    api.close();
    await server.close();
    issuer.close();
  };
});
afterAll(() => end());

async function call(method: string, path: string, token: string) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(base + path, { method, headers });
  const text = await answer.text();
  const challenge = answer.headers.get("www-authenticate") ?? "";
  const [, reason] = /error_description="([^"]*)"/.exec(challenge) ?? [];
  return { status: answer.status, json: JSON.parse(text) as Record<string, unknown>, reason };
}

/** What the Live API's authorizer finds; undefined if it refuses the connection. */
async function connect(headers: Record<string, string>, handler = authorizer) {
  const event = { type: "REQUEST", methodArn: "arn:aws:execute-api:x/live/$connect", headers };
  try {
    const { policyDocument, context } = await handler(event);
    expect(policyDocument.Statement[0]?.Effect).toBe("Allow");
    return context;
  } catch (error) {
    // Only with this message API Gateway answers 401, otherwise 500.
    expect(String(error)).toBe("Error: Unauthorized");
    return undefined;
  }
}

/** What the Partner API's authorizer hands on; undefined if it refuses the token. */
async function ask(authorizationToken: string) {
  const methodArn = "arn:aws:execute-api:us-east-1:1:x/partner/GET/version";
  try {
    const { context } = await authorizer({ type: "TOKEN", methodArn, authorizationToken });
    return context as unknown as { userId: string; role: string; scope: string };
  } catch (error) {
    expect(String(error)).toBe("Error: Unauthorized");
    return undefined;
  }
}

/** The reason for which the verifier of functions refuses a token; undefined if it accepts it. */
async function reasonOf(token: string, verify = createVerifierOf(issuer)) {
  try {
    await verify(token);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidToken);
    return (error as Error).message;
  }
}
const createVerifierOf = ({ url }: Issuer) =>
  createVerifier({ issuer: url, audiences: [AUDIENCE] });

test("the table has at least 40 tokens with valid signatures", () => {
  expect(signedCases.length).toBeGreaterThan(40);
});

test.each([...signedCases, ...forgedCases])(
  "gateway and functions agree: a token with $what is $verdict",
  async ({ verdict, differs, ...given }) => {
    const token = make(issuer.url, given);
    const me = await call("GET", "/me", token);
    const live = await connect({ Authorization: `Bearer ${token}` });
    const ticket = await call("POST", "/live/tickets", token);
    const partner = await ask(`Bearer ${token}`);
    expect(partner !== undefined).toBe(live !== undefined);
    const statuses = [me.status, ticket.status, live !== undefined];
    const isGateways = "message" in me.json; // the app's answer is a problem with a code
    expect([await reasonOf(token), isGateways]).toEqual([me.reason, verdict === "refused"]);
    if (verdict !== "caller") {
      expect(statuses).toEqual([401, 401, false]);
      if (verdict === "no caller") expect(me.json["code"]).toBe("unauthenticated");
      return;
    }
    expect(statuses).toEqual([200, 201, true]);
    const scopes = me.json["scopes"] as string[];
    const expiry = me.json["expiresAt"];
    expect(live).toEqual({
      sub: me.json["sub"],
      kind: me.json["kind"],
      scope: scopes.join(" "),
      authExpiresAt: typeof expiry === "string" ? String(Date.parse(expiry)) : "",
    });
    expect(partner).toEqual({
      userId: live?.sub,
      role: scopes.includes("admin") ? "admin" : "partner",
      scope: live?.scope,
      ...(live?.authExpiresAt !== "" && { authExpiresAt: live?.authExpiresAt }),
    });
    // A scope that the gateway checks, and the same scope where only the app can check it.
    const byGateway = (await call("GET", "/users?limit=1", token)).status;
    const byApp = (await call("GET", "/changes?topic=users", token)).status;
    expect(byGateway === byApp).toBe(differs === undefined);
    expect(byApp).toBe(scopes.includes("read:users") || scopes.includes("admin") ? 200 : 403);
  },
);

test("a token is taken with or without its scheme, in any case", async () => {
  const token = make(issuer.url, {});
  for (const [text, isGood] of [
    [token, true],
    [`bEARER ${token}`, true],
    [`Bearer   ${token}`, true],
    [`Basic ${token}`, false],
    [`Bearer${token}`, false],
    [`Bearer ${token},Bearer ${token}`, false],
    ["Bearer", false],
  ] as const) {
    const { status } = await fetch(`${base}/me`, { headers: { authorization: text } });
    const live = await connect({ authorization: text });
    const partner = await ask(text);
    expect([text, status === 200, live !== undefined]).toEqual([text, isGood, isGood]);
    expect([text, partner !== undefined]).toEqual([text, isGood]);
  }
});

test("without the issuer's keys every token is 401 on both APIs, and never a 500", async () => {
  const down = await openIssuer();
  down.close();
  const token = make(down.url, {});
  const functions = await importFunctions(down.url);
  const api = createHttpApi({ ...httpApi(functions.http, down.url), onError: () => undefined });
  onTestFinished(() => api.close());
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  onTestFinished(() => server.close());
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`http://127.0.0.1:${server.port}/me`, { headers })).status).toBe(401);
  expect(await connect(headers, functions.authorizer)).toBeUndefined();
  // A frame with a new token is answered with this code, and the connection stays open.
  await expect(functions.verifyToken(token)).rejects.toMatchObject({ code: "unavailable" });
});

interface Clocked {
  now: number; // epoch ms
}
type Verify = (token: string) => Promise<unknown>;

const verifiers: [string, (issuer: Issuer, clock: Clocked) => Verify][] = [
  [
    "gateway",
    ({ url }, clock) => {
      const check = createSignatureCheck(createKeySource(url, () => clock.now));
      const expected = { issuer: url, audience: new Set([AUDIENCE]) };
      return async (token) => checkClaims(await check.verify(token), expected, clock.now / 1000);
    },
  ],
  [
    "functions",
    ({ url }, clock) =>
      createVerifier({ issuer: url, audiences: [AUDIENCE], clock: () => clock.now }),
  ],
];

test("functions wait for an issuer for 1.5 s", async () => {
  const silent = await openIssuer();
  onTestFinished(silent.close);
  silent.documents.set("/v1/keys", "hang");
  const verify = createVerifierOf(silent);
  await expect(verify(make(silent.url, {}))).rejects.toThrow(/timeout/);
});

describe.each(verifiers)("the keys of %s", (_, createVerify) => {
  async function open() {
    const own = await openIssuer();
    onTestFinished(own.close);
    const clock = { now: Date.now() };
    const verify = createVerify(own, clock);
    /** `good`, `bad` for a token that is refused, `down` if the keys cannot be fetched. */
    const verdict = (given: Parameters<typeof make>[1] = {}) =>
      verify(
        make(own.url, { ...given, claims: { exp: 4e9, iat: undefined, ...given.claims } }),
      ).then(
        () => "good",
        (error: Error) => (error.name === "InvalidToken" ? "bad" : "down"),
      );
    return { own, clock, verdict };
  }
  const unknown = (kid: string) => ({ header: { kid } });

  test("are found by discovery, once for all tokens of two hours", async () => {
    const { own, clock, verdict } = await open();
    expect(await Promise.all([verdict(), verdict(), verdict()])).toEqual(["good", "good", "good"]);
    const both = ["/.well-known/openid-configuration", "/v1/keys"];
    expect(own.requested).toEqual(both);
    clock.now += 2 * 3600_000 - 1;
    expect(await verdict()).toBe("good");
    expect(own.requested).toEqual(both);
    clock.now += 1;
    expect(await verdict()).toBe("good");
    expect(own.requested).toEqual([...both, ...both]);
  });

  test("are fetched again for unknown key ids at most every 30 s", async () => {
    const { own, clock, verdict } = await open();
    const next = generateKeyPairSync("rsa", { modulusLength: 2048 });
    expect(await verdict()).toBe("good");
    own.publish(jwkOf(issuerKeys.publicKey, { kid: "next" }), jwkOf(next.publicKey));
    for (const kid of ["next", "a", "b"]) expect(await verdict(unknown(kid))).toBe("bad");
    expect(own.requested).toHaveLength(2);
    clock.now += 30_000;
    expect(await verdict(unknown("next"))).toBe("good");
    expect(await verdict(unknown("a"))).toBe("bad");
    expect(await verdict()).toBe("bad"); // the issuer has another key of this id now
    expect(own.requested).toHaveLength(4);
  });

  test("are fetched at most once a second while the issuer fails, and then work", async () => {
    const { own, clock, verdict } = await open();
    own.documents.delete("/v1/keys");
    for (let n = 0; n < 5; n++) expect(await verdict()).toBe("down");
    expect(own.requested).toHaveLength(2);
    own.publish(jwkOf(issuerKeys.publicKey));
    clock.now += 1_000;
    expect(await verdict()).toBe("good");
    own.documents.clear();
    clock.now += 60_000;
    expect(await verdict(unknown("x"))).toBe("down");
    expect(await verdict()).toBe("good"); // its key is cached
  });

  test("are fetched again after the clock was set back, whatever was fetched before", async () => {
    const { own, clock, verdict } = await open();
    own.documents.delete("/v1/keys");
    expect(await verdict()).toBe("down");
    own.publish(jwkOf(issuerKeys.publicKey));
    clock.now -= 3600_000;
    expect(await verdict()).toBe("good"); // the failure may be long ago
    expect(own.requested).toHaveLength(4);
    clock.now -= 3600_000;
    expect(await verdict()).toBe("good"); // the keys may be old
    expect(own.requested).toHaveLength(6);
    own.publish(jwkOf(issuerKeys.publicKey, { kid: "next" }));
    clock.now += 30_000;
    expect(await verdict(unknown("next"))).toBe("good");
    clock.now += 3600_000;
    expect(await verdict(unknown("a"))).toBe("bad");
    expect(own.requested).toHaveLength(10);
    clock.now -= 60_000; // the keys are cached, but when they were last asked for is unknown
    expect(await verdict(unknown("a"))).toBe("bad");
    expect(own.requested).toHaveLength(12);
  });

  test.each<[string, (own: Issuer) => unknown]>([
    ["names another issuer", (own) => own.discover({ issuer: "https://issuer.example" })],
    ["has a jwks_uri that is a file", (own) => own.discover({ jwks_uri: "file:///etc/passwd" })],
    ["has a jwks_uri that is no text", (own) => own.discover({ jwks_uri: {} })],
    ["redirects", (own) => own.documents.set("/v1/keys", `${own.url}/elsewhere`)],
    ["sends an array", (own) => own.documents.set("/v1/keys", [])],
    ["sends no keys", (own) => own.documents.set("/v1/keys", {})],
    ["sends more than 150 kB", (own) => own.publish("x".repeat(150_000))],
  ])("cannot be fetched if the issuer %s", async (__, spoil) => {
    const { own, verdict } = await open();
    spoil(own);
    expect(await verdict()).toBe("down");
  });

  const key = jwkOf(issuerKeys.publicKey);
  test.each<[string, unknown]>([
    ["for encryption", { ...key, use: "enc" }],
    ["for other operations", { ...key, key_ops: ["encrypt"] }],
    ["of another algorithm", { ...key, alg: "RS512" }],
    ["of another type", { ...key, kty: "oct", k: "AAAA" }],
    ["with an exponent of one", { ...key, e: "AQ" }],
    ["with an exponent of one in two bytes", { ...key, e: "AAE" }],
    ["without an exponent", { ...key, e: "" }],
    ["without a modulus", { ...key, n: undefined }],
    ["without a key id", { ...key, kid: undefined }],
    ["that is null", null],
  ])("a key %s verifies nothing", async (__, published) => {
    const { own, verdict } = await open();
    own.publish(published, jwkOf(issuerKeys.publicKey, { kid: "sound" }));
    expect(await verdict()).toBe("bad");
    expect(await verdict(unknown("sound"))).toBe("good");
  });

  test("a short key verifies nothing, also with zeros in front", async () => {
    const { own, verdict } = await open();
    const { n = "", ...rest } = generateKeyPairSync("rsa", {
      modulusLength: 1024,
    }).publicKey.export({
      format: "jwk",
    });
    const long = Buffer.concat([Buffer.alloc(128), Buffer.from(n, "base64url")]);
    for (const modulus of [n, long.toString("base64url")]) {
      own.publish({ ...rest, n: modulus, kid: KID });
      expect(await verdict()).toBe("bad");
    }
  });
});

test("gateway and functions agree about Wycheproof's RSA signatures", async () => {
  const file = new URL("../../gateway/test/corpora/wycheproof-jose.json", import.meta.url);
  const corpus = JSON.parse(readFileSync(file, "utf8")) as Record<string, Suite>;
  const own = await openIssuer();
  onTestFinished(own.close);
  const outcomes = new Map<string, number>();
  for (const { groups = [] } of Object.values(corpus)) {
    for (const { private: secret, public: published = secret, tests } of groups) {
      own.publish(...(published.keys ?? [published]));
      const clock = { now: Date.now() };
      const both = verifiers.map(([, createVerify]) => createVerify(own, clock));
      for (const { jws = "" } of tests) {
        const token = typeof jws === "string" ? jws : JSON.stringify(jws);
        const [first = "", second] = await Promise.all(
          both.map((verify) => verify(token).then(String, String)),
        );
        expect(second).toBe(first);
        outcomes.set(first, (outcomes.get(first) ?? 0) + 1);
      }
    }
  }
  // The payloads are no claims, which is found only after the signature was valid.
  expect(outcomes.get("InvalidToken: the token is not JSON")).toBeGreaterThan(5);
  expect(outcomes.get("InvalidToken: the token has an invalid signature")).toBeGreaterThan(5);
});

interface KeySet {
  keys?: unknown[];
}
interface Suite {
  groups?: { private: KeySet; public?: KeySet; tests: { jws?: unknown }[] }[];
}
