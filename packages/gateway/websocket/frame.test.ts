import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { type WebSocketClient, eventually, openClient } from "../cases/websocket-client.ts";
import { type Listening, listen } from "../server.ts";
import { type WebSocketApi, createWebSocketApi } from "./websocket-api.ts";
import { type CorpusFrame, type Item, bytesOf, framesOf, items, statusOf } from "./corpus.ts";
import { closeCodeOf, createFramer, guardFrames, textFrame } from "./frame.ts";
import { handshake, rawSocket } from "./fixture.ts";

let api: WebSocketApi;
let server: Listening;
let bystander: WebSocketClient;
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
  bystander = await openClient(`ws://localhost:${server.port}/dev`);
});

afterAll(async () => {
  await api.close();
  await server.close();
});

async function expectBystanderServed(text: string): Promise<void> {
  const message = JSON.stringify({ action: "echo", text });
  bystander.ws.send(message);
  expect(await eventually(() => bystander.messages.shift())).toBe(message);
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
  // What is not whole swallows the probe; then only the bystander shows that all is well.
  const whole = f.every(({ raw }) => raw === undefined);
  if (kind !== "any") expect(await eventually(probed)).toBe(true);
  else if (whole) expect(await eventually(() => probed() ?? closeCode())).toBeDefined();
  socket.destroy();
}

describe("frames of the corpus", () => {
  test.each(items)("$id", async (item) => {
    await play(item);
    await expectBystanderServed(item.id);
    expect(problems).toEqual([]);
  });

  test("all of it again and again leaves neither connections nor memory behind", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const quick = items.filter(({ expect: kind }) => kind === "close");
    for (const item of quick) await play(item);
    const before = held();
    for (let round = 0; round < 3; round++) for (const item of quick) await play(item);
    await vi.waitFor(() => expect(api.connections).toBe(1), { timeout: 5000 });
    expect(held() - before).toBeLessThan(30e6);
    await expectBystanderServed("after all");
  });
});

test.each([0, 1, 125, 126, 65_535, 65_536, 131_072])(
  "a frame of %d bytes is whole",
  async (size) => {
    const payload = Buffer.alloc(size, "é");
    const frame = textFrame(payload);
    expect(frame.subarray(frame.length - size).equals(payload)).toBe(true);
    const [parsed] = size < 65_536 ? framesOf(Buffer.concat([Buffer.from("\r\n\r\n"), frame])) : [];
    expect(parsed?.payload.length ?? size).toBe(size);
    expect(frame.length - size).toBe(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  },
);

test("bytes that changed are not taken for those before, though they are in the same buffer", () => {
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

test("a ws whose frames cannot be counted is not used", () => {
  expect(() => guardFrames({} as WebSocket, 1)).toThrow("cannot be guarded");
  expect(() => guardFrames({ _receiver: {} } as unknown as WebSocket, 1)).toThrow("guarded");
  expect(closeCodeOf(new Error("unknown"))).toBe(1002);
});

const text = (size: number, op = 1, fin: 0 | 1 = 1): CorpusFrame => ({ op, fin, n: size });
test.each<[string, CorpusFrame[], number | undefined]>([
  ["a frame of 32 KB", [text(32_768)], undefined],
  ["a frame of one byte more", [text(32_769)], 1009],
  ["a continuation of one byte more", [text(1, 1, 0), text(32_769, 0)], 1009],
  [
    "four frames of 32 KB",
    [text(32_768, 1, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(32_768, 0)],
    undefined,
  ],
  [
    "one byte more in five frames",
    [text(32_768, 1, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(32_768, 0, 0), text(1, 0)],
    1009,
  ],
  ["an announcement of 16 MB", [{ raw: "81ff0000000001000000" }], 1009],
  ["an empty binary message", [{ op: 2, p: "" }], 1003],
  ["the beginning of a binary message", [{ op: 2, fin: 0, p: "a" }], 1003],
  ["1025 fragments", [text(1, 1, 0), { ...text(1, 0, 0), repeat: 1024 }], 1008],
])("%s", async (id, f, code) => {
  await play(
    code === undefined ? { id, f, expect: "alive" } : { id, f, expect: "close", codes: [code] },
  );
  const ending = await eventually(() =>
    disconnects.find(({ identity }) => identity.userAgent === id),
  );
  expect(ending).toMatchObject({ disconnectStatusCode: code ?? 1006 });
});
