import { expect, test, vi } from "vitest";
import type { LambdaHandler } from "../lambda.ts";
import { createWebSocketApi } from "./websocket-api.ts";
import type { WebSocketApiConfig } from "./config.ts";
import { handshake, rawSocket, serveWebSocketApi } from "../test/websocket-fixture.ts";

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 });
const head = (received: Buffer) => received.toString("latin1").split("\r\n", 1)[0];
const returns =
  (result: unknown): LambdaHandler =>
  () =>
    result;

test("a handshake gets no response before $connect has returned", async () => {
  const connecting = Promise.withResolvers<object>();
  const { port, event, api, events } = await serveWebSocketApi({
    routes: { $connect: () => connecting.promise },
  });
  const { socket, received } = rawSocket(port, handshake());
  await event("$connect");
  // A masked text frame, `hi`, before the handshake is complete.
  socket.write(Buffer.from("8182000000006869", "hex"));
  await new Promise(setImmediate);
  expect(received()).toHaveLength(0);
  expect(api.connections).toBe(0);
  connecting.resolve({ statusCode: 200 });
  await until(() => expect(head(received())).toBe("HTTP/1.1 101 Switching Protocols"));
  expect((await event("$default")).body).toBe("hi");
  expect(events.map(({ requestContext }) => requestContext.eventType)).toEqual([
    "CONNECT",
    "MESSAGE",
  ]);
});

test.each([
  ["200", returns({ statusCode: 200 }), 101],
  ["204", returns({ statusCode: 204 }), 101],
  ["299 as a string", returns({ statusCode: "299" }), 101],
  ["301", returns({ statusCode: 301 }), 301],
  ["400", returns({ statusCode: 400, body: "no" }), 400],
  ["401", returns({ statusCode: 401 }), 401],
  ["403", returns({ statusCode: 403 }), 403],
  ["501", returns({ statusCode: 501 }), 501],
  ["nothing", returns(undefined), 502],
  ["no status", returns({}), 502],
  ["an invalid status", returns({ statusCode: 99 }), 502],
  ["an array", returns([200]), 502],
  ["an error", () => Promise.reject(new Error("boom")), 502],
  ["no result in time", () => new Promise(() => undefined), 504],
])("the response to the handshake if $connect returns %s", async (_, $connect, status) => {
  const { open, events, problems, log, api } = await serveWebSocketApi({
    routes: { $connect },
    limits: { integration: 80 },
  });
  const client = await open();
  expect(client.response.status).toBe(status);
  expect(client.response.body.toString()).not.toContain("boom");
  expect(api.connections).toBe(status === 101 ? 1 : 0);
  expect(problems).toHaveLength(status === 502 || status === 504 ? 1 : 0);
  expect(log).toMatchObject([{ eventType: "CONNECT", connectionId: client.id }]);
  // A refused client gets no $disconnect.
  await api.close();
  const disconnects = events.filter(
    ({ requestContext: { routeKey } }) => routeKey === "$disconnect",
  );
  expect(disconnects).toHaveLength(status === 101 ? 1 : 0);
});

const policy = (Effect: string, Resource: unknown = "*") => ({
  Version: "2012-10-17",
  Statement: [{ Action: "execute-api:Invoke", Effect, Resource }],
});
const allow = { principalId: "u", policyDocument: policy("Allow") };

test.each<[string, unknown, number]>([
  ["allows", allow, 101],
  [
    "allows this stage",
    {
      ...allow,
      policyDocument: policy(
        "Allow",
        "arn:aws:execute-api:us-east-1:123456789012:laptop/dev/$connect",
      ),
    },
    101,
  ],
  [
    "allows another stage",
    { ...allow, policyDocument: policy("Allow", "arn:aws:execute-api:*/prod/*") },
    403,
  ],
  ["denies", { ...allow, policyDocument: policy("Deny") }, 403],
  ["throws", new Error("boom"), 500],
  ["throws Unauthorized", new Error("Unauthorized"), 401],
  ["returns nothing", undefined, 500],
  ["returns no principal", { policyDocument: policy("Allow") }, 500],
  ["returns no policy", { principalId: "u" }, 500],
  ["returns a nested context", { ...allow, context: { a: { b: 1 } } }, 500],
  ["returns an array as context", { ...allow, context: [] }, 500],
  ["returns more than 8 KB", { ...allow, context: { a: "x".repeat(8192) } }, 500],
])("the response to the handshake if the authorizer %s", async (_, result, status) => {
  const { open, events, problems, log } = await serveWebSocketApi({
    routes: {
      $connect: { routeKey: "$connect", handler: returns({ statusCode: 200 }), authorizer: "a" },
    },
    authorizers: {
      a: {
        type: "REQUEST",
        identitySource: ["route.request.header.Authorization"],
        handler: () => {
          if (result instanceof Error) throw result;
          return result;
        },
      },
    },
  });
  const { response } = await open("/dev", { headers: [["authorization", "x"]] });
  expect(response.status).toBe(status);
  expect(events).toHaveLength(status === 101 ? 1 : 0);
  expect(problems).toHaveLength(status === 500 ? 1 : 0);
  expect(log[0]?.authorizerError === undefined).toBe(status === 101);
});

