import { expect, test } from "vitest";
import { createConcurrency } from "../concurrency.ts";
import type { RawResponse } from "../cases/raw-http.ts";
import { echo, header, serveApi, serveRest } from "../test/fixture.ts";
import { createRestApi } from "./rest-api.ts";
import { awsLambda } from "./stream.ts";

const json = ({ body }: RawResponse) => JSON.parse(body.toString()) as Record<string, unknown>;
const text = ({ status, body }: RawResponse) => `${status} ${body.toString()}`;
const ok = { statusCode: 200, body: "ok" };
const returning = (result: unknown) =>
  serveRest({ routes: [{ routeKey: "GET /", handler: () => result }] });

test.each([
  ["GET /a/b", "GET /a/b"],
  ["GET /a/c", "GET /a/{id}"],
  ["GET /a/c/", "GET /a/{id}"],
  ["POST /a/b", "POST /{proxy+}"],
  ["GET /x/y/z", "none"],
  ["POST /x/y/z/", "POST /{proxy+}"],
  ["DELETE /any", "ANY /any"],
  ["TRACE /any", "none"],
  ["POST ", "none"],
])("%s is served by %s", async (requested, expected) => {
  const { send } = await serveRest({
    routes: ["GET /a/b", "GET /a/{id}", "POST /{proxy+}", "ANY /any"].map((routeKey) => ({
      routeKey,
      handler: echo,
    })),
  });
  const [method = "", path = ""] = requested.split(" ");
  const response = await send({ method, target: `/dev${path}` });
  const { resource, httpMethod } =
    response.status === 200 ? json(response) : { resource: "none", httpMethod: "" };
  const served = [`${String(httpMethod)} ${String(resource)}`, `ANY ${String(resource)}`];
  if (expected === "none")
    expect(text(response)).toBe('403 {"message":"Missing Authentication Token"}');
  else expect(served).toContain(expected);
});

test("a slash at the end is kept in the path and left out of the parameter", async () => {
  const { send } = await serveRest({ routes: [{ routeKey: "ANY /{proxy+}", handler: echo }] });
  expect(json(await send({ target: "/dev/a//b/" }))).toMatchObject({
    path: "/a//b/",
    pathParameters: { proxy: "a//b" },
  });
  expect(json(await send({ target: "/dev//x" }))).toMatchObject({
    path: "/x",
    requestContext: { path: "/dev//x" },
  });
});

test("query parameters are decoded; the single map has the last value", async () => {
  const { send } = await serveRest({ routes: [{ routeKey: "GET /q", handler: echo }] });
  expect(json(await send({ target: "/dev/q?a=1+2&a=%C3%A4&b" }))).toMatchObject({
    queryStringParameters: { a: "ä", b: "" },
    multiValueQueryStringParameters: { a: ["1 2", "ä"], b: [""] },
  });
});

test("names of headers and parameters may be those of an object's members", async () => {
  const { send } = await serveRest({ routes: [{ routeKey: "GET /q", handler: echo }] });
  const headers: [string, string][] = [
    ["__proto__", "a"],
    ["constructor", "b"],
  ];
  const event = json(await send({ target: "/dev/q?__proto__=c&constructor=d", headers }));
  const entries = (member: string) => Object.entries(event[member] ?? {});
  expect(entries("headers")).toEqual(expect.arrayContaining(headers));
  expect(entries("multiValueHeaders")).toEqual(
    expect.arrayContaining(headers.map(([name, value]) => [name, [value]])),
  );
  expect(entries("queryStringParameters")).toEqual([
    ["__proto__", "c"],
    ["constructor", "d"],
  ]);
});

test("stage variables and the method override reach the event", async () => {
  const { send } = await serveRest({
    stageVariables: { tableName: "t-1" },
    routes: [{ routeKey: "DELETE /a", handler: echo }],
  });
  const headers = [["X-HTTP-Method-Override", "DELETE"]] as const;
  expect(json(await send({ method: "POST", target: "/dev/a", headers }))).toMatchObject({
    httpMethod: "DELETE",
    stageVariables: { tableName: "t-1" },
  });
});

