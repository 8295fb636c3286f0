import { once } from "node:events";
import { DeleteConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import {
  type RawSocket,
  handshake,
  rawSocket,
  serveWebSocketApi,
} from "../test/websocket-fixture.ts";

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const ID = /^[A-Za-z0-9_-]{15}=$/;
const accepted = ({ received }: RawSocket) =>
  until(() => expect(received().toString("latin1")).toContain("101 Switching"));

test("the three kinds of events have exactly the members that they have on AWS", async () => {
  const at = Date.parse("2026-01-02T03:04:05.678Z");
  const { open, event, port } = await serveWebSocketApi({
    clock: () => at,
    routes: { $connect: () => ({ statusCode: 200 }) },
  });
  const client = await open("/dev?token=a&x=1&x=2", {
    headers: [
      ["User-Agent", "UA"],
      ["X-oDD", "y"],
    ],
  });
  client.ws.send('{"hello":"ä"}');
  await event("$default");
  client.ws.close(4000, "bye");
  await event("$disconnect");

  const common = {
    extendedRequestId: expect.stringMatching(ID),
    requestTime: "02/Jan/2026:03:04:05 +0000",
    messageDirection: "IN",
    stage: "dev",
    connectedAt: at,
    requestTimeEpoch: at,
    identity: { sourceIp: "127.0.0.1", userAgent: "UA" },
    requestId: expect.stringMatching(ID),
    domainName: `localhost:${port}`,
    connectionId: client.id,
    apiId: "laptop",
  };
  const connect = await event("$connect");
  expect(connect).toEqual({
    headers: {
      Host: `localhost:${port}`,
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": expect.any(String),
      "User-Agent": "UA",
      "X-oDD": "y",
      "X-Amzn-Trace-Id": expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
      "X-Forwarded-For": "127.0.0.1",
      "X-Forwarded-Port": `${port}`,
      "X-Forwarded-Proto": "http",
    },
    multiValueHeaders: expect.objectContaining({ "X-oDD": ["y"], Host: [`localhost:${port}`] }),
    queryStringParameters: { token: "a", x: "2" },
    multiValueQueryStringParameters: { token: ["a"], x: ["1", "2"] },
    requestContext: { ...common, routeKey: "$connect", eventType: "CONNECT" },
    isBase64Encoded: false,
  });
  const message = await event("$default");
  expect(message).toEqual({
    requestContext: {
      ...common,
      routeKey: "$default",
      eventType: "MESSAGE",
      messageId: expect.stringMatching(ID),
    },
    body: '{"hello":"ä"}',
    isBase64Encoded: false,
  });
  const headers = {
    Host: `localhost:${port}`,
    "x-api-key": "",
    "X-Forwarded-For": "",
    "x-restapi": "",
  };
  expect(await event("$disconnect")).toEqual({
    headers,
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    requestContext: {
      ...common,
      routeKey: "$disconnect",
      eventType: "DISCONNECT",
      disconnectStatusCode: 4000,
      disconnectReason: "bye",
    },
    isBase64Encoded: false,
  });
  const ids = [connect, message].map(({ requestContext }) => requestContext["requestId"]);
  expect(connect.requestContext["extendedRequestId"]).toBe(ids[0]);
  expect(new Set([...ids, client.id, message.requestContext["messageId"]]).size).toBe(4);
});

test("a CONNECT event without query and User-Agent has no members for them", async () => {
  const { open, event } = await serveWebSocketApi({
    routes: { $connect: () => ({ statusCode: 200 }) },
  });
  await open();
  const connect = await event("$connect");
  expect(connect.requestContext["identity"]).toEqual({ sourceIp: "127.0.0.1" });
  expect(Object.keys(connect).toSorted()).toEqual([
    "headers",
    "isBase64Encoded",
    "multiValueHeaders",
    "requestContext",
  ]);
});

test.each<[string, (ws: WebSocket) => void, number, string]>([
  ["no code", (ws) => ws.close(), 1005, "Client-side close frame status not set"],
  ["1000", (ws) => ws.close(1000), 1000, ""],
  ["a code and a reason", (ws) => ws.close(4001, "ä"), 4001, "ä"],
  ["a destroyed socket", (ws) => ws.terminate(), 1006, ""],
])(
  "$disconnect gets the close status of a client that closes with %s",
  async (_, close, code, reason) => {
    const { open, event, api, events } = await serveWebSocketApi();
    const client = await open();
    close(client.ws);
    const { requestContext } = await event("$disconnect");
    expect(requestContext).toMatchObject({
      connectionId: client.id,
      disconnectStatusCode: code,
      disconnectReason: reason,
    });
    expect(api.connections).toBe(0);
    await api.close();
    expect(events).toHaveLength(1);
  },
);

const frame = (text: string, id: string) =>
  expect.stringMatching(
    new RegExp(
      `^\\{"message": "${text}", "connectionId":"${id}", "requestId":"[A-Za-z0-9_-]{15}="\\}$`,
    ),
  );

test.each([
  ["throws", () => Promise.reject(new Error("secret"))],
  ["takes too long", () => new Promise(() => undefined)],
  ["returns nothing", () => undefined],
  ["returns more than 6 MB", () => ({ statusCode: 200, body: "x".repeat(6 * 1024 * 1024) })],
])(
  "a route that %s sends an error frame with AWS's bytes and keeps the connection",
  async (_, handler) => {
    const { open, problems } = await serveWebSocketApi({
      routes: { boom: handler },
      limits: { integration: 80 },
    });
    const client = await open();
    client.ws.send('{"action":"boom"}');
    await until(() => expect(client.messages).toHaveLength(1));
    expect(client.messages).toEqual([frame("Internal server error", client.id)]);
    expect(problems).toMatchObject([{ message: expect.stringMatching(/^boom: /) }]);
    expect(client.closed).toBeUndefined();
  },
);

test("a message without a route gets a Forbidden frame and keeps the connection", async () => {
  const known = {
    routeKey: "known",
    handler: () => ({ statusCode: 200, body: "yes" }),
    routeResponse: true,
  };
  const { open, log } = await serveWebSocketApi({ routes: { known, $default: undefined } });
  const client = await open();
  for (const text of ['{"action":"other"}', "no JSON", '{"action":"$disconnect"}'])
    client.ws.send(text);
  client.ws.send('{"action":"known"}');
  await until(() => expect(client.messages).toHaveLength(4));
  const forbidden = frame("Forbidden", client.id);
  expect(client.messages).toEqual([forbidden, forbidden, forbidden, "yes"]);
  await until(() => expect(log.map(({ status }) => status)).toEqual([200, 403, 403, 403, 200]));
});

test("a body is sent only with a route response, and then for any status", async () => {
  const handler = (event: { body: string }) => JSON.parse(event.body) as unknown;
  const { open } = await serveWebSocketApi({
    routes: { quiet: handler, loud: { routeKey: "loud", handler, routeResponse: true } },
  });
  const client = await open();
  for (const message of [
    { action: "quiet", statusCode: 200, body: "1" },
    { action: "quiet", statusCode: 500, body: "2" },
    { action: "loud", statusCode: 200, body: "3" },
    { action: "loud", statusCode: 500, body: "4" },
    {
      action: "loud",
      statusCode: 200,
      body: Buffer.from("5").toString("base64"),
      isBase64Encoded: true,
    },
    { action: "loud", statusCode: 200 },
    { action: "loud", statusCode: 200, body: { not: "text" } },
    { action: "loud", statusCode: 200, body: "last" },
  ]) {
    client.ws.send(JSON.stringify(message));
  }
  await until(() => expect(client.messages.at(-1)).toBe("last"));
  expect(client.messages).toEqual(["3", "4", "5", "last"]);
});

test.each([
  ["one after another", false, ["slow begins"], ["slow ends", "fast"]],
  ["concurrently", true, ["slow begins", "fast"], ["slow ends"]],
])("messages of one connection run %s", async (_, concurrent, first, then) => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { open } = await serveWebSocketApi({
    concurrent,
    routes: {
      slow: async () => {
        seen.push("slow begins");
        await gate.promise;
        seen.push("slow ends");
        return { statusCode: 200 };
      },
      fast: () => {
        seen.push("fast");
        return { statusCode: 200 };
      },
    },
  });
  const client = await open();
  client.ws.send('{"action":"slow"}');
  client.ws.send('{"action":"fast"}');
  // The pong shows that the gateway has read both messages.
  const pong = once(client.ws, "pong");
  client.ws.ping();
  await pong;
  await until(() => expect(seen).toEqual(first));
  gate.resolve();
  await until(() => expect(seen).toEqual([...first, ...then]));
});