test.each([
  ["route.request.querystring.ticket", "/dev?ticket=", 401],
  ["route.request.querystring.ticket", "/dev?Ticket=x", 401],
  ["route.request.querystring.ticket", "/dev?ticket=x", 101],
  ["route.request.header.X-Ticket", "/dev?ticket=x", 401],
  ["context.identity.sourceIp", "/dev", 101],
])("identity source %s of the request %s", async (identitySource, path, status) => {
  const handler = vi.fn<LambdaHandler>(returns(allow));
  const { open, events } = await serveWebSocketApi({
    routes: {
      $connect: { routeKey: "$connect", handler: returns({ statusCode: 200 }), authorizer: "a" },
    },
    authorizers: { a: { type: "REQUEST", identitySource: [identitySource], handler } },
  });
  expect((await open(path)).response.status).toBe(status);
  expect(handler).toHaveBeenCalledTimes(status === 101 ? 1 : 0);
  expect(events).toHaveLength(status === 101 ? 1 : 0);
});

test("every event has the context of the authorizer, which is invoked once", async () => {
  const authorizerEvents: unknown[] = [];
  const context = { role: "r", level: 3, admin: false };
  const { open, event } = await serveWebSocketApi({
    routes: {
      $connect: { routeKey: "$connect", handler: returns({ statusCode: 200 }), authorizer: "a" },
    },
    authorizers: {
      a: {
        type: "REQUEST",
        identitySource: ["route.request.querystring.ticket"],
        handler: (authorizerEvent) => {
          authorizerEvents.push(authorizerEvent);
          return { ...allow, context };
        },
      },
    },
  });
  const client = await open("/dev?ticket=1&ticket=2", { headers: [["X-Own-Case", "y"]] });
  client.ws.send("{}");
  await event("$default");
  client.ws.close();
  await event("$disconnect");
  for (const routeKey of ["$connect", "$default", "$disconnect"]) {
    const { requestContext } = await event(routeKey);
    expect(requestContext["authorizer"]).toEqual({ ...context, principalId: "u" });
  }
  expect(authorizerEvents).toEqual([
    {
      type: "REQUEST",
      methodArn: "arn:aws:execute-api:us-east-1:123456789012:laptop/dev/$connect",
      headers: expect.objectContaining({ "X-Own-Case": "y" }),
      multiValueHeaders: expect.objectContaining({ "X-Own-Case": ["y"] }),
      queryStringParameters: { ticket: "2" },
      multiValueQueryStringParameters: { ticket: ["1", "2"] },
      stageVariables: {},
      requestContext: expect.objectContaining({ routeKey: "$connect", connectionId: client.id }),
    },
  ]);
});

test.each([
  ["that is returned and offered", { "Sec-WebSocket-Protocol": "b" }, "a, b", "b"],
  ["in a header name of another case", { "sec-websocket-protocol": "a" }, "a,b", "a"],
  ["that is not returned", {}, "a, b", undefined],
  ["that is not offered", { "Sec-WebSocket-Protocol": "c" }, "a, b", undefined],
  ["without an offer", { "Sec-WebSocket-Protocol": "a" }, undefined, undefined],
  ["with a line break", { "Sec-WebSocket-Protocol": "a\r\nX: y" }, "a", undefined],
  ["in a header that is not text", { "Sec-WebSocket-Protocol": ["a"] }, "a", undefined],
])("selects a sub-protocol %s or none", async (_, headers, offered, chosen) => {
  const { port } = await serveWebSocketApi({
    routes: { $connect: returns({ statusCode: 200, headers }) },
  });
  const { received } = rawSocket(port, handshake({ "Sec-WebSocket-Protocol": offered }));
  await until(() => expect(received().toString()).toContain("\r\n\r\n"));
  const lines = received().toString().split("\r\n");
  expect(lines[0]).toBe("HTTP/1.1 101 Switching Protocols");
  expect(lines.find((line) => /^x:|protocol:/i.test(line))).toBe(
    chosen && `Sec-WebSocket-Protocol: ${chosen}`,
  );
});

test("negotiates no extension", async () => {
  const { port } = await serveWebSocketApi();
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const { received } = rawSocket(port, handshake(offer));
  await until(() => expect(head(received())).toBe("HTTP/1.1 101 Switching Protocols"));
  expect(received().toString()).not.toMatch(/extensions/i);
});

