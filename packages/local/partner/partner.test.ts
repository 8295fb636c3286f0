/** The Partner API as the laptop serves it, with the real handlers and a real issuer. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, unwrap } from "@stockwire/client";
import { newId } from "@stockwire/core/id";
import { type Route, routeKeyOf, routes } from "@stockwire/functions/api/policy";
import { modelNameOf } from "@stockwire/functions/partner/model-name";
import { partnerRoutes } from "@stockwire/functions/partner/route";
import { createConcurrency } from "@stockwire/gateway/concurrency";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import type { RestLogRecord } from "@stockwire/gateway/log";
import { createValidator } from "@stockwire/gateway/rest/validator";
import { listen } from "@stockwire/gateway/server";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { PartnerSettings } from "../api-definition.ts";
import type { Issuer } from "../issuer/issuer.ts";
import { laptopKeys } from "./key-store.ts";
import { type Partner, startPartner } from "./partner.ts";
import { changeKey, createKey, keyFileOf, usageFileOf } from "./key-file.ts";
import { AUDIENCE, openIssuerOf } from "../server-registry.ts";

let folder: string;
let issuer: Issuer;
let origin: string;
let app: LambdaHandler;
let current: Partner | undefined;
let close: () => Promise<void>;
/** What the app was asked, since the API was opened. */
const calls: string[] = [];
const log: RestLogRecord[] = [];
const errors: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-partner-"));
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    if (!issuer.handle(req, res) && !current?.handle(req, res)) res.writeHead(404).end();
  };
  const server = await listen({ port: 0, host: "127.0.0.1", handle });
  origin = `http://127.0.0.1:${server.port}`;
  issuer = await openIssuerOf({ dataDir: folder, issuer: origin });
  close = () => server.close();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    LOG_LEVEL: "silent",
    ALLOWED_ORIGINS: "*",
    JWT_ISSUER: origin,
    JWT_AUDIENCE: AUDIENCE,
  });
  const { handler } = await import("@stockwire/functions/handlers/http");
  app = (event: unknown) => {
    const { httpMethod, path } = event as { httpMethod: string; path: string };
    calls.push(`${httpMethod} ${path}`);
    return handler(event);
  };
});
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true });
});

/** Serves the API with a new data folder, or with that of a server that has ended. */
async function open(
  settings: Partial<PartnerSettings> = {},
  given?: string,
  clock: () => number = Date.now,
) {
  const dataDir = given ?? (await mkdtemp(join(folder, "data-")));
  const partner = await startPartner({
    dataDir,
    handler: app,
    settings: { cache: false, deniedRanges: [], ...settings },
    tableName: "stockwire-Data",
    region: undefined,
    concurrency: createConcurrency(),
    clock,
    log: (line) => errors.push(line),
    accessLog: (record) => log.push(record),
  });
  current = partner;
  for (const list of [calls, log, errors]) list.length = 0;
  onTestFinished(() => partner.stop());
  const file = keyFileOf(dataDir);
  const { key, value } = await createKey(file, { name: "customer", plan: "production" });
  return { dataDir, file, key, value, demoKey: partner.demoKey };
}

const tokens = new Map<string, string>();

/** The same token for the same scope, so that its policy is cached. */
const token = (scope: string, sub = "ana") => {
  const id = `${sub} ${scope}`;
  const known = tokens.get(id) ?? issuer.sign({ claims: { sub, scope } });
  tokens.set(id, known);
  return known;
};

