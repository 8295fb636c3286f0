/** Sign-in at a running laptop, by a client library of others: discovery, code with PKCE, and its end. */

import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import * as oidc from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openIssuerOf } from "../server-registry.ts";
import { onSharedEngine, type RunningLaptop, startLaptop } from "./laptop.ts";

const CLIENT = "stockwire-console";
const SCOPE = "openid profile email read:products write:products";

let laptop: RunningLaptop;
let config: oidc.Configuration;
beforeAll(async () => {
  laptop = await startLaptop({ env: onSharedEngine() });
  config = await discover(CLIENT);
});
afterAll(() => laptop.close());

async function discover(clientId: string, ...more: [string?, oidc.ClientAuth?]) {
  const [secret, auth = oidc.None()] = more;
  const options = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] };
  return oidc.discovery(new URL(laptop.url), clientId, secret, auth, options);
}

interface Attempt {
  redirectUri?: string;
  user?: string;
  scope?: string;
  parameters?: Record<string, string>;
}

/** Sends a browser to the issuer; `back` is the address that it returns to. */
async function authorize({
  redirectUri = `${laptop.url}/console`,
  user = "jane",
  scope = SCOPE,
  parameters = {},
}: Attempt = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    login_hint: user,
    ...parameters,
  });
  const response = await fetch(url, { redirect: "manual" });
  const back = response.headers.get("location");
  return {
    url,
    response,
    back: back === null ? undefined : new URL(back),
    checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
  };
}

async function signIn(attempt: Attempt = {}) {
  const { back, checks } = await authorize(attempt);
  if (!back) throw new Error("the issuer did not return the browser");
  return oidc.authorizationCodeGrant(config, back, checks);
}

const refused = (error: string) => expect.objectContaining({ error }) as Error;
const get = async (path: string, token: string) =>
  (await fetch(laptop.url + path, { headers: { authorization: `Bearer ${token}` } })).status;

test("the discovery document names endpoints that answer", async () => {
  const metadata = config.serverMetadata();
  expect(metadata.issuer).toBe(laptop.url);
  expect(metadata.supportsPKCE()).toBe(true);
  // An unknown path is 404.
  const statuses = {
    authorization_endpoint: 400, // without parameters
    jwks_uri: 200,
    revocation_endpoint: 405,
    token_endpoint: 405,
    userinfo_endpoint: 401,
  };
  const names = Object.keys(metadata).filter((name) => /_endpoint$|^jwks_uri$/.test(name));
  expect(names.toSorted()).toEqual(Object.keys(statuses));
  for (const [name, expected] of Object.entries(statuses)) {
    const { status } = await fetch(metadata[name as "jwks_uri"] ?? "");
    expect([name, status]).toEqual([name, expected]);
  }
});