test("stops reading from a client that sends too fast, and loses no message", async () => {
  const gate = Promise.withResolvers<void>();
  let served = 0;
  const { open, event } = await serveWebSocketApi({
    limits: { queued: 4 },
    routes: {
      $default: async () => {
        await gate.promise;
        served++;
        return { statusCode: 200 };
      },
    },
  });
  const client = await open();
  const text = "x".repeat(30_000);
  for (let n = 0; n < 800; n++) client.ws.send(text);
  await event("$default");
  // 24 MB exceed the buffers of two sockets, so a part must stay with the client. Pings of another
  // client measure the time in which no more of it is read.
  const clock = await open();
  const tick = () =>
    new Promise<void>((resolve) => {
      clock.ws.once("pong", () => resolve());
      clock.ws.ping();
    });
  let unsent = -1;
  while (unsent !== client.ws.bufferedAmount) {
    unsent = client.ws.bufferedAmount;
    for (let n = 0; n < 50; n++) await tick();
  }
  expect(unsent).toBeGreaterThan(1e6);
  expect(served).toBe(0);
  gate.resolve();
  await until(() => expect(served).toBe(800));
  client.ws.close(1000);
  await event("$disconnect");
});

test("a message whose key has no route runs $default", async () => {
  const { open, events } = await serveWebSocketApi({
    routes: { buy: () => ({ statusCode: 200 }) },
  });
  const client = await open();
  for (const key of ["sell", "buy", "$connect", "__proto__"]) {
    client.ws.send(JSON.stringify({ action: key }));
  }
  await until(() =>
    expect(events.map(({ requestContext }) => requestContext.routeKey)).toEqual([
      "$default",
      "buy",
      "$default",
      "$default",
    ]),
  );
});

