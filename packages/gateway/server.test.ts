import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { exchange } from "./cases/raw-http.ts";
import { serve } from "./test/fixture.ts";
import { ListenError, listen, listenOnLoopback } from "./server.ts";

const hello = {
  handle: (_: unknown, res: { end: (text: string) => unknown }) => void res.end("hello"),
};

test.each([
  ["two Host headers", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  [
    "two Host headers in different case",
    "GET / HTTP/1.1\r\nhost: a\r\nX: y\r\nHOST: b\r\n\r\n",
    400,
  ],
  ["no Host header", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400],
  ["a malformed Host", "GET / HTTP/1.1\r\nHost: a/b c\r\n\r\n", 400],
  ["an unclosed bracket in Host", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400],
  ["a bracket in a name", "GET / HTTP/1.1\r\nHost: a[b]\r\n\r\n", 400],
  ["a word as port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400],
  ["an IPv6 address without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200],
  ["an IPv6 Host without port", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", 200],
  ["one Host", "GET / HTTP/1.1\r\nHost: a:3000\r\n\r\n", 200],
  ["an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n", 200],
  ["no protocol", "hello\r\n\r\n", 400],
  ["an unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  [
    "Content-Length and chunks",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  [
    "two Content-Length headers",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    400,
  ],
  ["a bare line feed in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: w\r\n\r\n", 400],
  ["a NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400],
  ["a head of 70 kB", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(70_000)}\r\n\r\n`, 431],
  ["1200 headers", `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(1200)}\r\n`, 431],
])("a request with %s", async (_, bytes, status) => {
  const { port } = await serve(hello);
  expect((await exchange(port, bytes)).status).toBe(status);
  expect((await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(200);
});

test("responds with 408 to a client that does not finish its head", async () => {
  const { port } = await serve({ ...hello, headersTimeout: 50, requestTimeout: 100 });
  expect((await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n")).status).toBe(408);
});

test("malformed bytes after a request get no response in its place", async () => {
  const handled = Promise.withResolvers<void>();
  const { port } = await serve({ handle: () => handled.resolve() });
  const socket = connect(port, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  socket.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await handled.promise;
  socket.write("\0garbage\r\n\r\n");
  await once(socket, "close");
  expect(Buffer.concat(received).toString()).toBe("");
});

test("a handler that throws is a reported 500", async () => {
  const errors: unknown[] = [];
  const { port } = await serve({
    handle: () => {
      throw new Error("secret");
    },
    onError: (error) => errors.push(error),
  });
  const response = await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect([response.status, response.body.toString()]).toEqual([
    500,
    '{"message":"Internal Server Error"}',
  ]);
  expect(errors).toEqual([new Error("secret")]);
});

test("a port in use is a ListenError with a clear message", async () => {
  const { port } = await serve(hello);
  const second = listen({ ...hello, port, host: "127.0.0.1" });
  await expect(second).rejects.toThrow(ListenError);
  await expect(second).rejects.toMatchObject({
    code: "EADDRINUSE",
    message: `port ${port} is in use`,
  });
});

test("close waits for open requests and destroys idle sockets immediately", async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const server = await serve({
    drainTimeout: 10_000,
    handle: (_, res) => {
      begun.resolve();
      void go.promise.then(() => res.end("done"));
    },
  });
  const idle = connect(server.port, "127.0.0.1");
  await once(idle, "connect");
  const response = exchange(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await begun.promise;
  const startedAt = performance.now();
  const closed = server.close();
  await once(idle, "close");
  go.resolve();
  expect((await response).body.toString()).toBe("done");
  await closed;
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test("close destroys the socket of an upgrade after the drain timeout", async () => {
  const server = await serve({
    ...hello,
    drainTimeout: 50,
    upgrade: (_, socket) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
  });
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  const [first] = await once(socket, "data");
  expect(String(first)).toContain("101");
  await Promise.all([server.close(), once(socket, "close")]);
});

test("an upgrade is an ordinary request if there is no upgrade handler", async () => {
  const { port } = await serve(hello);
  const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n";
  expect((await exchange(port, upgrade)).status).toBe(200);
});

test("close answers 503 to requests that are not answered in time", async () => {
  const begun = Promise.withResolvers<void>();
  const server = await serve({ drainTimeout: 50, handle: () => begun.resolve() });
  const response = exchange(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await begun.promise;
  await server.close();
  expect(await response).toMatchObject({
    status: 503,
    body: Buffer.from('{"message":"Service Unavailable"}'),
  });
});

test("close destroys sockets whose response is not complete in time", async () => {
  const begun = Promise.withResolvers<void>();
  const server = await serve({
    drainTimeout: 50,
    handle: (_, res) => {
      res.writeHead(200, { "content-length": 2 }).write("a");
      begun.resolve();
    },
  });
  const response = exchange(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const outcome = response.catch((error: unknown) => String(error));
  await begun.promise;
  await server.close();
  expect(await outcome).toContain("the connection ended");
});

test("a client with keep-alive notices the close and loses no request", async () => {
  const server = await serve({
    drainTimeout: 2_000,
    handle: (_, res) => void setTimeout(() => res.end("done"), 20),
  });
  const agent = new Agent({ keepAlive: true });
  const get = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request({ port: server.port, host: "127.0.0.1", agent }, (res) =>
        res.resume().on("end", () => resolve(res)),
      );
      sent.on("error", reject).end();
    });
  let closed: Promise<void> | undefined;
  let closing = 0;
  let answers = 0;
  const client = async () => {
    for (;;) {
      const isOpen = closed === undefined;
      const res = await get();
      answers++;
      if (!isOpen || res.headers.connection === "close") return (closing += 1);
      if (Math.random() < 0.2) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const clients = Array.from({ length: 50 }, client);
  await vi.waitUntil(() => answers > 300, 30_000);
  closed = server.close();
  await Promise.all(clients);
  await closed;
  expect(closing).toBe(50);
  agent.destroy();
});

test("listenOnLoopback listens on both addresses or on neither", async () => {
  const server = await listenOnLoopback({ port: 0, ...hello });
  for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
    expect(await (await fetch(`http://${host}:${server.port}/`)).text()).toBe("hello");
  }
  await server.close();
  for (const host of ["127.0.0.1", "::1"]) {
    const other = await listen({ port: 0, host, ...hello });
    await expect(listenOnLoopback({ port: other.port, ...hello })).rejects.toThrow(ListenError);
    await other.close();
  }
});
