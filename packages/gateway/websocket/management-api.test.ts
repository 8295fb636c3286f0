import {
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { beforeEach, expect, test, vi } from "vitest";
import { type RawResponse, exchange, request } from "../cases/raw-http.ts";
import { header } from "../test/fixture.ts";
import {
  KEYS,
  type ServedWebSocketApi,
  rawSocket,
  serveWebSocketApi,
} from "../test/websocket-fixture.ts";

const post = (ConnectionId: string, Data: string | Uint8Array) =>
  new PostToConnectionCommand({ ConnectionId, Data });
const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 });
const errorOf = ({ status, headers, body }: RawResponse) => [
  status,
  headers.find(([name]) => name.toLowerCase() === "x-amzn-errortype")?.[1],
  body.length > 0 ? (JSON.parse(body.toString()) as { message: string }).message : "",
];

test("signed POSTs reach the client as text messages in order", async () => {
  const { open, caller } = await serveWebSocketApi();
  const client = await open();
  const sender = caller();
  for (const text of ["one", "zwei äöü 😀", "", "x".repeat(131_072)]) {
    await sender.send(post(client.id, text));
  }
  await until(() => expect(client.messages).toHaveLength(4));
  expect(client.messages.slice(0, 3)).toEqual(["one", "zwei äöü 😀", ""]);
  expect(client.messages[3]).toHaveLength(131_072);
});

test("GET returns the identity, the connection time and the last activity", async () => {
  let now = Date.parse("2026-01-02T03:04:05.678Z");
  const { open, caller, api } = await serveWebSocketApi({ clock: () => now });
  const client = await open("/dev", { headers: [["User-Agent", "UA"]] });
  const signedAt = { systemClockOffset: now - Date.now() };
  const get = () => caller(signedAt).send(new GetConnectionCommand({ ConnectionId: client.id }));
  expect(await get()).toMatchObject({
    ConnectedAt: new Date(now),
    Identity: { SourceIp: "127.0.0.1", UserAgent: "UA" },
    LastActiveAt: new Date(now),
  });
  now += 1000;
  api.send(client.id, Buffer.from("x"));
  expect(await get()).toMatchObject({
    ConnectedAt: new Date(now - 1000),
    LastActiveAt: new Date(now),
  });
});

test("DELETE closes with 1000 and runs $disconnect", async () => {
  const { open, caller, event, api } = await serveWebSocketApi();
  const client = await open();
  const deleted = await caller().send(new DeleteConnectionCommand({ ConnectionId: client.id }));
  expect(deleted.$metadata.httpStatusCode).toBe(204);
  expect(api.connections).toBe(0);
  await until(() => expect(client.closed?.code).toBe(1000));
  expect((await event("$disconnect")).requestContext).toMatchObject({
    connectionId: client.id,
    disconnectStatusCode: 1000,
    disconnectReason: "Connection Closed Normally",
  });
});

test("every command for a connection that does not exist is a GoneException", async () => {
  const { open, caller, event } = await serveWebSocketApi();
  const client = await open();
  client.ws.close();
  await event("$disconnect");
  const sender = caller();
  for (const ConnectionId of [client.id, "AAAAAAAAAAAAAAA=", "nonsense", "__proto__", "a/b", "%"]) {
    for (const send of [
      () => sender.send(post(ConnectionId, "x")),
      () => sender.send(new GetConnectionCommand({ ConnectionId })),
      () => sender.send(new DeleteConnectionCommand({ ConnectionId })),
    ]) {
      await expect(send()).rejects.toMatchObject({
        name: "GoneException",
        $metadata: { httpStatusCode: 410 },
      });
    }
  }
});

test("a connection does not exist before $connect has returned", async () => {
  const connecting = Promise.withResolvers<object>();
  const { open, caller, event, api } = await serveWebSocketApi({
    routes: { $connect: () => connecting.promise },
  });
  const opening = open();
  const { requestContext } = await event("$connect");
  await expect(caller().send(post(requestContext.connectionId, "early"))).rejects.toMatchObject({
    name: "GoneException",
  });
  expect(api.connections).toBe(0);
  connecting.resolve({ statusCode: 200 });
  const client = await opening;
  await caller().send(post(requestContext.connectionId, "in time"));
  await until(() => expect(client.messages).toEqual(["in time"]));
});

test("bytes that are not UTF-8 do not end the connection of the receiver", async () => {
  const { open, caller } = await serveWebSocketApi();
  const [one, other] = [await open(), await open()];
  const sender = caller();
  const data = (ConnectionId: string, bytes: number[]) =>
    sender.send(new PostToConnectionCommand({ ConnectionId, Data: Buffer.from(bytes) }));
  await data(one.id, [0x61, 0xff, 0x62]);
  await data(other.id, [0x61, 0xff, 0x62]);
  await data(one.id, [0xbf, 0xbd, 0x62]); // the last bytes of the repaired text
  await data(one.id, [0x62]);
  await until(() => expect(one.messages).toEqual(["a\uFFFDb", "\uFFFD\uFFFDb", "b"]));
  await until(() => expect(other.messages).toEqual(["a\uFFFDb"]));
});

