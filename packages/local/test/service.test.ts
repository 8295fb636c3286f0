/** What the service does where no gateway is in front: in this process, as every host calls it. */

import { createApp } from "@stockwire/functions/api/app";
import { createService, NOT_OFFERED } from "@stockwire/functions/hosts/service";
import { readSettings } from "@stockwire/functions/hosts/settings";
import { createLog } from "@stockwire/functions/telemetry/log";
import { createMeasure } from "@stockwire/functions/telemetry/metric";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Issuer, serveIssuer } from "./hosts/issuer.ts";
import { make } from "./token-rule.ts";

let issuer: Issuer;
beforeAll(async () => {
  issuer = await serveIssuer();
});
afterAll(() => issuer.close());

const settings = (more: Record<string, string> = {}) => ({
  DATA_TABLE: process.env["DATA_TABLE"] ?? "",
  CHANGES_TABLE: process.env["CHANGES_TABLE"] ?? "",
  CONNECTIONS_TABLE: process.env["CONNECTIONS_TABLE"] ?? "",
  AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"] ?? "",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  CURSOR_SECRET: "the cursor secret of these tests, long enough",
  JWT_ISSUER: issuer.url,
  ...more,
});

/** A service, and the lines of its log. */
function open(more: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  const service = createService(readSettings(settings(more)), {
    runtime: "test",
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const get = (path: string, headers: Record<string, string> = {}, address = "192.0.2.1") =>
    service.fetch(new Request(`http://api.example${path}`, { headers }), address);
  const as = (sub: string) => ({
    authorization: `Bearer ${make(issuer.url, { claims: { sub, scope: "read:users" } })}`,
  });
  return { get, as, lines };
}

test("the caller is the one of the token, and a scope that it lacks is 403", async () => {
  const { get, as } = open();
  expect(await (await get("/me", as("ana"))).json()).toMatchObject({ sub: "ana", kind: "user" });
  expect((await get("/users?limit=1", as("ana"))).status).toBe(200);
  const refused = await get("/items", as("ana"));
  expect([refused.status, await refused.json()]).toMatchObject([
    403,
    { code: "insufficient_scope" },
  ]);
});

test("nothing but a token names a caller", async () => {
  const { get } = open();
  const authorizer = { jwt: { claims: { sub: "root", scope: "admin" } } };
  const context = JSON.stringify({ authorizer });
  for (const headers of [
    {},
    { authorization: "Basic cm9vdDpyb290" },
    { "x-amzn-request-context": context, "x-apigateway-event": context, "x-user-id": "root" },
  ]) {
    const answer = await get("/me", headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(await answer.json()).toMatchObject({ code: "unauthenticated" });
  }
  // Bindings are read only where a gateway has verified the caller.
  const options = {
    about: { name: "", version: "", commit: "", stage: "", runtime: "" },
    log: createLog("silent", ""),
    measure: createMeasure("off", ""),
    origins: [],
    secure: false,
  };
  const bindings = { requestContext: { authorizer } };
  const behind = createApp(options);
  const alone = createApp({ ...options, gate: () => Promise.resolve(undefined) });
  expect((await behind.request("/me", {}, bindings)).status).toBe(200);
  expect((await alone.request("/me", {}, bindings)).status).toBe(401);
});

test("without the issuer's keys a request with a token is 503, others are answered", async () => {
  const { get, as } = open({ JWT_ISSUER: "http://127.0.0.1:1" });
  const answer = await get("/me", as("ana"));
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect((await get("/me")).status).toBe(401);
  expect((await get("/hello", as("ana"))).status).toBe(200);
});

test("a caller over its rate is 429, and others are not", async () => {
  const { get, as } = open({ CALLER_RATE: "0.01", CALLER_BURST: "2" });
  const statuses = async (path: string, headers: Record<string, string>, address?: string) => [
    (await get(path, headers, address)).status,
    (await get(path, headers, address)).status,
    (await get(path, headers, address)).status,
  ];
  expect(await statuses("/me", as("ana"))).toEqual([200, 200, 429]);
  expect(await statuses("/me", as("bob"))).toEqual([200, 200, 429]); // from the same address
  expect(await statuses("/hello", {}, "192.0.2.2")).toEqual([200, 200, 429]);
  expect(await statuses("/me", {}, "192.0.2.3")).toEqual([401, 401, 429]);
  expect(await statuses("/health", {}, "192.0.2.2")).toEqual([200, 200, 200]);
  // Another address in a header does not get another bucket.
  expect(await statuses("/hello", { "x-forwarded-for": "10.0.0.9" }, "192.0.2.2")).toEqual([
    429, 429, 429,
  ]);
  const refused = await get("/me", { ...as("ana"), origin: "https://shop.example" });
  expect(await refused.json()).toEqual({ message: "Too Many Requests" });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
  expect(refused.headers.get("x-request-id")).toMatch(/./);
});

test("X-Forwarded-For counts from the right, by the number of trusted proxies", async () => {
  const seen = async (trusted: string, forwarded: string) => {
    const { get, lines } = open({ TRUSTED_PROXIES: trusted });
    await get("/hello", { "x-forwarded-for": forwarded });
    return lines.at(-1)?.["sourceIp"];
  };
  expect(await seen("0", "10.0.0.9")).toBe("192.0.2.1");
  expect(await seen("1", "10.0.0.9, 10.0.0.1")).toBe("10.0.0.1");
  expect(await seen("2", "10.0.0.9, 10.0.0.1")).toBe("10.0.0.9");
  expect(await seen("3", "10.0.0.9, 10.0.0.1")).toBe("192.0.2.1");
  expect(await seen("1", "")).toBe("192.0.2.1");
});

test("pages of the allowed origins may call, with a preflight", async () => {
  const service = createService(
    readSettings(settings({ ALLOWED_ORIGINS: "https://shop.example" })),
    { runtime: "test", write: () => undefined },
  );
  const preflight = async (origin: string) => {
    const headers = { origin, "access-control-request-method": "POST" };
    const request = new Request("http://api.example/items", { method: "OPTIONS", headers });
    const answer = await service.fetch(request);
    return [answer.status, answer.headers.get("access-control-allow-origin")];
  };
  expect(await preflight("https://shop.example")).toEqual([204, "https://shop.example"]);
  expect(await preflight("https://other.example")).toEqual([204, null]);
});

test("a missing or wrong setting is named, without its value", () => {
  const read = (more: Record<string, unknown>) => () => readSettings({ ...settings(), ...more });
  expect(read({ JWT_ISSUER: undefined })).toThrow(/^Configuration: JWT_ISSUER/);
  expect(read({ CURSOR_SECRET: "s3cret" })).toThrow(/^Configuration: CURSOR_SECRET(?!.*s3cret)/);
  expect(read({ DATA_TABLE: undefined })).toThrow(/DATA_TABLE/);
  expect(read({ TRUSTED_PROXIES: "all" })).toThrow(/TRUSTED_PROXIES/);
  expect(read({ CALLER_RATE: "-1", CALLER_BURST: "0" })).toThrow(/CALLER_RATE.*CALLER_BURST/);
  // One error, also for those of a host and those that the Lambda functions have as well.
  expect(read({ DATA_TABLE: undefined, LIST_SHARDS: "0", CALLER_RATE: "-1" })).toThrow(
    /^Configuration: DATA_TABLE: .*LIST_SHARDS: .*CALLER_RATE: /,
  );
  // A Worker has bindings that are no text.
  expect(readSettings({ ...settings(), KV: { get: () => undefined } })).toMatchObject({
    JWT_ISSUER: issuer.url,
  });
  expect(NOT_OFFERED).toMatch(/WebSocket.*appender/s);
});