test("a base path replaces the stage and stays in the paths of events", async () => {
  const { send } = await serveRest({
    basePath: "v1",
    routes: [{ routeKey: "GET /a", handler: echo }],
  });
  expect(json(await send({ target: "/v1/a" }))).toMatchObject({
    path: "/v1/a",
    resource: "/a",
    requestContext: { path: "/v1/a", stage: "dev" },
  });
  expect(text(await send({ target: "/dev/a" }))).toBe("404 no API");
});

test("a signature is not handed to the function, and a trace is continued", async () => {
  const { send } = await serveRest({ routes: [{ routeKey: "GET /a", handler: echo }] });
  const response = await send({
    target: "/dev/a",
    headers: [
      ["Authorization", "AWS4-HMAC-SHA256 Credential=x"],
      ["x-amzn-trace-id", "Self=1-a;Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"],
    ],
  });
  const root = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700";
  const { headers, requestContext } = json(response) as { [name: string]: Record<string, string> };
  expect(headers).toMatchObject({ "X-Amzn-Trace-Id": root });
  expect(headers).not.toHaveProperty("Authorization");
  expect(header(response, "x-amzn-trace-id")).toMatch(
    new RegExp(`^${root};Parent=[0-9a-f]{16};Sampled=0;Lineage=`),
  );
  expect(header(response, "x-amzn-requestid")).toBe(requestContext?.["requestId"]);
  expect(header(response, "x-amz-apigw-id")).toBe(requestContext?.["extendedRequestId"]);
});

test("a body is base64 only if its content type is a binary media type", async () => {
  const { send } = await serveRest({
    binaryMediaTypes: ["image/*"],
    routes: [{ routeKey: "POST /a", handler: echo }],
  });
  const post = async (type: string) =>
    json(
      await send({
        method: "POST",
        target: "/dev/a",
        headers: [["Content-Type", type]],
        body: Buffer.from("é"),
      }),
    );
  expect(await post("application/octet-stream")).toMatchObject({
    body: "é",
    isBase64Encoded: false,
  });
  expect(await post("image/png; x=1")).toMatchObject({ body: "w6k=", isBase64Encoded: true });
});

const MALFORMED = '502 {"message": "Internal server error"}';
test.each([
  [{ statusCode: 200 }, "200 "],
  [{ statusCode: 200, headers: null, body: null }, "200 "],
  [{ headers: { a: "b" } }, "200 "],
  [{ statusCode: "201" }, "201 "],
  [{ statusCode: 200.5 }, MALFORMED],
  [{ statusCode: 99 }, MALFORMED],
  [{ statusCode: 100 }, MALFORMED],
  [{ statusCode: "103" }, MALFORMED],
  [{ statusCode: 600 }, MALFORMED],
  [{ statusCode: 200, body: {} }, MALFORMED],
  [{ statusCode: 200, headers: { a: ["b"] } }, MALFORMED],
  [{ statusCode: 200, headers: { a: "b\r\nc: d" } }, MALFORMED],
  [{ statusCode: 200, multiValueHeaders: { a: [{}] } }, MALFORMED],
  [null, MALFORMED],
  ["text", MALFORMED],
])("the result %j is answered %s", async (result, expected) => {
  const { send } = await returning(result);
  const response = await send({});
  expect(text(response)).toBe(expected);
  expect(header(response, "content-type")).toBe("application/json");
});

test("multi-value headers come first, keep their case, and some names are remapped", async () => {
  const { send } = await returning({
    statusCode: 200,
    headers: {
      "x-a": "solo",
      "WWW-Authenticate": "Basic",
      n: 1,
      t: true,
      "Transfer-Encoding": "x",
    },
    multiValueHeaders: { "X-A": ["m1", "m2"], "Set-Cookie": ["a=1", "b=2"] },
  });
  const { headers } = await send({});
  const of = (name: string) => headers.filter(([given]) => given.toLowerCase() === name);
  expect(of("x-a")).toEqual([
    ["X-A", "m1"],
    ["X-A", "m2"],
    ["X-A", "solo"],
  ]);
  expect(of("set-cookie")).toHaveLength(2);
  expect(of("x-amzn-remapped-www-authenticate")).toEqual([
    ["x-amzn-Remapped-WWW-Authenticate", "Basic"],
  ]);
  expect([of("www-authenticate"), of("transfer-encoding")]).toEqual([[], []]);
  expect([of("n"), of("t")]).toEqual([[["n", "1"]], [["t", "true"]]]);
});

