/** The deployed function, given what gateways send and what they never would. */

import { newId } from "@stockwire/core/id";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { event1, event2 } from "./events.ts";

type Result = {
  statusCode: number;
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  body?: string;
};
let handler: (event: unknown) => Promise<Result>;

beforeAll(async () => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    LOG_LEVEL: "silent",
    ALLOWED_ORIGINS: "https://shop.example, https://app.example",
  });
  ({ handler } = (await import("../src/handlers/http.ts")) as unknown as {
    handler: typeof handler;
  });
});

const claims = { sub: "ana", scope: "admin" };
const json = ({ body = "null" }: Result): Record<string, unknown> =>
  JSON.parse(body) as Record<string, unknown>;

describe("input that is not an event", () => {
  test.each([
    undefined,
    null,
    {},
    [],
    "x",
    7,
    { version: "2.0" },
    { httpMethod: "GET" },
    { path: "/users" },
    { rawPath: "/users", requestContext: {} },
    { httpMethod: 7, path: "/users" },
    { httpMethod: "get users", path: "/users" },
    { requestContext: { connectionId: "x", eventType: "CONNECT", routeKey: "$connect" } },
    { Records: [{ eventSource: "aws:dynamodb" }] },
  ])("%j is 400, never a crash", async (event) => {
    const result = await handler(event);
    expect(result.statusCode).toBe(400);
    expect(json(result)["code"]).toBe("invalid_request");
  });

  test("no JSON value makes the handler throw or answer 5xx", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        expect((await handler(value)).statusCode).toBe(400);
      }),
      { numRuns: 300 },
    );
    const anything = fc.jsonValue();
    const shaken = fc.record(
      {
        version: anything,
        rawPath: fc.oneof(fc.webPath(), fc.string(), anything),
        rawQueryString: fc.oneof(fc.webQueryParameters(), fc.string(), anything),
        headers: fc.oneof(fc.dictionary(fc.string(), fc.oneof(fc.string(), anything)), anything),
        cookies: anything,
        body: fc.oneof(fc.string(), anything),
        isBase64Encoded: fc.oneof(fc.boolean(), anything),
        requestContext: fc.record(
          {
            http: fc.record({
              method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "TRACE", "x"),
            }),
            stage: fc.oneof(fc.string(), anything),
            authorizer: fc.oneof(fc.constant({ jwt: { claims } }), anything),
            requestId: anything,
            domainName: fc.oneof(fc.string(), anything),
            elb: anything,
            serviceArn: anything,
          },
          { requiredKeys: ["http"] },
        ),
        multiValueHeaders: anything,
        multiValueQueryStringParameters: anything,
        queryStringParameters: anything,
        httpMethod: fc.constantFrom("GET", "POST", "OPTIONS"),
        path: fc.oneof(fc.webPath(), fc.string()),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(shaken, async (event) => {
        const { statusCode, headers, multiValueHeaders } = await handler(event);
        expect(statusCode).toBeLessThan(500);
        const type = headers?.["content-type"] ?? multiValueHeaders?.["content-type"]?.[0];
        // Every refusal is the app's own, none the adapter's.
        if (statusCode >= 400) expect(type).toBe("application/problem+json");
      }),
      { numRuns: 1_000 },
    );
  }, 60_000);
});