test("messages after the connection was closed run no route", async () => {
  const { port, event, events, caller } = await serveWebSocketApi({
    routes: { $connect: () => ({ statusCode: 200 }) },
  });
  const client = rawSocket(port, handshake());
  await accepted(client);
  const { connectionId } = (await event("$connect")).requestContext;
  await caller().send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
  // A text frame and then a close frame, masked with zeroes.
  client.socket.write(Buffer.from("818200000000686988820000000003e8", "hex"));
  await until(() => expect(client.ended()).toBe(true));
  expect(events.map(({ requestContext }) => requestContext.routeKey)).toEqual([
    "$connect",
    "$disconnect",
  ]);
});

test("a connection that is paused can be closed", async () => {
  const gate = Promise.withResolvers<object>();
  const { api, open, event, caller } = await serveWebSocketApi({
    limits: { queued: 1, closing: 60_000 },
    routes: { $default: () => gate.promise },
  });
  const client = await open();
  client.ws.send("1");
  await event("$default");
  await caller().send(new DeleteConnectionCommand({ ConnectionId: client.id }));
  await until(() => expect(client.closed?.code).toBe(1000));
  expect(api.connections).toBe(0);
  gate.resolve({ statusCode: 200 });
  await event("$disconnect");
});

test("no message above 128 KB is sent, also not as a route response", async () => {
  const body = "x".repeat(131_073);
  const handler = () => ({ statusCode: 200, body });
  const { open, api, problems } = await serveWebSocketApi({
    routes: { big: { routeKey: "big", handler, routeResponse: true } },
  });
  const client = await open();
  expect(api.send(client.id, Buffer.from(body))).toBe("too-large");
  client.ws.send('{"action":"big"}');
  await until(() => expect(problems).toHaveLength(1));
  expect(api.send(client.id, Buffer.from("end"))).toBe("sent");
  await until(() => expect(client.messages).toEqual(["end"]));
});

test("$disconnect runs after the messages before it", async () => {
  const gate = Promise.withResolvers<void>();
  const { open, events, event, api } = await serveWebSocketApi({
    routes: {
      $default: async () => {
        await gate.promise;
        return { statusCode: 200 };
      },
    },
  });
  const client = await open();
  client.ws.send("1");
  client.ws.send("2");
  client.ws.close();
  await until(() => expect(api.connections).toBe(0));
  gate.resolve();
  await event("$disconnect");
  expect(events.map(({ requestContext }) => requestContext.routeKey)).toEqual([
    "$default",
    "$default",
    "$disconnect",
  ]);
});

