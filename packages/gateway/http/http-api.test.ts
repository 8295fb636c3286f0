import { readFileSync } from "node:fs";
import { connect } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RawResponse } from "../cases/raw-http.ts";
import { createConcurrency } from "../concurrency.ts";
import { echo, header, serveApi } from "../test/fixture.ts";
import { createHttpApi } from "./http-api.ts";

const text = ({ status, body }: RawResponse) => `${status} ${body.toString()}`;
const json = ({ body }: RawResponse): Record<string, unknown> => JSON.parse(body.toString());
const onError = () => undefined;
const origin = (value: string) => [["Origin", value]] as const;

test("a result crosses a JSON boundary on its way to the client", async () => {
  class Point {
    x = 1;
    get y() {
      return 2;
    }
  }
  const handler = () => ({
    nothing: undefined,
    date: new Date(0),
    bytes: Buffer.from("a"),
    point: new Point(),
    number: NaN,
  });
  const { send } = await serveApi({ routes: [{ routeKey: "GET /", handler }] });
  expect(text(await send({}))).toBe(
    '200 {"date":"1970-01-01T00:00:00.000Z","bytes":{"type":"Buffer","data":[97]},"point":{"x":1},"number":null}',
  );
});

test("a function that returns undefined responds with null", async () => {
  const { send } = await serveApi({ routes: [{ routeKey: "GET /", handler: () => undefined }] });
  expect(text(await send({}))).toBe("200 null");
});

test("the context of a handler has the function name and the remaining time", async () => {
  const { send } = await serveApi({
    routes: [
      {
        routeKey: "GET /",
        functionName: "stockwire-http",
        timeoutMs: 5000,
        handler: (_, context) => ({
          name: context.functionName,
          id: context.awsRequestId.length,
          left:
            context.getRemainingTimeInMillis() > 4000 && context.getRemainingTimeInMillis() <= 5000,
        }),
      },
    ],
  });
  expect(json(await send({}))).toEqual({ name: "stockwire-http", id: 36, left: true });
});

test("more invocations at a time than the account may have are answered 503 without waiting", async () => {
  const results: PromiseWithResolvers<string>[] = [];
  const started: PromiseWithResolvers<void>[] = [0, 1, 2].map(() => Promise.withResolvers());
  const handler = () => {
    const result = Promise.withResolvers<string>();
    started[results.length]?.resolve();
    results.push(result);
    return result.promise;
  };
  const concurrency = createConcurrency(2);
  const { send, problems } = await serveApi({
    routes: [{ routeKey: "GET /", handler }],
    concurrency,
  });
  const first = send({});
  await started[0]?.promise;
  const second = send({});
  await started[1]?.promise;
  expect(text(await send({}))).toBe('503 {"message":"Service Unavailable"}');
  results[0]?.resolve("a");
  expect(text(await first)).toBe("200 a");
  const third = send({});
  await started[2]?.promise;
  for (const each of results) each.resolve("b");
  expect([text(await second), text(await third)]).toEqual(["200 b", "200 b"]);
  expect(problems).toEqual([]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("secret");
    },
    "secret",
  ],
  ["rejects", () => Promise.reject(new Error("secret")), "secret"],
  [
    "returns a circle",
    () => {
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      return circle;
    },
    "circular",
  ],
  ["returns a BigInt", () => ({ n: 1n }), "BigInt"],
  ["returns more than 6 MB", () => "x".repeat(6 * 1024 * 1024), "exceeded"],
  ["returns a status that is text", () => ({ statusCode: "ok" }), "malformed"],
  ["returns a status that is not an integer", () => ({ statusCode: 200.5 }), "malformed"],
  ["returns a 1xx status", () => ({ statusCode: 101 }), "malformed"],
  ["returns a body that is not text", () => ({ statusCode: 200, body: { a: 1 } }), "malformed"],
  [
    "returns a header value with a line break",
    () => ({ statusCode: 200, headers: { a: "b\r\nc: d" } }),
    "malformed",
  ],
  [
    "returns a cookie with a line break",
    () => ({ statusCode: 200, cookies: ["a\r\nb: c"] }),
    "malformed",
  ],
])(
  "a function that %s is a 500 with AWS's body and is reported once",
  async (_, handler, reason) => {
    const { send, problems } = await serveApi({ routes: [{ routeKey: "GET /", handler }] });
    const response = await send({});
    expect(text(response)).toBe('500 {"message":"Internal Server Error"}');
    expect(String(problems[0]?.error)).toContain(reason);
    expect(problems).toHaveLength(1);
  },
);