test.each(["/@connections/AAAAAAAAAAAAAAA=", "/%40connections/x?y", "/@connections"])(
  "%s without the stage is 403",
  async (target) => {
    const { port } = await serveWebSocketApi();
    const { status, body } = await request(port, { method: "POST", target });
    expect([status, body.toString()]).toEqual([403, '{"message":"Forbidden"}']);
  },
);

test("a message above 128 KB is a PayloadTooLargeException and is not sent", async () => {
  const { open, caller } = await serveWebSocketApi();
  const client = await open();
  const sender = caller();
  await expect(sender.send(post(client.id, "x".repeat(131_073)))).rejects.toMatchObject({
    name: "PayloadTooLargeException",
    $metadata: { httpStatusCode: 413 },
  });
  await sender.send(post(client.id, "after"));
  await until(() => expect(client.messages).toEqual(["after"]));
});

test("a caller in the same process has the answers and the throttle of a signed POST", async () => {
  const { open, api, caller } = await serveWebSocketApi({
    limits: { management: { rate: 0, burst: 4 }, message: 10 },
  });
  const client = await open();
  const other = await open();
  other.ws.close();
  await until(() => expect(api.connections).toBe(1));
  expect(api.post(client.id, Buffer.from("für Ana"))).toBe(200);
  expect(api.post(client.id, Buffer.from("x".repeat(11)))).toBe(413);
  expect(api.post(other.id, Buffer.from("x"))).toBe(410);
  expect(api.post(client.id, Buffer.from("end"))).toBe(200);
  expect(api.post(client.id, Buffer.from("x"))).toBe(429);
  await expect(caller().send(post(client.id, "x"))).rejects.toThrow("Too Many Requests");
  await until(() => expect(client.messages).toEqual(["für Ana", "end"]));
});

test("calls above the rate of the account are a LimitExceededException", async () => {
  const { open, caller } = await serveWebSocketApi({
    limits: { management: { rate: 0, burst: 1 } },
  });
  const client = await open();
  await caller().send(post(client.id, "1"));
  await expect(caller().send(post(client.id, "2"))).rejects.toMatchObject({
    name: "LimitExceededException",
    $metadata: { httpStatusCode: 429 },
  });
});

test("an API without credentials refuses every caller", async () => {
  const { open, caller } = await serveWebSocketApi({ credentials: {} });
  const client = await open();
  await expect(caller().send(post(client.id, "x"))).rejects.toMatchObject({
    name: "UnrecognizedClientException",
    $metadata: { httpStatusCode: 403 },
  });
  const credentials = { accessKeyId: "__proto__", secretAccessKey: "" };
  await expect(caller({ credentials }).send(post(client.id, "x"))).rejects.toMatchObject({
    name: "UnrecognizedClientException",
  });
});

/** A request that the SDK has signed but not sent. */
interface Signed {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: Buffer;
}

async function signedBySdk(
  { caller }: ServedWebSocketApi,
  connectionId: string,
  config: Parameters<ServedWebSocketApi["caller"]>[0] = {},
): Promise<Signed> {
  let signed: Signed | undefined;
  const handle = ({ method, path, headers, body }: Record<string, unknown>) => {
    signed = {
      method: String(method),
      target: String(path),
      headers: headers as Record<string, string>,
      body: Buffer.from(body as Uint8Array),
    };
    return Promise.reject(new Error("not sent"));
  };
  const sender = caller({ ...config, requestHandler: { handle } as never });
  await expect(sender.send(post(connectionId, "hello"))).rejects.toThrow("not sent");
  if (!signed) throw new Error("the SDK has signed nothing");
  return signed;
}

const sendRaw = (
  { port }: ServedWebSocketApi,
  { headers, ...rest }: Signed,
): Promise<RawResponse> => request(port, { ...rest, headers: Object.entries(headers) });

let served: ServedWebSocketApi;
let now: number;
beforeEach(async () => {
  now = Date.now();
  served = await serveWebSocketApi({ clock: () => now });
});

test("accepts a request as the SDK signs it", async () => {
  const client = await served.open();
  const signed = await signedBySdk(served, client.id);
  expect(signed.target).toBe(`/dev/@connections/${encodeURIComponent(client.id)}`);
  expect((await sendRaw(served, signed)).status).toBe(200);
  now += 4 * 60_000;
  expect((await sendRaw(served, signed)).status).toBe(200);
  await until(() => expect(client.messages).toEqual(["hello", "hello"]));
});

const flip = (text: string) => text.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
const part = (name: string, from: string | RegExp, to: string) => (signed: Signed) => {
  const { headers } = signed;
  const before = headers[name] ?? "";
  expect(before.replace(from, to)).not.toBe(before);
  return { ...signed, headers: { ...headers, [name]: before.replace(from, to) } };
};
const without = (name: string) => (signed: Signed) => {
  const { [name]: _, ...headers } = signed.headers;
  return { ...signed, headers };
};