interface Call {
  method?: string;
  key?: string | undefined;
  /** null sends no token. */
  scope?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

async function send(path: string, { method, key, scope = "admin", body, headers }: Call = {}) {
  const answer = await fetch(`${origin}/partner${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(scope !== null && { authorization: `Bearer ${token(scope)}` }),
      ...(key !== undefined && { "x-api-key": key }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read any answer
  let json: any;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, headers: answer.headers, text, json };
}

const product = (more: object = {}) => ({ name: "Pen", price: 1.5, category: newId(), ...more });

describe("who may call", () => {
  test("the typed client with its API key, and not without", async () => {
    const { value: apiKey } = await open();
    const options = { baseUrl: `${origin}/partner`, token: token("admin") };
    const { products } = createClient({ ...options, apiKey });
    const created = await unwrap(products.$post({ json: product() }));
    const param = { id: created.id };
    expect(await unwrap(products[":id"].$get({ param }))).toEqual(created);
    const refused = unwrap(createClient(options).products.$get());
    await expect(refused).rejects.toMatchObject({ status: 403, detail: "Forbidden" });
  });

  test("a request needs a key that is known, enabled and not expired, and a token", async () => {
    const { value: key, key: stored, file } = await open();
    const status = async (given: Call) => {
      const answer = await send("/products?limit=1", given);
      return [answer.status, answer.status === 200 ? "" : answer.text];
    };
    const forbidden = [403, '{"message":"Forbidden"}'];
    expect(await status({ key })).toEqual([200, ""]);
    expect(await status({})).toEqual(forbidden);
    for (const bad of [`${key}x`, key.slice(1), key.toLowerCase(), stored.id, stored.valueHash]) {
      expect(await status({ key: bad })).toEqual(forbidden);
    }
    expect(await status({ key, scope: null })).toEqual([401, '{"message":"Unauthorized"}']);
    const wrong = { key, scope: null, headers: { authorization: "Bearer a.b.c" } };
    expect(await status(wrong)).toEqual([401, '{"message":"Unauthorized"}']);

    // The server looks for a change now and then, and before it refuses a key.
    await changeKey(file, stored.id, (each) => ({ ...each, enabled: false }));
    await expect.poll(() => status({ key }), { timeout: 30_000 }).toEqual(forbidden);
    const expiresAt = new Date(Date.now() - 1).toISOString();
    await changeKey(file, stored.id, (each) => ({ ...each, enabled: true, expiresAt }));
    expect(await status({ key })).toEqual(forbidden);
    const later = new Date(Date.now() + 60_000).toISOString();
    await changeKey(file, stored.id, (each) => ({ ...each, expiresAt: later }));
    expect(await status({ key })).toEqual([200, ""]);
  });

  test("health and preflights need neither; other open routes are not there", async () => {
    await open();
    expect((await send("/health", { scope: null })).json).toEqual({ status: "ok" });
    const preflight = await send("/products", {
      method: "OPTIONS",
      scope: null,
      headers: { origin: "https://shop.example", "access-control-request-method": "GET" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    for (const path of ["/me", "/ready", "/docs", "/openapi.json", "/nowhere", "/", ""]) {
      const { status, text } = await send(path);
      expect([path, status, text]).toEqual([
        path,
        403,
        '{"message":"Missing Authentication Token"}',
      ]);
    }
    const wrongMethod = await send("/live/tickets", { method: "POST" });
    expect(wrongMethod.status).toBe(403);
  });

  test("one policy of a token serves all methods: it opens those of its scopes, and no other", async () => {
    const { value: key } = await open();
    const scope = "read:products read:history write:items";
    const id = newId();
    for (const [method, path, expected] of [
      ["GET", "/users?limit=1", 403],
      ["GET", "/products?limit=1", 200],
      ["POST", "/items", 201],
      ["GET", "/items", 403],
      ["GET", "/inventory", 403],
      ["GET", `/products/${id}/history`, 404], // the app's
      ["GET", `/items/${id}/history`, 403],
      ["GET", "/changes?topic=products", 200],
      ["GET", "/changes?topic=users", 403], // the app's
      ["GET", "/version", 200],
    ] as const) {
      const body = method === "POST" ? { a: 1 } : undefined;
      const { status } = await send(path, { method, key, scope, body });
      expect([method, path, status]).toEqual([method, path, expected]);
    }
    const denied = await send("/users", { key, scope });
    expect(denied.text).toBe(
      '{"Message":"User is not authorized to access this resource with an explicit deny"}',
    );
    expect((await send("/version", { key, scope: "publish:channels" })).status).toBe(403);
    expect(calls).not.toContain("GET /users");
  });

  test("the app sees the caller, and answers below /partner", async () => {
    const { value: key } = await open();
    const made = await send("/products", { key, body: product() });
    expect(made.status).toBe(201);
    expect(made.headers.get("location")).toBe(`/partner/products/${made.json.id}`);
    expect((await fetch(origin + made.headers.get("location"))).status).toBe(401);
    const none = await send(`/products/${newId()}`, { key });
    expect(none.json).toMatchObject({ type: "/partner/docs/problems#product_not_found" });
    await send("/products", { key, body: product() });
    const { headers } = await send("/products?limit=1", { key });
    const next = /^<\/partner(\/products\?.*)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    expect((await send(next ?? "", { key })).status).toBe(200);
    expect((await send("/version", { key })).json.stageVariables).toEqual({
      lambdaAlias: "laptop",
      tableName: "stockwire-Data",
    });
    expect(log.at(-1)).toMatchObject({
      stage: "partner",
      resourcePath: "/version",
      status: 200,
      apiKeyId: expect.any(String),
    });
    expect(JSON.stringify(log)).not.toContain(key);
  });

  test("a range that is denied gets 403, also where no token is needed", async () => {
    const { value: key } = await open({ deniedRanges: ["127.0.0.0/8", "::1/128"] });
    for (const path of ["/products", "/health"]) {
      const { status, json } = await send(path, { key });
      expect(status).toBe(403);
      expect(json.Message).toMatch(
        /^User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:.*\/partner\/GET\/.* with an explicit deny$/,
      );
    }
    expect(calls).toEqual([]);
  });

  test("ranges that are denied to others do not open methods to a token without their scope", async () => {
    const { value: key } = await open({ deniedRanges: ["203.0.113.0/24"] });
    expect((await send("/users?limit=1", { key, scope: "read:products" })).status).toBe(403);
    expect((await send("/products?limit=1", { key, scope: "read:products" })).status).toBe(200);
    expect(calls).toEqual(["GET /products"]);
  });
});

describe("models", () => {
  test("a body that the app would refuse too is 400 with the gateway's words", async () => {
    const { value: key } = await open();
    for (const body of [{ name: "" }, { name: "Ana", email: "a@b.co", x: 1 }, [], "{", ""]) {
      const { status, json } = await send("/users", { key, body });
      expect([body, status, json]).toEqual([body, 400, { message: "Invalid request body" }]);
    }
    expect(calls).toEqual([]);
    const left = await send("/users", { key, body: { name: "Ana", email: "nope" } });
    expect(left.json).toMatchObject({ code: "invalid_request" });
    const patch = { "content-type": "application/merge-patch+json" };
    const path = `/users/${newId()}`;
    const refused = await send(path, { method: "PATCH", key, body: { age: 1 }, headers: patch });
    expect(refused.json).toEqual({ message: "Invalid request body" });
    const passed = await send(path, { method: "PATCH", key, body: { age: 20 }, headers: patch });
    expect(passed.json).toMatchObject({ code: "user_not_found" });
  });
});

describe("a model accepts every body that the app accepts:", () => {
  const spaces = [" ", "\n", "\u00a0", "\u3000"];
  // Normalising makes the first of these longer and the second shorter.
  const letters = ["x", "\u0958", "e\u0301", "😀"];
  const words = fc
    .tuple(
      fc.constantFrom("", ...spaces),
      fc.array(fc.constantFrom(...letters), { maxLength: 3 }),
      fc.constantFrom("", ...spaces),
    )
    .map(([before, inside, after]) => before + inside.join("") + after);
  const value = fc.oneof(
    { weight: 6, arbitrary: words },
    fc.constantFrom("x".repeat(64) + " ".repeat(9), "e\u0301".repeat(100), "5551234567"),
    fc.constantFrom(" a@b.co ", "a@b.co", `${"a".repeat(240)}@b.co\t`, "EUR", "active", "archived"),
    { weight: 3, arbitrary: fc.constantFrom(0, 1, -1, 18, 30, 120, 900, 1e9, 1.25, 9_999_999.99) },
    fc.constantFrom(null, true, "disabled"),
    fc.constantFrom([{ productId: newId(), quantity: 1 }], [{ productId: " A ", quantity: 2 }]),
    fc.constantFrom([{}], [1, "x"], { a: { b: [] } }),
  );
  const named = new Map<string, Route>();
  for (const route of routes) {
    const name = route.partner === "none" ? undefined : modelNameOf(route);
    if (name !== undefined) named.set(name, route);
  }
  const models = new Map(partnerRoutes.map(({ routeKey, model }) => [routeKey, model]));

  test.each([...named])("%s", (name, route) => {
    const schema = models.get(routeKeyOf(route))?.schema ?? {};
    const validator = createValidator(name, {
      validate: ["body"],
      requestModels: { "application/json": schema },
    });
    const request = { headers: new Map<string, string>() };
    const { properties = {} } = schema as { properties?: object };
    const members = [...Object.keys(properties), "items", "atomic", "other"];
    const body = fc.oneof(
      { weight: 9, arbitrary: fc.dictionary(fc.constantFrom(...members), value) },
      // As many as possible of the members that the app knows.
      {
        weight: 9,
        arbitrary: fc.record(
          Object.fromEntries(Object.keys(properties).map((key) => [key, likely(key, value)])),
        ),
      },
      { weight: 3, arbitrary: fc.array(value) },
    );
    let accepted = 0;
    fc.assert(
      fc.property(body, (given) => {
        if (route.body?.safeParse(given).success !== true) return;
        accepted++;
        expect([given, validator.body(request, Buffer.from(JSON.stringify(given)))]).toEqual([
          given,
          undefined,
        ]);
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(5);
  });
});

/** Values that a member of this name often takes, so that whole bodies are often valid. */
function likely(name: string, other: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const often: Record<string, unknown[]> = {
    name: ["\u0958", " \u0958\n", "e\u0301".repeat(100), `  ${"x".repeat(100)} `],
    email: [" a@b.co ", `${"a".repeat(240)}@b.co\t`],
    phone: ["5551234567"],
    age: [18, 120],
    price: [0.01, 9_999_999.99, 3],
    currency: ["EUR", "USD"],
    category: ["\u0958".repeat(50), `${"e\u0301".repeat(100)} `],
    description: ["", " ".repeat(5000)],
    sku: [` ${"x".repeat(64)} `],
    status: ["active"],
    initialQuantity: [0, 1e9],
    quantity: [0, 1e9],
    reorderPoint: [0],
    expectedQuantity: [1e9],
    delta: [1, -1e9],
    reason: [" x "],
    reference: ["e\u0301"],
    ttlSeconds: [30, 86_400],
    lines: [[{ productId: newId().toUpperCase(), quantity: 1 }]],
    counts: [[{ productId: newId(), quantity: 0 }], [{ productId: " A ", quantity: 1e9 }]],
  };
  const values = often[name] ?? [];
  return values.length === 0
    ? other
    : fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...values) }, other);
}

describe("the response cache", () => {
  test("is off by default", async () => {
    const { value: key } = await open();
    for (let n = 0; n < 2; n++) await send("/products?limit=1", { key });
    expect(calls.length).toBe(2);
  });

  test("answers lists and records again for 300 s; users never", async () => {
    const { value: key } = await open({ cache: true });
    const { json: made } = await send("/products", { key, body: product() });
    const first = await send(`/products/${made.id}`, { key });
    await send(`/products/${made.id}`, { method: "PATCH", key, body: { name: "Ink" } });
    const second = await send(`/products/${made.id}`, { key });
    expect([second.json.name, second.headers.get("feed-cursor")]).toEqual([
      "Pen",
      first.headers.get("feed-cursor"),
    ]);
    calls.length = 0;
    await send("/users?limit=1", { key });
    await send("/users?limit=1", { key });
    expect(calls).toEqual(["GET /users", "GET /users"]);
  });

  test("keeps answers apart by each declared parameter and by If-None-Match", async () => {
    const { value: key } = await open({ cache: true });
    const category = newId();
    await send("/products", { key, body: product({ category }) });
    const { json: made } = await send("/products", { key, body: product({ category }) });
    const counts = async (query: string) => (await send(`/products?${query}`, { key })).json.count;
    expect(await counts(`category=${category}`)).toBe(2);
    expect(await counts(`category=${category}&limit=1`)).toBe(1);
    expect(await counts(`category=${newId()}`)).toBe(0);
    const tag = { "if-none-match": '"1"' };
    expect((await send(`/products/${made.id}`, { key, headers: tag })).status).toBe(304);
    expect((await send(`/products/${made.id}`, { key })).status).toBe(200);
  });

  test("opens nothing to a token without the scope", async () => {
    const { value: key } = await open({ cache: true });
    const { json: made } = await send("/products", { key, body: product() });
    const path = `/products/${made.id}`;
    expect((await send(path, { key })).status).toBe(200);
    expect((await send(path, { key, scope: "read:items" })).status).toBe(403);
    // The level needs a second scope, which no policy of a method can say.
    const withLevel = `${path}?include=inventory`;
    expect((await send(withLevel, { key })).json.inventory).toMatchObject({ quantity: 0 });
    const partly = await send(withLevel, { key, scope: "read:products" });
    expect([partly.status, partly.json.code]).toEqual([403, "insufficient_scope"]);
    expect((await send(withLevel, { key })).status).toBe(200);
  });

  test("is refreshed by admins, and for others ignores the wish", async () => {
    const { value: key } = await open({ cache: true });
    const { json: made } = await send("/products", { key, body: product() });
    const path = `/inventory/${made.id}`;
    await send(path, { key });
    await send(path, { method: "PUT", key, body: { quantity: 7 } });
    const fresh = { "cache-control": "max-age=0" };
    const other = await send(path, { key, scope: "read:inventory", headers: fresh });
    expect([other.json.quantity, other.headers.get("warning")]).toEqual([
      0,
      expect.stringContaining("199"),
    ]);
    expect((await send(path, { key, headers: fresh })).json.quantity).toBe(7);
    expect((await send(path, { key, scope: "read:inventory" })).json.quantity).toBe(7);
  });
});

describe("rates and quotas", () => {
  test("more requests than the burst of plan basic get Too Many Requests, and are not counted", async () => {
    let now = Date.now();
    const { dataDir, demoKey } = await open({}, undefined, () => now);
    const admitted = async (requests: number) => {
      const answers = await Promise.all(
        Array.from({ length: requests }, () => send("/version", { key: demoKey })),
      );
      const refused = answers.filter(({ status }) => status !== 200);
      for (const { status, text } of refused) {
        expect([status, text]).toEqual([429, '{"message":"Too Many Requests"}']);
      }
      return requests - refused.length;
    };
    expect(await admitted(150)).toBe(100);
    now += 1_000;
    expect(await admitted(60)).toBe(50);
    const [usage] = await laptopKeys(dataDir).usage();
    expect(usage).toMatchObject({ limit: 1000, left: 850 });
  });

  test("a month's quota ends with Limit Exceeded, and a new server goes on counting", async () => {
    const { dataDir, demoKey, value } = await open({ basicQuota: 3 });
    const key = demoKey ?? "";
    const status = async (path = "/health-is-free") => {
      const { status: code, text } = await send(path, { key });
      return [code, code === 429 ? text : ""];
    };
    const exceeded = [429, '{"message":"Limit Exceeded"}'];
    expect(await status("/items?limit=1")).toEqual([200, ""]);
    expect((await send("/items", { key, body: [] })).status).toBe(400); // counted: the key was used
    // The first one is not stopped, as if it had been killed.
    const again = await open({ basicQuota: 3 }, dataDir);
    expect(again.demoKey).toBeUndefined();
    expect(await status("/items?limit=1")).toEqual([200, ""]);
    expect(await status("/items?limit=1")).toEqual(exceeded);
    expect((await send("/health", { scope: null })).status).toBe(200);
    expect((await send("/items?limit=1", { key: value })).status).toBe(200);
    const counted = (await readFile(usageFileOf(dataDir), "utf8")).trim().split("\n");
    expect(
      counted.every((line) => /^\["(basic|production)","[a-z0-9]{10}","\d{4}-/.test(line)),
    ).toBe(true);
  });
});

describe("mapping templates", () => {
  test("a greeting: the name is prefixed once, and the answer has its own shape", async () => {
    const { value: key } = await open();
    const time = expect.stringMatching(/^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000$/);
    for (const [body, message] of [
      [{ name: "Ana" }, "Hello processed_Ana!"],
      [{ name: "processed_Ana" }, "Hello processed_Ana!"],
      [{}, "Hello Unknown!"],
      [{ name: "" }, "Hello Unknown!"],
      [{ name: 'O\'Neil "x" \\ </a> ☕\n${x} $context.stage #if(' }, undefined],
    ] as const) {
      const { status, json } = await send("/hello", { key, body });
      const expected = message ?? `Hello processed_${(body as { name: string }).name}!`;
      expect([status, json]).toEqual([200, { message: expected, time }]);
    }
    expect((await send("/hello", { key, body: { name: 7 } })).json).toEqual({
      message: "Invalid request body",
    });
    const plain = await send("/hello", {
      key,
      body: "x",
      headers: { "content-type": "text/plain" },
    });
    expect([plain.status, plain.json]).toEqual([415, { message: "Unsupported Media Type" }]);
    expect((await send("/hello", { body: {} })).status).toBe(403);
  });

  test("the list of items in another shape, with the same rules as the list", async () => {
    const { value: key } = await open();
    const type = newId();
    const quote = 'it\'s "quoted" \\ </a> {x=1}';
    for (const n of [1.5, 2]) await send("/items", { key, body: { type, n, quote } });
    const path = `/hello/items?type=${type}&limit=1`;
    const first = await send(path, { key, scope: "read:items" });
    expect([first.status, first.json]).toEqual([
      200,
      {
        data: [expect.objectContaining({ type, n: 2, quote })],
        metadata: { count: 1, page: "" },
        links: { self: "/partner/hello/items" },
      },
    ]);
    expect((await send(path, { key, scope: "read:products" })).status).toBe(403);
    const bad = await send("/hello/items?limit=0", { key });
    expect([bad.status, bad.headers.get("content-type"), bad.json.code]).toEqual([
      400,
      "application/problem+json",
      "invalid_parameter",
    ]);
    const { nextToken } = (await send(`/items?type=${type}&limit=1`, { key })).json;
    const second = await send(`${path}&nextToken=${nextToken}`, { key });
    expect(second.json).toMatchObject({
      data: [{ n: 1.5 }],
      metadata: { count: 1, page: nextToken },
    });
  });

  test("an echo shows the request, escaped, and of a credential its scheme only", async () => {
    const { value: key } = await open();
    const odd = "a\"b\\c'd</e>#if($x)";
    const query = new URLSearchParams({ q: odd, [odd]: "1" });
    const body = { n: 1, odd };
    const answer = await send(`/echo/u%22%2F1?${query.toString()}`, { method: "PUT", key, body });
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        userId: "u%22%2F1",
        queryParams: { q: odd, [odd]: "1" },
        headers: { authorization: "Bearer", contentType: "application/json" },
        body,
      },
    ]);
    const raw = await send("/echo/1", {
      key,
      scope: null,
      headers: { authorization: token("admin") },
    });
    expect(raw.json).toEqual({
      userId: "1",
      queryParams: {},
      headers: { authorization: "", contentType: "" },
      body: {},
    });
    expect(raw.text).not.toContain(token("admin").slice(0, 20));
  });
});