test("writes cookies, base64 bodies and its own headers as AWS does", async () => {
  const result = {
    statusCode: 201,
    headers: { "x-MIXED-case": "1", "content-length": "999", connection: "close" },
    cookies: ["a=1", "b=2; Path=/"],
    body: "iVBORw==",
    isBase64Encoded: true,
  };
  const { send } = await serveApi({ routes: [{ routeKey: "GET /", handler: () => result }] });
  const { status, headers, body } = await send({});
  expect(status).toBe(201);
  expect(body.toString("base64")).toBe("iVBORw==");
  expect(headers.filter(([name]) => name === "Set-Cookie")).toEqual([
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2; Path=/"],
  ]);
  expect(headers).toContainEqual(["X-Mixed-Case", "1"]);
  expect(headers).toContainEqual(["Content-Length", "4"]);
  expect(headers).toContainEqual(["Connection", "keep-alive"]);
  expect(headers.map(([name]) => name)).toContain("Apigw-Requestid");
});

test("format 1.0 keeps the encoded path, the header case and all values, and merges response headers", async () => {
  const lists = {
    headers: { "x-list": "single" },
    multiValueHeaders: { "x-list": ["multi1", "multi2"] },
  };
  const { send } = await serveApi({
    routes: [
      {
        routeKey: "POST /u/{name}",
        handler: (event) => ({ statusCode: 200, ...lists, body: JSON.stringify(event) }),
        payloadFormatVersion: "1.0",
      },
    ],
  });
  const response = await send({
    method: "POST",
    target: "/u/a%20b?q=1&q=%C3%A9+x",
    headers: [
      ["X-Two", "1"],
      ["X-Two", "2"],
      ["Cookie", "a=b"],
    ],
  });
  const event = json(response);
  expect(event).toMatchObject({
    version: "1.0",
    resource: "/u/{name}",
    path: "/u/a%20b",
    pathParameters: { name: "a b" },
    queryStringParameters: { q: "é x" },
    multiValueQueryStringParameters: { q: ["1", "é x"] },
    headers: { "X-Two": "2", Cookie: "a=b", "Content-Length": "0" },
    multiValueHeaders: { "X-Two": ["1", "2"] },
    body: null,
    requestContext: { path: "/u/a b", resourceId: "POST /u/{name}", identity: { userAgent: "" } },
  });
  expect(header(response, "content-type")).toBe("text/plain; charset=utf-8");
  const list = response.headers.filter(([name]) => name === "X-List").map(([, value]) => value);
  expect(list).toEqual(["single", "multi1", "multi2"]);
});

test("a result in format 1.0 without a status code is a 500", async () => {
  const { send } = await serveApi({
    routes: [{ routeKey: "GET /", handler: () => ({ body: "x" }), payloadFormatVersion: "1.0" }],
  });
  expect((await send({})).status).toBe(500);
});

test("a path must begin with the name of the stage, and events show it", async () => {
  const { send } = await serveApi({
    stage: "dev",
    routes: [{ routeKey: "GET /a", handler: echo }],
  });
  expect(json(await send({ target: "/dev/a" }))).toMatchObject({
    rawPath: "/dev/a",
    requestContext: { stage: "dev" },
  });
  expect((await send({ target: "/a" })).status).toBe(404);
  expect((await send({ target: "/development/a" })).status).toBe(404);
});

test("an event has the raw and the decoded query, also of names such as __proto__", async () => {
  const { send } = await serveApi({ routes: [{ routeKey: "GET /", handler: echo }] });
  const response = await send({
    target: "/?q=a%20b&q=c%2Cd&__proto__=x&flag",
    headers: [["__proto__", "y"]],
  });
  const event = json(response);
  expect(event["rawQueryString"]).toBe("q=a%20b&q=c%2Cd&__proto__=x&flag");
  expect(Object.entries(event["queryStringParameters"] ?? {})).toEqual([
    ["q", "a b,c,d"],
    ["__proto__", "x"],
    ["flag", ""],
  ]);
  expect(Object.entries(event["headers"] ?? {})).toContainEqual(["__proto__", "y"]);
});

test.each([
  ["/%", "a lone percent sign"],
  ["/%ff", "bytes that are not UTF-8"],
  ["/%e0%80%af", "an overlong slash"],
  ["/a#b", "a fragment"],
  ["/?q=%zz", "a malformed escape in the query"],
  ["users", "no leading slash"],
  ["*", "an asterisk"],
])("the gateway refuses the target %s with 400: %s", async (target) => {
  const { send } = await serveApi({ routes: [{ routeKey: "$default", handler: echo }] });
  const response = await send({ target });
  expect(text(response)).toBe('400 {"message":"Bad Request"}');
});