const WRONG = [403, "InvalidSignatureException", /does not match the signature you provided/];
const INCOMPLETE = [403, "IncompleteSignatureException", /^Authorization header requires/];
test.each<[string, (signed: Signed) => Signed, unknown[]]>([
  ["another body", (signed) => ({ ...signed, body: Buffer.from("hellO") }), WRONG],
  ["another method", (signed) => ({ ...signed, method: "DELETE" }), WRONG],
  ["another connection", (signed) => ({ ...signed, target: flip(signed.target) }), WRONG],
  ["a query", (signed) => ({ ...signed, target: `${signed.target}?a=1` }), WRONG],
  [
    "another signature",
    (s) => ({
      ...s,
      headers: { ...s.headers, authorization: flip(s.headers["authorization"] ?? "") },
    }),
    WRONG,
  ],
  ["another host", part("host", "localhost", "127.0.0.1"), WRONG],
  ["another payload hash", part("x-amz-content-sha256", /^../, "zz"), WRONG],
  ["no host among the signed headers", part("authorization", "host;", ""), INCOMPLETE],
  [
    "no date among the signed headers",
    part("authorization", "x-amz-date", "x-amz-dat"),
    INCOMPLETE,
  ],
  ["fewer signed headers", part("authorization", "x-amz-content-sha256;", ""), WRONG],
  ["no date", without("x-amz-date"), INCOMPLETE],
  ["a malformed date", part("x-amz-date", /^..../, "99-9"), INCOMPLETE],
  [
    "another date",
    part("x-amz-date", /^..../, "1999"),
    [403, "InvalidSignatureException", /^Date in Credential scope/],
  ],
  [
    "no Authorization",
    without("authorization"),
    [403, "MissingAuthenticationTokenException", /^Missing Authentication Token$/],
  ],
  ["a bearer token", part("authorization", /.+/, "Bearer abc"), INCOMPLETE],
  ["a truncated Authorization header", part("authorization", /.{80}$/, ""), INCOMPLETE],
  [
    "an unknown key",
    part("authorization", KEYS.accessKeyId, "AKIDOTHER"),
    [403, "UnrecognizedClientException", /security token/],
  ],
])("a request with %s is refused and sends nothing", async (_, change, [status, type, text]) => {
  const client = await served.open();
  const response = await sendRaw(served, change(await signedBySdk(served, client.id)));
  expect(errorOf(response)).toEqual([status, type, expect.stringMatching(text as RegExp)]);
  expect(served.api.send(client.id, Buffer.from("end"))).toBe("sent");
  await until(() => expect(client.messages).toEqual(["end"]));
});

test.each([
  ["another secret", { credentials: { ...KEYS, secretAccessKey: "wrong" } }, /does not match/],
  ["another region", { region: "eu-west-1" }, /valid region/],
  ["a clock that is slow", { systemClockOffset: -6 * 60_000 }, /^Signature expired/],
  ["a clock that is fast", { systemClockOffset: 6 * 60_000 }, /^Signature expired/],
])("a caller with %s is refused", async (_, config, text) => {
  const client = await served.open();
  const response = await sendRaw(served, await signedBySdk(served, client.id, config));
  expect(errorOf(response)).toEqual([
    403,
    "InvalidSignatureException",
    expect.stringMatching(text),
  ]);
});

test("leaves requests for other paths to other APIs", async () => {
  const client = await served.open();
  const signed = await signedBySdk(served, client.id);
  const response = await sendRaw(served, {
    ...signed,
    target: signed.target.replace("/dev", "/prod"),
  });
  expect([response.status, response.body.toString()]).toEqual([404, "another API"]);
  const endpoint = `http://localhost:${served.port}/dev/more`;
  const sender = served.caller({ endpoint });
  await expect(sender.send(post(client.id, "x"))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 404 },
  });
});

test("bodies that are wrong in length, incomplete or too large are not sent", async () => {
  const client = await served.open();
  const signed = await signedBySdk(served, client.id);
  const head = (more: Record<string, string>) =>
    `POST ${signed.target} HTTP/1.1\r\n${Object.entries({ ...signed.headers, ...more })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`;
  await expect(
    exchange(served.port, `${head({ "content-length": "99999999999" })}x`),
  ).resolves.toMatchObject({ status: 413 });
  const { "content-length": _, ...chunked } = signed.headers;
  const huge = Buffer.alloc(200_000, "x");
  const response = await request(served.port, {
    ...signed,
    headers: Object.entries({ ...chunked, "transfer-encoding": "chunked" }),
    body: Buffer.concat([
      Buffer.from(`${huge.length.toString(16)}\r\n`),
      huge,
      Buffer.from("\r\n0\r\n\r\n"),
    ]),
  });
  expect([response.status, header(response, "x-amzn-errortype")]).toEqual([
    413,
    "PayloadTooLargeException",
  ]);
  const { socket } = rawSocket(served.port, `${head({})}he`);
  socket.destroySoon();
  expect((await sendRaw(served, signed)).status).toBe(200);
  await until(() => expect(client.messages).toEqual(["hello"]));
  expect(served.problems).toEqual([]);
});
