/** The small client on plain sockets: every call ends, as with node:http, also when calls share a connection. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type HttpReply, type HttpRequest, openTransport } from "@stockwire/core/aws/http";
import { createSmallClient } from "@stockwire/core/store/protocol/client";
import { outcomeOf, type Pair, startPair, storeCall } from "../../core/test/support/client-pair.ts";
import { failure } from "../../core/test/support/store.ts";
import { openSocketTransport } from "./socket.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ timeout: 400, transport: openSocketTransport });
});
afterAll(() => pair.close());

const POST: HttpRequest = { method: "POST", path: "/", headers: {}, body: "", timeout: 10_000 };
const patient = { requestTimeout: 10_000 };
const GET = { TableName: "T", Key: { pk: "p", sk: "s" } };
const FOUND = JSON.stringify({ Item: { pk: { S: "p" } } });
const get = (options: object = patient) => pair.small.send("GetItem", GET, options);
const sized = (text: string) => ({ "content-length": Buffer.byteLength(text) });

test("a request is the one that the SDK's client sends", async () => {
  pair.answer((response) => response.end(FOUND));
  expect(await get()).toEqual({ Item: { pk: "p" } });
  await pair.sdk.send("GetItem", GET, patient);
  const [small, sdk] = pair.received;
  expect(JSON.parse(small?.body ?? "")).toEqual(JSON.parse(sdk?.body ?? ""));
  for (const name of ["content-type", "host", "x-amz-target", "content-length"]) {
    expect([name, small?.headers[name]]).toEqual([name, sdk?.headers[name]]);
  }
});

test("an error of DynamoDB is the SDK's", async () => {
  const body = `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow"}`;
  pair.answer((response) =>
    response
      .writeHead(400, { "x-amzn-requestid": "R1", date: new Date().toUTCString(), ...sized(body) })
      .end(body),
  );
  const [small, sdk] = [
    await outcomeOf(get()),
    await outcomeOf(pair.sdk.send("GetItem", GET, patient)),
  ];
  expect(small).toEqual(sdk);
});

test("calls share a few connections, and each gets its own reply", async () => {
  const ports = new Set<unknown>();
  pair.answer((response, { body }) => {
    ports.add(response.req.socket.remotePort);
    const { Key } = JSON.parse(body) as { Key: { pk: { S: string } } };
    setTimeout(() => response.end(JSON.stringify({ Item: { pk: Key.pk } })), Math.random() * 5);
  });
  const names = Array.from({ length: 100 }, (_, n) => `p${n}`);
  const found = await Promise.all(
    names.map((pk) => pair.small.send("GetItem", { ...GET, Key: { pk, sk: "s" } }, patient)),
  );
  expect(found.map(({ Item }) => Item?.["pk"])).toEqual(names);
  expect(ports.size).toBe(4);
});

test("a server that does not answer, or stops, is a time-out", async () => {
  pair.answer(() => undefined);
  expect(await failure(get({ requestTimeout: 50 }))).toMatchObject({
    name: "TimeoutError",
    code: "ETIMEDOUT",
  });
  pair.answer((response) => response.writeHead(200, sized(FOUND)).write(FOUND.slice(0, 9)));
  expect(await failure(get({}))).toMatchObject({ name: "TimeoutError" });
});

test("the time-out begins again with each part of a reply", async () => {
  const opened = openedSockets();
  const server = await serveRaw();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const transport = openSocketTransport(new URL(server.endpoint), 1);
  onTestFinished(() => transport.close());
  const reply = transport.send({ ...POST, timeout: 400 });
  const [socket] = await server.connections(1);
  const bytes = replyText(200, {}, FOUND);
  for (let to = 10; to < bytes.length + 10; to += 10) {
    socket?.write(bytes.subarray(to - 10, to));
    while (Number(opened[0]?.bytesRead) < Math.min(to, bytes.length)) await turnOfLoop();
    vi.advanceTimersByTime(300);
  }
  expect((await reply).body.toString()).toBe(FOUND);
});

test("a call that times out or is aborted leaves the others on its connection", async () => {
  const server = await serveRaw();
  const transport = openSocketTransport(new URL(server.endpoint), 1);
  onTestFinished(() => transport.close());
  const send = (with_: HttpRequest) => transport.send(with_);
  const controller = new AbortController();
  const late = failure(send({ ...POST, timeout: 20 }));
  const left = failure(send({ ...POST, abortSignal: controller.signal }));
  const kept = send(POST);
  expect(await late).toMatchObject({ name: "TimeoutError" });
  controller.abort();
  expect(await left).toMatchObject({ name: "AbortError" });
  const [first] = await server.connections(1);
  for (const body of ["1", "2", "3"]) first?.write(replyText(200, {}, body));
  expect((await kept).body.toString()).toBe("3");
  // The replies may have been late on that connection, so the next call gets another one.
  const next = send(POST);
  const [, second] = await server.connections(2);
  second?.write(replyText(200, {}, "4"));
  expect((await next).body.toString()).toBe("4");
});

test("a reply is acknowledged while another is waited for and nothing else is sent", async () => {
  const server = await serveRaw();
  const transport = openSocketTransport(new URL(server.endpoint), 1);
  onTestFinished(() => transport.close());
  const both = [transport.send(POST), transport.send(POST)];
  const [socket] = await server.connections(1);
  let received = "";
  socket?.on("data", (bytes) => (received += bytes));
  await vi.waitUntil(() => received.match(/POST/g)?.length === 2);
  const sent = received;
  socket?.write(replyText(200, {}, "1"));
  // As an engine does that sends small replies one at a time (Nagle's algorithm).
  await vi.waitUntil(() => received.length > sent.length);
  expect(received).toBe(`${sent}\r\n`);
  socket?.write(replyText(200, {}, "2"));
  expect((await Promise.all(both)).map(({ body }) => body.toString())).toEqual(["1", "2"]);
});

test("an aborted call ends, before and while it is sent", async () => {
  const before = get({ ...patient, abortSignal: AbortSignal.abort() });
  expect(await failure(before)).toMatchObject({ name: "AbortError" });
  const controller = new AbortController();
  pair.answer(() => controller.abort());
  const call = get({ ...patient, abortSignal: controller.signal });
  expect(await failure(call)).toMatchObject({ name: "AbortError" });
});

test.each([
  ["port without a server", "http://127.0.0.1:1", "ECONNREFUSED"],
  ["host that does not exist", "http://no.such.host.invalid", "ENOTFOUND"],
])("a %s is its network error, and the call may have been applied", async (_, endpoint, code) => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
  const options = { region: "eu-west-1", endpoint, credentials, transport: openSocketTransport };
  const client = createSmallClient(options, 1);
  const error = (await failure(client.send("GetItem", GET))) as { code: string };
  expect([code, "EAI_AGAIN"]).toContain(error.code);
  const end = await storeCall(() => client.send("GetItem", GET));
  expect(end).toMatchObject({ attempts: 3, isLost: true });
});

test.each([
  ["that breaks off", { "content-length": "999" }],
  ["with another checksum", { "x-amz-crc32": "1", ...sized(FOUND) }],
  ["without a length", {}],
  ["in an unknown coding", { "transfer-encoding": "chunked" }],
  ["with a length and a coding", { "transfer-encoding": "gzip", ...sized(FOUND) }],
])("a reply %s may have been applied", async (_, headers) => {
  pair.answer((response) => {
    response.writeHead(200, headers);
    if ("content-length" in headers) response.write(FOUND, () => response.destroy());
    else response.end(FOUND);
  });
  const end = await storeCall((options) => get({ ...patient, ...options }));
  expect(end).toMatchObject({ attempts: 3, isLost: true });
});

test("a connection that the server closes, before a reply or after it, is not used again", async () => {
  pair.answer((response) => response.destroy());
  expect(await storeCall((options) => get(options))).toMatchObject({ attempts: 3, isLost: true });
  for (const header of ["close", "x, Close"]) {
    pair.answer((response) => response.setHeader("connection", header).end(FOUND));
    for (let n = 0; n < 5; n++) expect(await get()).toEqual({ Item: { pk: "p" } });
  }
});

test("a connection gets no request once the server's end of it has been read", async () => {
  const opened = openedSockets();
  const server = await serveRaw();
  server.answer(replyText(200, {}, "1"));
  const transport = openSocketTransport(new URL(server.endpoint), 1);
  onTestFinished(() => transport.close());
  await transport.send(POST);
  const ended = new Promise((resolve) => opened[0]?.once("end", () => process.nextTick(resolve)));
  const [socket] = await server.connections(1);
  socket?.end();
  await ended; // its `close` comes later
  expect((await transport.send(POST)).body.toString()).toBe("1");
});

test("a header that HTTP cannot carry is refused before anything is sent", async () => {
  pair.answer((response) => response.end(FOUND));
  const transport = openSocketTransport(new URL(pair.endpoint), 1);
  const headers = { "x-token": "a\r\nhost: elsewhere" };
  const call = transport.send({ method: "GET", path: "/", headers, body: "", timeout: 1_000 });
  expect(await failure(call)).toBeInstanceOf(TypeError);
  expect(pair.received).toHaveLength(0);
  transport.close();
});

const EARLY_HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n";
const text = fc.string({ unit: fc.constantFrom(..."abc xyz-0123456789é".split("")) });
const replies = fc.array(
  fc.record({
    interim: fc.constantFrom("", "HTTP/1.1 100 Continue\r\n\r\n", EARLY_HINTS),
    status: fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(204, 304)),
    headers: fc.dictionary(
      fc
        .string({ unit: fc.constantFrom(..."abcdefgh".split("")), minLength: 1 })
        .map((name) => `x-${name}`),
      fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
    ),
    body: fc.oneof(text, fc.string({ unit: "grapheme", maxLength: 2_000 })),
  }),
  { minLength: 1, maxLength: 8 },
);

test("any replies, cut anywhere, are those that node:http reads", async () => {
  await fc.assert(
    fc.asyncProperty(
      replies,
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
      async (all, sizes) => {
        const bytes = Buffer.concat(
          all.map(({ status, headers, body, interim }) =>
            replyText(status, headers, body, interim),
          ),
        );
        const server = await serveRaw();
        const sockets = openSocketTransport(new URL(server.endpoint), 1);
        const read = Promise.all(all.map(() => sockets.send(POST)));
        const [socket] = await server.connections(1);
        for (let from = 0, n = 0; from < bytes.length; n++) {
          const to = from + (sizes[n % sizes.length] ?? 1);
          socket?.write(bytes.subarray(from, to));
          await turnOfLoop();
          from = to;
        }
        const plain: HttpReply[] = [];
        const http = openTransport(new URL(server.endpoint), 1);
        for (const { status, headers, body, interim } of all) {
          server.answer(replyText(status, headers, body, interim));
          plain.push(await http.send(POST));
        }
        expect((await read).map(contentOf)).toEqual(plain.map(contentOf));
        sockets.close();
        http.close();
        server.close();
      },
    ),
    { numRuns: Number(process.env["SIGNATURES"] ?? 60) },
  );
}, 300_000);

const contentOf = ({ status, headers, body }: HttpReply) => ({
  status,
  headers: { ...headers },
  body: body.toString(),
});

function replyText(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  interim = "",
): Buffer {
  const fields = { ...headers, "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const sent = status === 204 || status === 304 ? "" : body; // RFC 9112, section 6.3
  return Buffer.from(`${interim}HTTP/1.1 ${status} Text\r\n${lines.join("")}\r\n${sent}`);
}

/** The sockets that the test opens as a client. */
function openedSockets(): Socket[] {
  const opened: Socket[] = [];
  const onOpened = (message: unknown) => opened.push((message as { socket: Socket }).socket);
  subscribe("net.client.socket", onOpened);
  onTestFinished(() => void unsubscribe("net.client.socket", onOpened));
  return opened;
}

/** A server whose replies are bytes, and may come before or after the requests that they answer. */
async function serveRaw() {
  const sockets: Socket[] = [];
  const waiting: (() => void)[] = [];
  let reply: Buffer | undefined;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", () => reply && socket.write(reply));
    for (const wake of waiting.splice(0)) wake();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => close());
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The connections so far, once there are so many. */
    async connections(count: number): Promise<Socket[]> {
      while (sockets.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return sockets;
    },
    answer(with_: Buffer) {
      reply = with_;
    },
    close,
  };
}