const corpus: { items: { t: string }[] } = JSON.parse(
  readFileSync(new URL("../test/corpora/hostile-paths.json", import.meta.url), "utf8"),
);

test("no hostile path reaches another route or causes a server error", async () => {
  const { send, problems } = await serveApi({
    routes: [
      { routeKey: "GET /users/{id}", handler: () => ({ statusCode: 200, body: "one" }) },
      { routeKey: "GET /users", handler: () => ({ statusCode: 200, body: "list" }) },
    ],
  });
  const statuses = new Set<number>();
  const listed: string[] = [];
  for (const { t } of corpus.items) {
    const target = t
      .replace("{p}", "/users")
      .replace("{last}", "users")
      .replace("{enc1}", "/%75sers");
    const response = await send({ target });
    statuses.add(response.status);
    if (response.body.toString() === "list") listed.push(target);
  }
  expect(statuses).toEqual(new Set([200, 400, 404]));
  // The same path in other spellings (RFC 3986, section 6.2.2.2).
  expect(listed).toEqual(["/users?", "/%75sers"]);
  expect(problems).toEqual([]);
});

const byte = fc.constantFrom(...'/%.?#;{}+&=,:@~\\"<|a2f0\u0000 \u00e9'.split(""));

test("no request target causes a server error", async () => {
  const { send, problems } = await serveApi({
    routes: [
      { routeKey: "GET /{a}/{b+}", handler: echo },
      { routeKey: "$default", handler: echo, payloadFormatVersion: "1.0" },
    ],
  });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: byte, maxLength: 40 }), async (path) => {
      expect((await send({ target: `/${path}` })).status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
  expect(problems).toEqual([]);
});

test("a head of 10 240 bytes passes, a longer one is 431", async () => {
  const { send } = await serveApi({ routes: [{ routeKey: "$default", handler: echo }] });
  const base = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n".length - 2;
  const pad = (bytes: number) =>
    send({
      headers: [
        ["Host", "h"],
        ["X", "a".repeat(bytes - base)],
      ],
    });
  expect((await pad(10_240)).status).toBe(200);
  expect(text(await pad(10_241))).toBe('431 {"message":"Request Header Fields Too Large"}');
});