test("a handler cannot change the event of another invocation", async () => {
  const contexts: unknown[] = [];
  const { open } = await serveWebSocketApi({
    routes: {
      $default: (event: { requestContext: Record<string, unknown> }) => {
        contexts.push(
          structuredClone(event.requestContext["identity"]),
          event.requestContext["stage"],
        );
        event.requestContext["stage"] = "changed";
        Object.assign(event.requestContext["identity"] as object, { sourceIp: "changed" });
        return { statusCode: 200 };
      },
    },
  });
  const client = await open();
  client.ws.send("1");
  client.ws.send("2");
  const facts = [{ sourceIp: "127.0.0.1" }, "dev"];
  await until(() => expect(contexts).toEqual([...facts, ...facts]));
});

test.each<[string, (client: { send: () => void; receive: () => void }) => void]>([
  ["sends", ({ send }) => send()],
  ["receives", ({ receive }) => receive()],
])(
  "ten minutes without a message close a connection, but not one that %s a message",
  async (_, act) => {
    let now = 0;
    const { api, open, event, log } = await serveWebSocketApi({
      clock: () => now,
      limits: { sweep: 5 },
    });
    const silent = await open();
    const active = await open();
    now = 599_999;
    act({ send: () => active.ws.send("x"), receive: () => api.send(active.id, Buffer.from("x")) });
    await until(() => expect(log.length + active.messages.length).toBe(3));
    now = 600_000;
    await until(() => expect(silent.closed).toEqual({ code: 1001, reason: "Going away" }));
    expect((await event("$disconnect")).requestContext).toMatchObject({
      connectionId: silent.id,
      disconnectStatusCode: 1001,
      disconnectReason: "Going away",
    });
    expect(api.send(silent.id, Buffer.from("x"))).toBe("gone");
    // The sweep that closed one connection has checked the other too.
    expect(api.send(active.id, Buffer.from("x"))).toBe("sent");
  },
);

test("pings get pongs but do not count as activity", async () => {
  let now = 0;
  const { open } = await serveWebSocketApi({ clock: () => now, limits: { sweep: 5 } });
  const client = await open();
  now = 599_999;
  const pong = new Promise<Buffer>((resolve) => client.ws.on("pong", resolve));
  client.ws.ping("are you there");
  expect((await pong).toString()).toBe("are you there");
  now = 600_000;
  await until(() => expect(client.closed?.code).toBe(1001));
});

test("a connection is closed after two hours of activity", async () => {
  let now = 0;
  const { api, open, event } = await serveWebSocketApi({ clock: () => now, limits: { sweep: 5 } });
  const client = await open();
  now = 7_199_999;
  expect(api.send(client.id, Buffer.from("x"))).toBe("sent");
  now = 7_200_000;
  await until(() => expect(client.closed).toEqual({ code: 1001, reason: "Going away" }));
  expect((await event("$disconnect")).requestContext["disconnectStatusCode"]).toBe(1001);
});

test("terminates a client that reads nothing, without effect on others", async () => {
  const { api, port, open, events, event } = await serveWebSocketApi({
    routes: { $connect: () => ({ statusCode: 200 }) },
  });
  const slow = rawSocket(port, handshake());
  await accepted(slow);
  slow.socket.pause();
  const { connectionId } = (await event("$connect")).requestContext;
  const reader = await open();
  const data = Buffer.alloc(100_000, "x");
  let sent = 0;
  await until(() => {
    for (let n = 0; n < 20 && api.send(connectionId, data) === "sent"; n++) sent++;
    expect(api.send(connectionId, data)).toBe("gone");
  });
  // The limit and the kernel buffers of two sockets.
  expect(sent * data.length).toBeLessThan(20e6);
  expect((await event("$disconnect")).requestContext).toMatchObject({
    connectionId,
    disconnectStatusCode: 1006,
  });
  expect(api.send(reader.id, data)).toBe("sent");
  await until(() => expect(reader.messages).toHaveLength(1));
  expect(
    events.filter(({ requestContext }) => requestContext.routeKey === "$disconnect"),
  ).toHaveLength(1);
});

test("terminates a client that pings and reads nothing", async () => {
  const { port, open, event } = await serveWebSocketApi();
  const { socket, ended } = rawSocket(port, handshake());
  socket.pause();
  // 125 bytes of payload each, masked with zeroes.
  const ping = Buffer.concat([Buffer.from("89fd00000000", "hex"), Buffer.alloc(125)]);
  const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
  await until(() => {
    socket.write(flood);
    expect(ended()).toBe(true);
  });
  expect((await event("$disconnect")).requestContext["disconnectStatusCode"]).toBe(1006);
  expect((await open()).response.status).toBe(101);
});