test("an error of the function is reported and not shown", async () => {
  const { send, problems, log } = await serveRest({
    routes: [
      {
        routeKey: "GET /",
        handler: () => {
          throw new Error("secret");
        },
      },
    ],
  });
  expect(text(await send({}))).toBe(MALFORMED);
  expect(problems).toMatchObject([{ error: new Error("secret") }]);
  expect(log).toMatchObject([
    { status: 502, resourcePath: "/", integrationError: "the function failed" },
  ]);
});

test("bodies above 10 MB, and above Lambda's 6 MB, are 413", async () => {
  const { send } = await serveRest({ routes: [{ routeKey: "POST /a", handler: () => ok }] });
  for (const size of [10 * 1024 * 1024 + 1, 7 * 1024 * 1024]) {
    const response = await send({
      method: "POST",
      target: "/dev/a",
      body: Buffer.alloc(size, "x"),
    });
    expect(text(response)).toBe('413 {"message":"Request Too Long"}');
  }
});

test("invocations of all kinds count for the limit of the account, and of other APIs", async () => {
  const concurrency = createConcurrency(3);
  const gates = [0, 1, 2].map(() => Promise.withResolvers<object>());
  const started: number[] = [];
  const allStarted = Promise.withResolvers<void>();
  const wait = (at: number) => {
    if (started.push(at) === 3) allStarted.resolve();
    return gates[at]?.promise;
  };
  const integration = { type: "AWS" as const, responses: [{ statusCode: 200 }] };
  const { send, problems, log } = await serveRest({
    concurrency,
    routes: [
      { routeKey: "GET /proxy", handler: () => wait(0) },
      { routeKey: "GET /template", handler: () => wait(1), integration },
      {
        routeKey: "GET /stream",
        responseTransferMode: "STREAM",
        handler: awsLambda.streamifyResponse(async (_, stream) => {
          const body = awsLambda.HttpResponseStream.from(stream, { statusCode: 200 });
          body.write("begin ");
          await wait(2);
          body.end("end");
        }),
      },
    ],
  });
  const other = await serveApi({
    concurrency,
    routes: [{ routeKey: "GET /", handler: () => "other" }],
  });
  const open = ["/dev/proxy", "/dev/template", "/dev/stream"].map((target) => send({ target }));
  await allStarted.promise;
  for (const target of ["/dev/proxy", "/dev/template", "/dev/stream"]) {
    expect(text(await send({ target }))).toBe('500 {"message": "Internal server error"}');
  }
  expect(text(await other.send({}))).toBe('503 {"message":"Service Unavailable"}');
  for (const gate of gates) gate.resolve(ok);
  expect((await Promise.all(open)).map(text)).toEqual([
    "200 ok",
    `200 ${JSON.stringify(ok)}`,
    "200 begin end",
  ]);
  expect(text(await other.send({}))).toBe("200 other");
  expect(log.filter(({ status }) => status === 500)).toMatchObject(
    [1, 2, 3].map(() => ({ integrationError: "the function is throttled" })),
  );
  expect([started.length, problems]).toEqual([3, []]);
});

test("a method throttle is shared by all callers, and other methods have their own", async () => {
  let now = 0;
  const { send } = await serveRest({
    clock: () => now,
    throttle: { rate: 1, burst: 1 },
    routes: [
      { routeKey: "GET /a", handler: () => ok, throttle: { rate: 1, burst: 2 } },
      { routeKey: "GET /b", handler: () => ok },
    ],
  });
  const statusOf = async (target: string) => (await send({ target })).status;
  expect([await statusOf("/dev/a"), await statusOf("/dev/a")]).toEqual([200, 200]);
  expect(await statusOf("/dev/a")).toBe(429);
  expect([await statusOf("/dev/b"), await statusOf("/dev/b")]).toEqual([200, 429]);
  now += 1000;
  expect(await statusOf("/dev/a")).toBe(200);
});