test("a user signs in with a code and PKCE, and the token works at the API", async () => {
  const tokens = await signIn();
  expect(tokens.claims()).toMatchObject({ sub: "jane", aud: CLIENT, email: "jane@example.com" });
  expect(tokens).toMatchObject({ token_type: "bearer", expires_in: 3600, scope: SCOPE });
  expect(await get("/products", tokens.access_token)).toBe(200);
  expect(await get("/users", tokens.access_token)).toBe(403);
  const me = await fetch(`${laptop.url}/me`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  expect(await me.json()).toMatchObject({ sub: "jane", kind: "user" });
});

test("the ID token opens no route", async () => {
  const { id_token: token = "" } = await signIn();
  expect(await get("/me", token)).toBe(401);
});

test("a user gets those of the requested scopes that the user has", async () => {
  expect((await signIn({ user: "john" })).scope).toBe("openid profile email read:products");
  const all = await signIn({ user: "jane", scope: "openid" });
  expect(all.scope).toBe("openid");
});

test("without login_hint the page lists the users, and each link signs one in", async () => {
  const { response, checks } = await authorize({ user: "", parameters: { prompt: "login" } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
  const html = await response.text();
  const links = [...html.matchAll(/<a href="([^"]+)">([^<]+)/g)];
  expect(links.map(([, , name]) => name?.trim())).toEqual(["Jane Smith", "John Doe", "Nina New"]);
  const path = (links[1]?.[1] ?? "").replaceAll("&amp;", "&");
  const chosen = await fetch(laptop.url + path, { redirect: "manual" });
  const back = new URL(chosen.headers.get("location") ?? "");
  const tokens = await oidc.authorizationCodeGrant(config, back, checks);
  expect(tokens.claims()?.sub).toBe("john");
});

test("the page shows the request's texts as text", async () => {
  const hostile = `"'><script>alert(1)</script><b onclick=x>\r\nSet-Cookie: a=b`;
  const { response } = await authorize({
    user: hostile,
    parameters: { state: hostile, nonce: hostile, display: hostile, [hostile]: hostile },
  });
  expect([response.status, response.headers.get("set-cookie")]).toEqual([200, null]);
  const page = await response.text();
  expect(page).not.toMatch(/<script|<b[ >]|\sonclick/);
  for (const name of ["client_id", "redirect_uri", "scope", "state"]) {
    const { response: other } = await authorize({ parameters: { [name]: hostile } });
    expect(await other.text()).not.toMatch(/<script|<b[ >]/);
    expect(other.headers.get("set-cookie")).toBeNull();
  }
});

test("the request may be a POST, as OpenID Connect requires", async () => {
  const { url } = await authorize();
  const response = await fetch(url.origin + url.pathname, {
    method: "POST",
    body: url.searchParams,
    redirect: "manual",
  });
  expect(response.headers.get("location")).toContain("code=");
});

describe("a refresh token", () => {
  test("is replaced by each use, and works once", async () => {
    const first = await signIn();
    const second = await oidc.refreshTokenGrant(config, first.refresh_token ?? "");
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(await get("/products", second.access_token)).toBe(200);
    await expect(oidc.refreshTokenGrant(config, first.refresh_token ?? "")).rejects.toEqual(
      refused("invalid_grant"),
    );
    // The old one was used by a thief or by the user: which is unknown, so all of its tokens end.
    await expect(oidc.refreshTokenGrant(config, second.refresh_token ?? "")).rejects.toEqual(
      refused("invalid_grant"),
    );
    await expect(oidc.fetchUserInfo(config, second.access_token, "jane")).rejects.toMatchObject({
      status: 401,
    });
  });

  test("can get fewer scopes, and never more", async () => {
    const { refresh_token: token = "" } = await signIn();
    await expect(
      oidc.refreshTokenGrant(config, token, { scope: "openid read:users" }),
    ).rejects.toEqual(refused("invalid_scope"));
    const fewer = await oidc.refreshTokenGrant(config, token, { scope: "read:products" });
    expect(fewer.scope).toBe("read:products");
    expect(fewer.id_token).toBeUndefined();
  });

  test("is valid after a restart, and no file holds it", async () => {
    const { refresh_token: token = "" } = await signIn();
    const file = join(laptop.dataDir, "issuer-grants.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).not.toContain(token.split(".")[1]);
    laptop.kill("SIGKILL");
    await laptop.ended;
    const args = ["--port", new URL(laptop.url).port];
    laptop = await startLaptop({ env: onSharedEngine(), dataDir: laptop.dataDir, args });
    const renewed = await oidc.refreshTokenGrant(config, token);
    expect(await get("/products", renewed.access_token)).toBe(200);
  });
});

test("the userinfo endpoint answers with the claims of the token's scopes", async () => {
  const { access_token: full } = await signIn();
  expect(await oidc.fetchUserInfo(config, full, "jane")).toEqual({
    sub: "jane",
    name: "Jane Smith",
    preferred_username: "jane",
    email: "jane@example.com",
    email_verified: true,
  });
  const { access_token: least } = await signIn({ scope: "openid" });
  expect(await oidc.fetchUserInfo(config, least, "jane")).toEqual({ sub: "jane" });
  const issuer = await openIssuerOf({ dataDir: laptop.dataDir, issuer: laptop.url });
  const none = issuer.sign({ claims: { sub: "jane", scope: "read:products" } });
  await expect(oidc.fetchUserInfo(config, none, "jane")).rejects.toMatchObject({ status: 403 });
  const expired = issuer.sign({ claims: { sub: "jane", scope: "openid" }, ttl: -60 });
  for (const token of [expired, `${full}x`, "nonsense"]) {
    await expect(oidc.fetchUserInfo(config, token, "jane")).rejects.toMatchObject({ status: 401 });
  }
});

describe("revocation", () => {
  test.each(["refresh_token", "access_token"] as const)(
    "of the %s ends the sign-in",
    async (kind) => {
      const tokens = await signIn();
      await oidc.tokenRevocation(config, tokens[kind] ?? "");
      await expect(oidc.refreshTokenGrant(config, tokens.refresh_token ?? "")).rejects.toEqual(
        refused("invalid_grant"),
      );
      await expect(oidc.fetchUserInfo(config, tokens.access_token, "jane")).rejects.toMatchObject({
        status: 401,
      });
    },
  );

  test("of a text that is no token succeeds, and ends nothing", async () => {
    const tokens = await signIn();
    await oidc.tokenRevocation(config, "nonsense");
    const claims = await oidc.fetchUserInfo(config, tokens.access_token, "jane");
    expect(claims.sub).toBe("jane");
  });
});

describe("is refused:", () => {
  test("a wrong verifier, after which the code is void", async () => {
    const { back = new URL("http://x"), checks } = await authorize();
    const wrong = { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    await expect(oidc.authorizationCodeGrant(config, back, wrong)).rejects.toEqual(
      refused("invalid_grant"),
    );
    await expect(oidc.authorizationCodeGrant(config, back, checks)).rejects.toEqual(
      refused("invalid_grant"),
    );
  });

  test("a code that comes twice: it and its tokens are revoked", async () => {
    const { back = new URL("http://x"), checks } = await authorize();
    const tokens = await oidc.authorizationCodeGrant(config, back, checks);
    await expect(oidc.authorizationCodeGrant(config, back, checks)).rejects.toEqual(
      refused("invalid_grant"),
    );
    await expect(oidc.refreshTokenGrant(config, tokens.refresh_token ?? "")).rejects.toEqual(
      refused("invalid_grant"),
    );
    await expect(oidc.fetchUserInfo(config, tokens.access_token, "jane")).rejects.toMatchObject({
      status: 401,
    });
  });

  test.each([
    "https://evil.example/console",
    "http://evil.example/console",
    "http://localhost:3000/other",
    "http://localhost:3000/console?x=1",
    "http://localhost:3000/console/../other",
    "http://user@localhost:3000/console",
    "http://localhost.evil.example/console",
    "javascript:alert(1)",
    // Other spellings of one that is registered
    "HTTP://localhost:3000/console",
    "http://LOCALHOST:3000/console",
    "http://localhost.:3000/console",
    "http://127.1:3000/console",
    "http://localhost:80/console",
    "http://localhost:3000/console/",
    "http://localhost:3000//console",
    "http://localhost:3000/Console",
    "http://localhost:3000/%63onsole",
    "http://localhost:3000/console#",
    "http://localhost:3000/console?",
    "http://localhost:3000\\@evil.example/console",
    "http://localhost@evil.example/console",
    "http://localhost:3000/con\tsole",
    " http://localhost:3000/console",
    "//localhost:3000/console",
    "",
  ])("a redirect URI that is not registered: %s", async (redirectUri) => {
    const { response, back } = await authorize({ redirectUri });
    expect([response.status, back]).toEqual([400, undefined]);
  });

  test("a code and a refresh token that come twice at the same time: at most one answer has tokens", async () => {
    const { back = new URL("http://x"), checks } = await authorize();
    const exchange = () => oidc.authorizationCodeGrant(config, back, checks);
    const exchanges = await Promise.allSettled(Array.from({ length: 4 }, exchange));
    const tokens = exchanges.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(tokens).toHaveLength(1);
    const refresh = (token = "") => oidc.refreshTokenGrant(config, token);
    await expect(refresh(tokens[0]?.refresh_token)).rejects.toEqual(refused("invalid_grant"));

    const { refresh_token: token } = await signIn();
    const refreshes = await Promise.allSettled(Array.from({ length: 4 }, () => refresh(token)));
    const renewed = refreshes.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(renewed).toHaveLength(1);
    await expect(refresh(renewed[0]?.refresh_token)).rejects.toEqual(refused("invalid_grant"));
  });

  test("a request for another host, whose pages could read the code (DNS rebinding)", async () => {
    const { url } = await authorize();
    const send = async (host: string) => {
      const sent = request(url, { headers: { host }, agent: false }).end();
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      answer.resume();
      return [answer.statusCode, answer.headers.location !== undefined];
    };
    const { port } = url;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, "localhost"]) {
      expect([host, ...(await send(host))]).toEqual([host, 302, true]);
    }
    for (const host of [`evil.example:${port}`, `localhost.evil.example`, `localhost.:${port}`]) {
      expect([host, ...(await send(host))]).toEqual([host, 421, false]);
    }
  });

  test("another method, which must not sign in", async () => {
    const { url } = await authorize();
    for (const method of ["HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const { status, headers } = await fetch(url, { method, redirect: "manual" });
      expect([method, status, headers.get("location")]).toEqual([method, 405, null]);
    }
  });

  test("a form that is too large", async () => {
    const { url } = await authorize();
    const body = new URLSearchParams(url.searchParams);
    body.set("state", "x".repeat(100_000));
    const target = url.origin + url.pathname;
    const { status } = await fetch(target, { method: "POST", body, redirect: "manual" });
    expect(status).toBe(400);
  });

  test("another redirect URI for the code than the one that it was sent to", async () => {
    const { back = new URL("http://x"), checks } = await authorize();
    back.pathname = "/callback"; // the library sends the address that it was called with
    await expect(oidc.authorizationCodeGrant(config, back, checks)).rejects.toEqual(
      refused("invalid_grant"),
    );
  });

  test("an answer with another state, by the client", async () => {
    const { back = new URL("http://x"), checks } = await authorize();
    const expectedState = oidc.randomState();
    await expect(
      oidc.authorizationCodeGrant(config, back, { ...checks, expectedState }),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining("state") as string } });
  });

  test.each<[string, Record<string, string>]>([
    ["invalid_request", { code_challenge_method: "plain" }],
    ["invalid_request", { code_challenge_method: "" }],
    ["invalid_request", { code_challenge: "" }],
    ["invalid_request", { code_challenge: "short" }],
    ["invalid_request", { response_mode: "fragment" }],
    ["unsupported_response_type", { response_type: "token" }],
    ["invalid_scope", { scope: "openid admin" }],
    ["invalid_scope", { scope: "root" }],
    ["login_required", { prompt: "none" }],
    ["request_not_supported", { request: "e30.e30." }],
  ])("a request with an %s is returned to the client: %o", async (error, parameters) => {
    const { back, checks } = await authorize({ parameters });
    const query = back?.searchParams;
    expect(query?.get("error")).toBe(error);
    expect(query?.get("state")).toBe(checks.expectedState);
    expect(query?.get("iss")).toBe(laptop.url);
    expect(query?.has("code")).toBe(false);
  });

  test("an unknown client", async () => {
    const { response, back } = await authorize({ parameters: { client_id: "x" } });
    expect([response.status, back]).toEqual([400, undefined]);
  });

  test("a grant that is not the client's", async () => {
    await expect(oidc.clientCredentialsGrant(config)).rejects.toEqual(
      refused("unauthorized_client"),
    );
  });
});

test("a machine gets its token with its secret, from the same endpoint", async () => {
  const issuer = await openIssuerOf({ dataDir: laptop.dataDir, issuer: laptop.url });
  const { id, secret } = issuer.client;
  const machine = await discover(id, secret, oidc.ClientSecretBasic(secret));
  const { access_token: token } = await oidc.clientCredentialsGrant(machine, {
    scope: "read:products",
  });
  expect(await get("/products", token)).toBe(200);
  await expect(oidc.refreshTokenGrant(machine, "x")).rejects.toEqual(
    refused("unauthorized_client"),
  );
});
