import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type WebSocketClient, eventually, openClient } from "../cases/websocket-client.ts";
import { type Listening, listen } from "../server.ts";
import { type WebSocketApi, createWebSocketApi } from "./websocket-api.ts";
import {
  type CorpusFrame,
  type Item,
  bytesOf,
  framesOf,
  items,
  statusOf,
} from "../test/frame-corpus.ts";
import { closeCodeOf } from "./connection.ts";
import { createFrameScanner } from "./frame-limit.ts";
import { createFramer, textFrame } from "./frame.ts";
import { handshake, rawSocket, serveWebSocketApi } from "../test/websocket-fixture.ts";

let api: WebSocketApi;
let server: Listening;
let otherClient: WebSocketClient;
const problems: unknown[] = [];
const disconnects: { identity: { userAgent?: string } }[] = [];

beforeAll(async () => {
  api = createWebSocketApi({
    stage: "dev",
    routeSelectionExpression: "$request.body.action",
    routes: [
      { routeKey: "$default", handler: () => ({ statusCode: 200 }) },
      {
        routeKey: "echo",
        routeResponse: true,
        handler: ({ body }: { body: string }) => ({ statusCode: 200, body }),
      },
      {
        routeKey: "$disconnect",
        handler: ({ requestContext }: { requestContext: (typeof disconnects)[number] }) =>
          void disconnects.push(requestContext),
      },
    ],
    limits: { connections: { rate: 1e6, burst: 1e6 }, closing: 300 },
    onError: (problem) => problems.push(problem),
  });
  server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (_, res) => void res.end(),
    upgrade: (req, socket, head) => void api.upgrade(req, socket, head),
  });
  otherClient = await openClient(`ws://localhost:${server.port}/dev`);
});

afterAll(async () => {
  await api.close();
  await server.close();
});

async function expectOtherClientServed(text: string): Promise<void> {
  const message = JSON.stringify({ action: "echo", text });
  otherClient.ws.send(message);
  expect(await eventually(() => otherClient.messages.shift())).toBe(message);
}

async function play({ id, f, deflate, expect: kind, codes = [] }: Item): Promise<void> {
  const offer = {
    "User-Agent": id,
    "Sec-WebSocket-Extensions": deflate ? "permessage-deflate" : undefined,
  };
  const { socket, received, ended } = rawSocket(server.port, handshake(offer));
  await eventually(() => received().includes("\r\n\r\n") || undefined);
  for (const frame of f) {
    const bytes = bytesOf(frame);
    if (frame.drip) for (const byte of bytes) socket.write(Buffer.from([byte]));
    else for (let n = 0; n < (frame.repeat ?? 1); n++) socket.write(bytes);
  }
  const closeCode = () => {
    const close = framesOf(received()).find(({ op }) => op === 8);
    if (close) return statusOf(close.payload);
    return ended() ? 1006 : undefined;
  };
  if (kind === "close") {
    const code = await eventually(closeCode);
    expect(codes).toContain(code);
    return void socket.destroy();
  }
  if (kind === "pong")
    expect(await eventually(() => framesOf(received())[0])).toMatchObject({ op: 10 });
  socket.write(bytesOf({ op: 9, p: "probe" }));
  const probed = () =>
    framesOf(received()).some(({ op, payload }) => op === 10 && payload.toString() === "probe") ||
    undefined;
  // An incomplete frame would take the probe as its payload.
  const isComplete = f.every(({ raw }) => raw === undefined);
  if (kind !== "any") expect(await eventually(probed)).toBe(true);
  else if (isComplete) expect(await eventually(() => probed() ?? closeCode())).toBeDefined();
  socket.destroy();
}

describe("frames of the corpus", () => {
  test.each(items)("$id", async (item) => {
    await play(item);
    await expectOtherClientServed(item.id);
    expect(problems).toEqual([]);
  });

  test("repeated violations leave neither connections nor memory behind", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const quick = items.filter(({ expect: kind }) => kind === "close");
    await Promise.all(quick.map(play));
    const before = held();
    for (let round = 0; round < 3; round++) await Promise.all(quick.map(play));
    await vi.waitFor(() => expect(api.connections).toBe(1), { timeout: 30_000 });
    expect(held() - before).toBeLessThan(30e6);
    await expectOtherClientServed("after all");
  });
});