test("gateway responses can be customised, also for all of a class", async () => {
  const { send } = await serveRest({
    stageVariables: { v: "1" },
    gatewayResponses: {
      MISSING_AUTHENTICATION_TOKEN: {
        statusCode: 404,
        responseTemplate:
          '{"m":$context.error.messageString,"t":"$context.error.responseType","v":"$stageVariables.v","n":"$context.none"}',
      },
      DEFAULT_5XX: {
        responseParameters: { "gatewayresponse.header.Access-Control-Allow-Origin": "'*'" },
      },
    },
    routes: [{ routeKey: "GET /x", handler: () => "bad" }],
  });
  expect(text(await send({ target: "/dev/none" }))).toBe(
    '404 {"m":"Missing Authentication Token","t":"MISSING_AUTHENTICATION_TOKEN","v":"1","n":""}',
  );
  const failed = await send({ target: "/dev/x" });
  expect(failed.status).toBe(502);
  expect(header(failed, "access-control-allow-origin")).toBe("*");
});

const base = { stage: "dev", onError: () => undefined };
const route = { routeKey: "GET /a", handler: () => ok };
test.each([
  ["an unknown setting", { minimumCompressionSize: 1 }, "minimumCompressionSize is not supported"],
  ["a bad stage", { stage: "a/b" }, "not a stage name"],
  ["a bad stage variable", { stageVariables: { a: "{}" } }, "stageVariables: a"],
  ["an unknown authorizer", { routes: [{ ...route, authorizer: "x" }] }, "no authorizer x"],
  [
    "an unknown setting of a route",
    { routes: [{ ...route, scopes: [] }] },
    "scopes is not supported",
  ],
  ["a short timeout", { routes: [{ ...route, timeoutMs: 49 }] }, "timeoutMs must be 50 to 300000"],
  [
    "a stream of a plain handler",
    { routes: [{ ...route, responseTransferMode: "STREAM" }] },
    "STREAM",
  ],
  ["a cached POST", { routes: [{ ...route, routeKey: "POST /a", cache: {} }] }, "only GET"],
  ["a long cache", { routes: [{ ...route, cache: { ttl: 3601 } }] }, "0 to 3600"],
  [
    "a repeated cache key",
    {
      routes: [
        {
          ...route,
          cache: { keyParameters: ["method.request.path.a", "method.request.path.a"] },
        },
      ],
    },
    "is given twice",
  ],
  [
    "a bad cache key",
    { routes: [{ ...route, cache: { keyParameters: ["a"] } }] },
    "a is not a cache key",
  ],
  [
    "a bad parameter",
    { routes: [{ ...route, requestParameters: { a: true } }] },
    "a is not a request",
  ],
  [
    "a model that is no schema",
    { routes: [{ ...route, requestModels: { "application/json": { type: "x" } } }] },
    "model of application/json",
  ],
  ["an unknown gateway response", { gatewayResponses: { WAF: {} } }, "WAF is not"],
  [
    "a bad gateway response",
    { gatewayResponses: { THROTTLED: { statusCode: 200 } } },
    "400 to 599",
  ],
  [
    "a gateway response with no such status",
    { gatewayResponses: { THROTTLED: { statusCode: 600 } } },
    "400 to 599",
  ],
  [
    "an integration response without a body",
    {
      routes: [
        { routeKey: "GET /a", integration: { type: "MOCK", responses: [{ statusCode: 101 }] } },
      ],
    },
    "statusCode must be 200 to 599",
  ],
  [
    "a gateway response with a variable header",
    {
      gatewayResponses: {
        THROTTLED: { responseParameters: { "gatewayresponse.header.a": "context.requestId" } },
      },
    },
    "single quotes",
  ],
  [
    "a negative rate",
    { usagePlans: [{ stages: ["dev"], throttle: { rate: -1, burst: 0 } }] },
    "negative",
  ],
  [
    "a quota's offset",
    { usagePlans: [{ stages: ["dev"], quota: { limit: 1, period: "DAY", offset: 1 } }] },
    "offset",
  ],
  [
    "a quota's period",
    { usagePlans: [{ stages: ["dev"], quota: { limit: 1, period: "YEAR" } }] },
    "DAY, WEEK",
  ],
  [
    "a plan twice",
    {
      usagePlans: [
        { name: "a", stages: ["dev"] },
        { name: "a", stages: [] },
      ],
    },
    "twice",
  ],
])("%s is refused at the start", (_, config, message) => {
  const whole = { ...base, routes: [route], ...config } as unknown as Parameters<
    typeof createRestApi
  >[0];
  expect(() => createRestApi(whole)).toThrow(message);
});