describe("the caller of a REST API", () => {
  const rest = (authorizer: unknown, more: object = {}) => ({
    ...event1({ method: "GET", path: "/me" }),
    requestContext: { path: "/partner/me", stage: "partner", authorizer },
    ...more,
  });
  const me = async (event: unknown) => {
    const result = await handler(event);
    return result.statusCode === 200 ? json(result) : result.statusCode;
  };

  test("is what the authorizer has verified", async () => {
    const scope = "read:users stockwire/read:items";
    const caller = { principalId: "ana", userId: "ana", role: "partner", scope };
    expect(await me(rest(caller))).toMatchObject({
      sub: "ana",
      scopes: ["read:users", "read:items"],
    });
    expect(await me(rest({ ...caller, role: "admin", scope: "admin" }))).toMatchObject({
      scopes: ["admin"],
    });
    for (const bad of [
      undefined,
      null,
      {},
      { userId: "" },
      { userId: 7 },
      { principalId: "ana" },
    ]) {
      expect(await me(rest(bad))).toBe(401);
    }
  });

  test("has the scopes that the authorizer gives; its role is only a label", async () => {
    const caller = { userId: "ana", role: "partner", scope: "admin read:users" };
    expect(await me(rest(caller))).toMatchObject({ scopes: ["admin", "read:users"] });
  });

  test("cannot be forged by what a client sends, nor in an event of an HTTP API", async () => {
    const forged = { userId: "eve", role: "admin", scope: "admin" };
    const lines = {
      userId: "eve",
      scope: "admin",
      authorizer: JSON.stringify(forged),
      "x-amzn-request-context": JSON.stringify({ authorizer: forged }),
    };
    expect(
      await me(
        rest(undefined, {
          headers: lines,
          multiValueHeaders: null,
          stageVariables: lines,
          pathParameters: lines,
          authorizer: forged,
        }),
      ),
    ).toBe(401);
    const event = event2({ method: "GET", path: "/me", headers: lines });
    expect(
      await me({ ...event, requestContext: { ...event.requestContext, authorizer: forged } }),
    ).toBe(401);
  });

  test("the stage's variables are shown by /version, and select no table", async () => {
    const made = await handler(
      event1({
        method: "POST",
        path: "/items",
        body: '{"a":1}',
        headers: { "content-type": "application/json" },
        claims,
      }),
    );
    const { id } = json(made);
    const stageVariables = { lambdaAlias: "prod", tableName: "another-table", secret: "x" };
    const event = { ...event1({ method: "GET", path: "/version" }), stageVariables };
    expect(json(await handler(event))["stageVariables"]).toEqual({
      lambdaAlias: "prod",
      tableName: "another-table",
    });
    expect(json(await handler({ ...event, stageVariables: null }))).not.toHaveProperty(
      "stageVariables",
    );
    const read = event1({ method: "GET", path: `/items/${String(id)}`, claims });
    expect((await handler({ ...read, stageVariables })).statusCode).toBe(200);
  });
});