test.each([0, 1, 125, 126, 65_535, 65_536, 131_072])(
  "a text frame of %d bytes has the right header and payload",
  async (size) => {
    const payload = Buffer.alloc(size, "é");
    const frame = textFrame(payload);
    expect(frame.subarray(frame.length - size).equals(payload)).toBe(true);
    const [parsed] = size < 65_536 ? framesOf(Buffer.concat([Buffer.from("\r\n\r\n"), frame])) : [];
    expect(parsed?.payload.length ?? size).toBe(size);
    expect(frame.length - size).toBe(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  },
);

test("a framer notices that the bytes of the same buffer have changed", () => {
  const frame = createFramer();
  const payload = Buffer.from("one");
  const one = frame(payload);
  expect(frame(Buffer.from("one"))).toBe(one);
  payload.write("two");
  const two = frame(payload);
  expect([one, two].map((bytes) => bytes.toString("latin1"))).toEqual([
    "\x81\x03one",
    "\x81\x03two",
  ]);
  expect(frame(Buffer.from("twofold")).toString("latin1")).toBe("\x81\x07twofold");
  expect(frame(Buffer.alloc(0)).toString("latin1")).toBe("\x81\x00");
});

test("an unknown error of ws is a protocol error", () => {
  expect(closeCodeOf(new Error("unknown"))).toBe(1002);
});

const text = (size: number, op = 1, fin: 0 | 1 = 1): CorpusFrame => ({ op, fin, n: size });
test.each<[string, CorpusFrame[], number | undefined]>([
  ["a frame of 32 KB", [text(32_768)], undefined],
  ["a frame of 32 KB and one byte", [text(32_769)], 1009],
  ["a continuation frame of 32 KB and one byte", [text(1, 1, 0), text(32_769, 0)], 1009],
  [
    "a message of four frames of 32 KB",
    [text(32_768, 1, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(32_768, 0)],
    undefined,
  ],
  [
    "128 KB and one byte in five frames",
    [text(32_768, 1, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(1, 0)],
    1009,
  ],
  ["a header that announces 16 MB", [{ raw: "81ff0000000001000000" }], 1009],
  ["an empty binary message", [{ op: 2, p: "" }], 1003],
  ["the first frame of a binary message", [{ op: 2, fin: 0, p: "a" }], 1003],
  ["1025 fragments", [text(1, 1, 0), { ...text(1, 0, 0), repeat: 1024 }], 1008],
  ["text that is not UTF-8", [{ raw: "818100000000ff" }], 1007],
])("a client that sends %s gets its close code", async (id, f, code) => {
  await play(
    code === undefined ? { id, f, expect: "alive" } : { id, f, expect: "close", codes: [code] },
  );
  const disconnect = await eventually(() =>
    disconnects.find(({ identity }) => identity.userAgent === id),
  );
  expect(disconnect).toMatchObject({ disconnectStatusCode: code ?? 1006 });
});

test("a violation does not overtake the messages before it, also when reading is paused", async () => {
  const gate = Promise.withResolvers<object>();
  const { port, events, event } = await serveWebSocketApi({
    limits: { queued: 1 },
    routes: { $default: () => gate.promise },
  });
  const { socket } = rawSocket(port, handshake());
  socket.write(bytesOf({ op: 1, p: "1" }));
  await event("$default");
  for (const frame of [
    { op: 1, p: "2" },
    { op: 2, p: "3" },
    { op: 1, p: "4" },
  ]) {
    // The server is in this process: after a turn of the event loop it has seen the bytes.
    await new Promise((resolve) => {
      socket.write(bytesOf(frame), () => setImmediate(() => setImmediate(resolve)));
    });
  }
  gate.resolve({ statusCode: 200 });
  expect((await event("$disconnect")).requestContext["disconnectStatusCode"]).toBe(1003);
  expect(events.map(({ body }) => body)).toEqual(["1", "2", undefined]);
});

test("a frame is judged the same in chunks of any size", () => {
  const small = bytesOf({ op: 1, p: "a" });
  const ping = bytesOf({ op: 9, p: "b" });
  const middle = bytesOf({ op: 1, n: 300 });
  const large = bytesOf({ op: 1, n: 70_000 });
  const binary = bytesOf({ op: 2, p: "c" });
  const passed = Buffer.concat([small, ping, middle]);
  for (const size of [1, 2, 3, 7, 10, 100, 1e6]) {
    for (const [refused, violation] of [
      [large, 1009],
      [binary, 1003],
    ] as const) {
      const scan = createFrameScanner(32_768);
      const bytes = Buffer.concat([passed, refused]);
      let allowed = 0;
      let found: number | undefined;
      for (let at = 0; at < bytes.length && found === undefined; at += size) {
        const result = scan(bytes.subarray(at, at + size));
        allowed += result.allowed;
        found = result.violation;
      }
      expect(found).toBe(violation);
      // Part of the refused header may have passed before the header was complete.
      expect(allowed).toBeGreaterThanOrEqual(passed.length);
      expect(allowed).toBeLessThan(passed.length + 10);
    }
  }
});

test("a control frame between two fragments does not end the message", () => {
  const parts = [text(1, 1, 0), { op: 9, p: "ping" }, { op: 10, p: "pong" }];
  const bytes = Buffer.concat([...parts, text(40_000, 0)].map(bytesOf));
  // The last one is still a continuation, so it is judged.
  expect(createFrameScanner(32_768)(bytes).violation).toBe(1009);
});

test.each<[string, CorpusFrame[]]>([
  ["a reserved bit", [{ op: 2, rsv: 4, p: "a" }]],
  ["no mask", [{ op: 2, mask: 0, p: "a" }]],
  [
    "a new message inside another",
    [
      { op: 1, fin: 0, p: "a" },
      { op: 2, p: "b" },
    ],
  ],
  ["a continuation without a message", [{ op: 0, n: 40_000 }]],
  ["a binary frame after a close frame", [{ op: 8 }, { op: 2, p: "a" }]],
])("%s is left to ws", (_, frames) => {
  const bytes = Buffer.concat(frames.map(bytesOf));
  expect(createFrameScanner(32_768)(bytes)).toEqual({ allowed: bytes.length });
});