test("close closes all with 1001, waits for $disconnect, and refuses new clients", async () => {
  let disconnected = 0;
  const gate = Promise.withResolvers<void>();
  const { api, open, port } = await serveWebSocketApi({
    limits: { closing: 60_000 },
    routes: {
      $disconnect: async () => {
        await gate.promise;
        disconnected++;
        return { statusCode: 200 };
      },
    },
  });
  const clients = [await open(), await open(), await open()];
  let isClosed = false;
  const closing = api.close().then(() => (isClosed = true));
  await until(() =>
    expect(clients.map(({ closed }) => closed)).toEqual(
      clients.map(() => ({ code: 1001, reason: "Going away" })),
    ),
  );
  expect([disconnected, isClosed]).toEqual([0, false]);
  gate.resolve();
  await closing;
  expect([disconnected, api.connections]).toEqual([3, 0]);
  const late = rawSocket(port, handshake());
  await until(() => expect(late.received().toString()).toMatch(/^HTTP\/1\.1 503 /));
  await api.close();
});

test("close has a time limit for clients, $connect and $disconnect", async () => {
  const never = () => new Promise(() => undefined);
  const { api, port, events } = await serveWebSocketApi({
    limits: { closing: 100 },
    routes: {
      $connect: (given: { queryStringParameters?: unknown }) =>
        given.queryStringParameters ? never() : { statusCode: 200 },
      $disconnect: never,
    },
  });
  const unresponsive = rawSocket(port, handshake());
  await accepted(unresponsive);
  unresponsive.socket.pause();
  const waiting = rawSocket(port, handshake({}, "GET /dev?wait HTTP/1.1"));
  await until(() => expect(events).toHaveLength(2));
  const startedAt = performance.now();
  await api.close();
  expect(performance.now() - startedAt).toBeLessThan(1500);
  unresponsive.socket.resume();
  await until(() => expect([unresponsive.ended(), waiting.ended()]).toEqual([true, true]));
});

test("a handshake during close is refused and gets its $disconnect", async () => {
  const connecting = Promise.withResolvers<object>();
  const { api, port, event } = await serveWebSocketApi({
    routes: { $connect: () => connecting.promise },
  });
  const client = rawSocket(port, handshake());
  await event("$connect");
  const closing = api.close();
  connecting.resolve({ statusCode: 200 });
  await closing;
  expect((await event("$disconnect")).requestContext["disconnectStatusCode"]).toBe(1001);
  await until(() => expect(client.received().toString()).toMatch(/^HTTP\/1\.1 503 /));
});

test("a message over the throttle of its route, the stage or the account is answered by the gateway", async () => {
  let now = Date.parse("2026-01-02T03:04:05Z");
  let calls = 0;
  const count = () => (calls++, { statusCode: 200 });
  const { open, log } = await serveWebSocketApi({
    clock: () => now,
    routes: {
      $connect: () => ({ statusCode: 200 }),
      $default: count,
      slow: { routeKey: "slow", handler: count, throttle: { rate: 1, burst: 2 } },
    },
    throttle: { rate: 1, burst: 5 },
    accountThrottle: { rate: 2, burst: 8 },
  });
  const client = await open(); // the first of the stage and of the account
  const frames: string[] = [];
  client.ws.on("message", (data: Buffer) => frames.push(data.toString()));
  /** Sends messages, and returns how many of them ran. */
  const ran = async (action: string, messages: number) => {
    const [before, logged] = [calls, log.length];
    for (let n = 0; n < messages; n++) client.ws.send(JSON.stringify({ action }));
    await until(() => expect(log.length).toBe(logged + messages));
    return calls - before;
  };
  expect(await ran("slow", 3)).toBe(2);
  expect(await ran("other", 6)).toBe(4);
  await until(() => expect(frames).toHaveLength(3));
  expect(frames[0]).toMatch(
    /^{"message": "Too Many Requests", "connectionId":"[\w-]{15}=", "requestId":"[\w-]{15}="}$/,
  );
  expect(log.filter(({ status }) => status === 429).map(({ routeKey }) => routeKey)).toEqual([
    "slow",
    "$default",
    "$default",
  ]);
  const { response } = await open();
  expect(response.status).toBe(429);
  now += 2_000;
  expect(await ran("slow", 3)).toBe(2);
  expect(await ran("other", 3)).toBe(2);
  now += 1_000; // the account has two, its routes have more
  expect((await ran("slow", 1)) + (await ran("other", 3))).toBe(2);
});