describe("events written by hand", () => {
  test("method, resource and parameters are enough", async () => {
    const id = newId();
    const result = await handler({
      httpMethod: "GET",
      resource: "/users/{id}",
      pathParameters: { id },
      headers: {},
      requestContext: { authorizer: { userId: "ana", scope: "read:users" } },
    });
    expect(json(result)["code"]).toBe("user_not_found");
    expect((await handler({ httpMethod: "GET", path: "/health" })).statusCode).toBe(200);
  });

  test("the stage prefix is removed, and nothing else", async () => {
    const v2 = event2({ method: "GET", path: "/prod/hello" });
    v2.requestContext.stage = "prod";
    expect((await handler(v2)).statusCode).toBe(200);
    const v1 = { ...event1({ method: "GET", path: "/prod/hello" }) };
    expect((await handler(v1)).statusCode).toBe(200);
    expect((await handler(event2({ method: "GET", path: "/prod/hello" }))).statusCode).toBe(404);
  });

  describe("the stage, or a mapping of a custom domain, is not part of the route:", () => {
    const mounted2 = (
      routeKey: string,
      rawPath: string,
      parameters?: object,
      stage = "$default",
    ) => {
      const [method = "", pattern = ""] = routeKey.split(" ");
      const event = event2({ method: method.replace("ANY", "GET"), path: pattern, claims });
      return {
        ...event,
        routeKey,
        rawPath,
        pathParameters: parameters,
        requestContext: { ...event.requestContext, routeKey, stage },
      };
    };
    const mounted1 = (
      method: string,
      resource: string,
      path: string,
      asked: string,
      pathParameters: object | null = null,
    ) => {
      const event = event1({ method, path, claims });
      const requestContext = { ...event.requestContext, path: asked };
      return { ...event, resource, pathParameters, requestContext };
    };
    const id = "0193c2f4-0000-7000-8000-000000000000";

    test.each([
      ["2.0, a mapping", mounted2("GET /hello", "/v2/hello"), "Hello"],
      ["2.0, a stage called as a route", mounted2("GET /health", "/health/health", {}, "health")],
      ["2.0, a parameter", mounted2("GET /users/{id}", `/v2/users/${id}`, { id }), "user_not"],
      ["2.0, every path", mounted2("ANY /{proxy+}", "/v2/hello", { proxy: "hello" }), "Hello"],
      ["1.0, a base path", mounted1("GET", "/hello", "/shop/hello", "/shop/hello"), "Hello"],
      [
        "1.0, every path",
        mounted1("GET", "/{proxy+}", "/shop/hello", "/shop/hello", { proxy: "hello" }),
        "Hello",
      ],
      [
        "1.0, a parameter",
        mounted1("GET", "/users/{id}", `/shop/users/${id}`, `/shop/users/${id}`, { id }),
        "user_not",
      ],
    ])("%s", async (_, event, text = "ok") => {
      expect((await handler(event)).body).toContain(text);
    });

    test("a slash within a parameter does not move the route", async () => {
      const event = mounted2("GET /items/{id}", "/items/items/x", { id: "items/x" });
      expect(json(await handler(event))["code"]).toBe("route_not_found");
    });

    test.each([
      ["2.0", mounted2("POST /items", "/dev/items", undefined, "dev"), "/dev"],
      ["2.0", mounted2("POST /items", "/v2/shop/items"), "/v2/shop"],
      ["2.0", mounted2("POST /items", "/items"), ""],
      ["1.0", mounted1("POST", "/items", "/items", "/prod/items"), "/prod"],
      ["1.0", mounted1("POST", "/items", "/shop/items", "/shop/items"), "/shop"],
      ["1.0", mounted1("POST", "/items", "/items", "/items"), ""],
    ])("payload %s: links start with it (%#)", async (_, event, base) => {
      const headersOf = (result: Result) =>
        new Headers([
          ...Object.entries(result.headers ?? {}),
          ...Object.entries(result.multiValueHeaders ?? {}).map(
            ([name, values]) => [name, values.join()] as [string, string],
          ),
        ]);
      const created = await handler({ ...event, body: "{}" });
      expect(created.statusCode).toBe(201);
      expect(headersOf(created).get("location")).toMatch(new RegExp(`^${base}/items/item_`));
      const refused = await handler({ ...event, body: "{" });
      expect(json(refused)["type"]).toBe(`${base}/docs/problems#invalid_json`);
    });
  });

  test("a base64 body is decoded; a GET's body has no meaning", async () => {
    const event = event2({
      method: "POST",
      path: "/items",
      headers: { "content-type": "application/json" },
      claims,
    });
    const body = Buffer.from('{"name":"Ünïcode"}').toString("base64");
    const result = await handler({ ...event, body, isBase64Encoded: true });
    expect(json(result)["name"]).toBe("Ünïcode");
    const got = await handler({ ...event2({ method: "GET", path: "/health" }), body: "x" });
    expect(got.statusCode).toBe(200);
    const broken = await handler({ ...event, body: "%%%", isBase64Encoded: true });
    expect(broken.statusCode).toBe(400);
  });

  test("the path is what the gateway decoded, whatever it contains", async () => {
    for (const id of ["a#b", "a?b=c", "100%", "a b", "☕"]) {
      const event = event2({ method: "GET", path: "/items/x", claims });
      event.rawPath = `/items/${id}`;
      const result = await handler(event);
      expect([id, json(result)["code"]]).toEqual([id, "item_not_found"]);
    }
    for (const path of [
      "/items/..",
      "//items",
      "/items//",
      "items",
      "/./items",
      "/users/../items",
    ]) {
      const event = event2({ method: "GET", path: "/items", claims });
      event.rawPath = path;
      expect([path, json(await handler(event))["code"]]).toEqual([path, "route_not_found"]);
    }
  });

  test.each(["TRACE", "TRACK", "CONNECT", "PURGE"])("%s is 405 or 404", async (method) => {
    for (const eventOf of [event1, event2]) {
      const known = await handler(eventOf({ method, path: "/users", claims }));
      expect([known.statusCode, json(known)["detail"]]).toEqual([405, "Method not allowed"]);
      expect(JSON.stringify(known)).toMatch(/"allow":(?:\[)?"GET, POST"/i);
      expect((await handler(eventOf({ method, path: "/nope", claims }))).statusCode).toBe(404);
    }
  });

  test("scopes count in scope and in scp", async () => {
    const both = { sub: "ana", scope: "openid", scp: ["read:items", "openid"] };
    const event = event2({ method: "GET", path: "/me", claims: both });
    const { statusCode, body } = await handler(event);
    expect([statusCode, JSON.parse(body ?? "").scopes]).toEqual([200, ["openid", "read:items"]]);
  });

  test("an empty name is greeted as the default", async () => {
    const { body } = await handler(event2({ method: "GET", path: "/hello?name=" }));
    expect(JSON.parse(body ?? "").message).toContain("Hello, World!");
  });

  test("claims that are empty or come from a client's header are ignored", async () => {
    const bare = event2({ method: "GET", path: "/users" });
    for (const authorizer of [
      undefined,
      {},
      { jwt: {} },
      { jwt: { claims: {} } },
      { jwt: { claims: { sub: "" } } },
      { userId: "" },
    ]) {
      const event = { ...bare, requestContext: { ...bare.requestContext, authorizer } };
      expect((await handler(event)).statusCode).toBe(401);
    }
    const forged = event2({
      method: "GET",
      path: "/users",
      headers: { "x-amzn-claims": JSON.stringify(claims) },
    });
    expect((await handler(forged)).statusCode).toBe(401);
  });
});

describe("results", () => {
  test.each([
    ["2.0", event2],
    ["1.0", event1],
  ] as const)("%s has a status, flat headers and a string body", async (_, eventOf) => {
    for (const [method, path, body] of [
      ["GET", "/users", undefined],
      ["GET", "/nope", undefined],
      ["POST", "/users", "{"],
      ["GET", "/docs", undefined],
      ["GET", "/openapi.json", undefined],
    ] as const) {
      const result = await handler(eventOf({ method, path, body, claims }));
      expect(Number.isInteger(result.statusCode)).toBe(true);
      expect(typeof result.body).toBe("string");
      expect(result).toMatchObject({ isBase64Encoded: false });
      expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    }
  });

  test("only listed origins get CORS headers, each its own, with credentials", async () => {
    const from = async (Origin: string) =>
      (await handler(event2({ method: "GET", path: "/hello", headers: { Origin } }))).headers ?? {};
    const listed = await from("https://app.example");
    expect(listed["access-control-allow-origin"]).toBe("https://app.example");
    expect(listed["access-control-allow-credentials"]).toBe("true");
    expect(listed["vary"]).toBe("Origin");
    for (const origin of [
      "https://evil.example",
      "null",
      "https://app.example.evil.example",
      "*",
    ]) {
      expect(await from(origin)).not.toHaveProperty("access-control-allow-origin");
    }
  });

  test("behind TLS answers carry HSTS", async () => {
    const { headers } = await handler(event2({ method: "GET", path: "/hello" }));
    expect(headers?.["strict-transport-security"]).toMatch(/^max-age=\d{8}/);
  });
});

describe("the log of a deployed function", () => {
  /** Loads the handler with a level, and returns the lines that one request writes. */
  const linesOf = async (level: string, event: unknown) => {
    vi.resetModules();
    vi.stubEnv("LOG_LEVEL", level);
    const written: string[] = [];
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    try {
      const loaded = (await import("../src/handlers/http.ts")) as unknown as {
        handler: typeof handler;
      };
      await loaded.handler(event);
    } finally {
      write.mockRestore();
      vi.unstubAllEnvs();
    }
    return written
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  test.each([
    ["2.0", event2, "205.255.255.176"],
    ["1.0", event1, "192.0.2.1"],
  ] as const)("payload %s: info says who asked", async (_, eventOf, sourceIp) => {
    const event = eventOf({ method: "GET", path: "/health" });
    expect(await linesOf("info", event)).toMatchObject([
      { message: "request", sourceIp, userAgent: "test" },
    ]);
  });

  test.each(["debug", "trace"])("%s also has the event and the answer, redacted", async (level) => {
    const canary = "c4n4ry";
    const headers = { authorization: `Bearer ${canary}`, "content-type": "application/json" };
    const body = JSON.stringify({ name: "Visible", email: `${canary}${newId()}@example.com` });
    const event = event2({ method: "POST", path: "/users", headers, body, claims });
    const lines = await linesOf(level, event);
    expect(lines.map(({ message }) => message)).toEqual(["event", "request", "answer"]);
    expect(lines[0]).toMatchObject({ event: { body: { name: "Visible" } } });
    expect(lines[2]).toMatchObject({ answer: { statusCode: 201, body: { name: "Visible" } } });
    expect(JSON.stringify(lines)).not.toContain(canary);
  });
});