test("the limit of a body applies to chunked bodies too", async () => {
  const { send } = await serveApi({ routes: [{ routeKey: "POST /", handler: echo }] });
  const chunked = (size: number) =>
    send({
      method: "POST",
      headers: [
        ["Transfer-Encoding", "chunked"],
        ["Content-Type", "text/plain"],
      ],
      body: Buffer.from(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n0\r\n\r\n`),
    });
  expect(json(await chunked(5))).toMatchObject({
    body: "xxxxx",
    headers: { "content-length": "5" },
  });
  expect((await chunked(10 * 1024 * 1024 + 1)).status).toBe(413);
});

test("clients that disconnect in the middle of a request do no harm", async () => {
  const gone = Promise.withResolvers<void>();
  const { port, send, problems } = await serveApi({
    routes: [
      { routeKey: "POST /", handler: echo },
      {
        routeKey: "GET /slow",
        handler: async () => {
          await gone.promise;
          return { statusCode: 200, body: "late" };
        },
      },
    ],
  });
  const abort = (bytes: string) =>
    new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(bytes, () => socket.resetAndDestroy());
      });
      socket.on("close", () => resolve());
      socket.on("error", () => undefined);
    });
  await abort("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
  await abort("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  await abort("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  gone.resolve();
  expect((await send({ method: "POST" })).status).toBe(200);
  expect(problems).toEqual([]);
});

test("an integration timeout is a reported 503, and a later failure of the function is ignored", async () => {
  const late = Promise.withResolvers<never>();
  const { send, problems } = await serveApi({
    routes: [{ routeKey: "GET /", handler: () => late.promise, timeoutMs: 50 }],
  });
  expect(text(await send({}))).toBe('503 {"message":"Service Unavailable"}');
  late.reject(new Error("too late"));
  await expect(late.promise).rejects.toThrow("too late");
  expect(problems).toHaveLength(1);
});

test("routes without a throttle share that of the stage, and all share that of the account", async () => {
  let now = 0;
  const { send } = await serveApi({
    clock: () => now,
    throttle: { rate: 1, burst: 1 },
    accountThrottle: { rate: 1, burst: 3 },
    routes: [
      { routeKey: "GET /a", handler: () => "a" },
      { routeKey: "GET /b", handler: () => "b" },
      { routeKey: "GET /own", handler: () => "own", throttle: { rate: 10, burst: 10 } },
    ],
  });
  const get = async (target: string) => (await send({ target })).status;
  expect(await get("/a")).toBe(200);
  expect(await get("/b")).toBe(429);
  expect([await get("/own"), await get("/own"), await get("/own")]).toEqual([200, 200, 429]);
  now = 1000;
  expect(await get("/b")).toBe(200);
});

test("CORS headers are on errors of the gateway and on 204, and replace those of the function", async () => {
  const { send } = await serveApi({
    cors: { allowOrigins: ["https://a.example", "http://*"], exposeHeaders: ["ETag"] },
    routes: [
      {
        routeKey: "DELETE /",
        handler: () => ({ statusCode: 204, headers: { "Access-Control-Allow-Headers": "x" } }),
      },
    ],
  });
  const missing = await send({ target: "/nope", headers: origin("https://a.example") });
  expect(missing.status).toBe(404);
  expect(header(missing, "access-control-allow-origin")).toBe("https://a.example");
  expect(header(missing, "access-control-expose-headers")).toBe("ETag");
  const removed = await send({ method: "DELETE", headers: origin("http://any.example") });
  expect(removed.status).toBe(204);
  expect(header(removed, "access-control-allow-origin")).toBe("http://any.example");
  expect(header(removed, "access-control-allow-headers")).toBeUndefined();
});

test.each(["https://a.example.evil", "https://A.example", "null", ""])(
  "the origin %j is not https://a.example",
  async (other) => {
    const { send } = await serveApi({
      cors: { allowOrigins: ["https://a.example"] },
      routes: [{ routeKey: "GET /", handler: () => "served" }],
    });
    const response = await send({ headers: origin(other) });
    expect(text(response)).toBe("200 served");
    expect(header(response, "access-control-allow-origin")).toBeUndefined();
  },
);

test("an answer for one origin is not kept by a cache for another one", async () => {
  const varyOf = async (allowOrigins: string[]) => {
    const routes = [{ routeKey: "GET /", handler: () => "served" }];
    const { send } = await serveApi({ cors: { allowOrigins }, routes });
    return header(await send({ headers: origin("https://a.example") }), "vary");
  };
  expect(await varyOf(["https://a.example", "https://b.example"])).toBe("Origin");
  expect(await varyOf(["*"])).toBeUndefined(); // the same for all
});

test("an OPTIONS request is a preflight only with both headers and is routed otherwise", async () => {
  const { send } = await serveApi({
    cors: { allowOrigins: ["*"], allowMethods: ["GET"] },
    routes: [{ routeKey: "OPTIONS /", handler: () => "mine" }],
  });
  const headers = origin("https://a.example");
  expect(text(await send({ method: "OPTIONS", headers }))).toBe("200 mine");
  const preflight = await send({
    method: "OPTIONS",
    headers: [...headers, ["Access-Control-Request-Method", "GET"]],
  });
  expect(preflight.status).toBe(204);
  expect(header(preflight, "access-control-allow-origin")).toBe("*");
});

test("the access log has one record for each response, also for refused requests", async () => {
  const { send, log } = await serveApi({
    clock: () => Date.UTC(2025, 3, 14, 22, 13, 56),
    routes: [{ routeKey: "GET /a", handler: () => "12345" }],
  });
  const response = await send({ target: "/a", headers: [["User-Agent", "t"]] });
  await send({ target: "/%" });
  expect(log).toEqual([
    {
      requestId: header(response, "apigw-requestid"),
      ip: "127.0.0.1",
      requestTime: "14/Apr/2025:22:13:56 +0000",
      httpMethod: "GET",
      path: "/a",
      routeKey: "GET /a",
      stage: "$default",
      protocol: "HTTP/1.1",
      userAgent: "t",
      status: 200,
      responseLength: 5,
      responseLatency: expect.any(Number),
      integrationLatency: expect.any(Number),
    },
    expect.objectContaining({ status: 400, routeKey: "-" }),
  ]);
});

test.each([
  [{ routes: [{ routeKey: "GET /", handler: echo, authorizer: "typo" }] }, "no authorizer typo"],
  [{ routes: [{ routeKey: "GET /", handler: echo, scopes: ["a"] }] }, "scopes need an authorizer"],
  [{ routes: [{ routeKey: "GET /", handler: echo, timeoutMs: 30_001 }] }, "timeoutMs"],
  [{ routes: [], cors: { allowOrigins: ["*"], allowCredentials: true } }, "allowCredentials"],
])("refuses a configuration that AWS refuses: %#", (config, reason) => {
  expect(() => createHttpApi({ ...config, onError })).toThrow(reason);
});