test.each<[string, string, number]>([
  ["no key", handshake({ "Sec-WebSocket-Key": undefined }), 400],
  ["a short key", handshake({ "Sec-WebSocket-Key": "abc" }), 400],
  ["no version", handshake({ "Sec-WebSocket-Version": undefined }), 400],
  ["an old version", handshake({ "Sec-WebSocket-Version": "8" }), 400],
  ["a malformed sub-protocol", handshake({ "Sec-WebSocket-Protocol": "a,,b" }), 400],
  ["a sub-protocol twice", handshake({ "Sec-WebSocket-Protocol": "a,a" }), 400],
  ["POST", handshake({}, "POST /dev HTTP/1.1"), 400],
  ["a query that cannot be decoded", handshake({}, "GET /dev?%ff HTTP/1.1"), 400],
  ["another upgrade", handshake({ Upgrade: "h2c" }), 426],
  ["a path below the stage", handshake({}, "GET /dev/more HTTP/1.1"), 403],
  ["@connections", handshake({}, "GET /dev/@connections/x HTTP/1.1"), 403],
  ["headers over 10 240 bytes", handshake({ Long: "x".repeat(10_240) }), 431],
  ["another stage", handshake({}, "GET /prod HTTP/1.1"), 404],
  ["a longer stage", handshake({}, "GET /devel HTTP/1.1"), 404],
  ["no stage", handshake({}, "GET / HTTP/1.1"), 404],
])("a handshake with %s invokes no function", async (_, bytes, status) => {
  const { port, events, open } = await serveWebSocketApi({
    routes: { $connect: returns({ statusCode: 200 }) },
  });
  const { received } = rawSocket(port, bytes);
  await until(() => expect(head(received())).toContain(`HTTP/1.1 ${status} `));
  expect(events).toEqual([]);
  expect((await open("/dev/")).response.status).toBe(101);
});

test("HTTP requests for the stage are 426, and those for other paths go to other APIs", async () => {
  const { port } = await serveWebSocketApi();
  const status = async (path: string) => (await fetch(`http://localhost:${port}${path}`)).status;
  expect(
    await Promise.all(["/dev", "/dev/", "/dev?x", "/dev/x", "/", "/devel"].map(status)),
  ).toEqual([426, 426, 426, 404, 404, 404]);
});

test("a client that disconnects during $connect gets its $disconnect", async () => {
  const connecting = Promise.withResolvers<object>();
  const { port, event, api } = await serveWebSocketApi({
    routes: { $connect: () => connecting.promise },
  });
  const { socket, ended } = rawSocket(port, handshake());
  const { requestContext } = await event("$connect");
  socket.resetAndDestroy();
  await until(() => expect(ended()).toBe(true));
  connecting.resolve({ statusCode: 200 });
  expect((await event("$disconnect")).requestContext).toMatchObject({
    connectionId: requestContext.connectionId,
    disconnectStatusCode: 1006,
  });
  await until(() => expect(api.connections).toBe(0));
});

test("new connections above the rate are 429", async () => {
  let now = 0;
  const { open, events } = await serveWebSocketApi({
    clock: () => now,
    routes: { $connect: returns({ statusCode: 200 }) },
    limits: { connections: { rate: 2, burst: 2 } },
  });
  const open3 = async () => [await open(), await open(), await open()];
  expect((await open3()).map(({ response }) => response.status)).toEqual([101, 101, 429]);
  expect(events).toHaveLength(2);
  now += 500;
  expect((await open()).response.status).toBe(101);
});

const config = (changes: Partial<WebSocketApiConfig>): WebSocketApiConfig => ({
  stage: "dev",
  routeSelectionExpression: "$request.body.action",
  routes: [],
  onError: () => undefined,
  ...changes,
});
const handler = returns({ statusCode: 200 });
const authorizers = { a: { type: "REQUEST", identitySource: [], handler } } as const;
test.each<[string, Partial<WebSocketApiConfig>, RegExp]>([
  [
    "a misspelt authorizer",
    { authorizers, routes: [{ routeKey: "$connect", handler, authorizer: "b" }] },
    /no authorizer b/,
  ],
  [
    "an authorizer of the prototype",
    { routes: [{ routeKey: "$connect", handler, authorizer: "toString" }] },
    /no authorizer/,
  ],
  [
    "an authorizer elsewhere",
    { authorizers, routes: [{ routeKey: "buy", handler, authorizer: "a" }] },
    /only \$connect/,
  ],
  [
    "an unknown identity source",
    { authorizers: { a: { ...authorizers.a, identitySource: ["route.request.body.x"] } } },
    /not a supported identity source/,
  ],
  [
    "a route twice",
    {
      routes: [
        { routeKey: "a", handler },
        { routeKey: "a", handler },
      ],
    },
    /given twice/,
  ],
  [
    "a long timeout",
    { routes: [{ routeKey: "a", handler, timeoutMs: 29_001 }] },
    /timeoutMs must be/,
  ],
  ["a short timeout", { routes: [{ routeKey: "a", handler, timeoutMs: 49 }] }, /timeoutMs must be/],
  [
    "301 routes",
    { routes: Array.from({ length: 301 }, (_, n) => ({ routeKey: `${n}`, handler })) },
    /more than 300/,
  ],
  ["a stage with a slash", { stage: "a/b" }, /not a stage name/],
  ["no stage", { stage: "" }, /not a stage name/],
  ["an unknown selection expression", { routeSelectionExpression: "$x" }, /selection expression/],
])("refuses a configuration with %s", (_, changes, reason) => {
  expect(() => createWebSocketApi(config(changes))).toThrow(reason);
});
