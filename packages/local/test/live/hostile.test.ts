/** Whatever a client sends, it gets an error frame or is disconnected; other clients are not affected. */

import { readFileSync } from "node:fs";
import { newId } from "@stockwire/core/id";
import { afterAll, describe, expect, test } from "vitest";
import {
  type Handshake,
  type Item,
  bytesOf,
  framesOf,
  handshakes,
  items,
  statusOf,
} from "@stockwire/gateway/test/frame-corpus";
import { handshake, rawSocket } from "@stockwire/gateway/test/websocket-fixture";
import { frameFault } from "../../../functions/test/asyncapi.ts";
import { connect, type Frame, type LiveClient, until } from "./client.ts";
import { liveSuite } from "./suite.ts";

const ORIGIN = "https://shop.example.com";
const CANARY = "canary-of-hostile-frames";

const { api, create, laptop, open, subscriber, subscribe } = liveSuite("hostile", {
  LOG_LEVEL: "info",
  ALLOWED_ORIGINS: ORIGIN,
});

afterAll(() => {
  for (const line of laptop().output) {
    expect(line).not.toContain(CANARY);
    expect(line).not.toMatch(/eyJ[\w-]{20,}/);
    if (line.startsWith("{")) expect(JSON.parse(line)).toBeTypeOf("object");
  }
  expect(laptop().output.filter((line) => line.includes('"level":"ERROR"'))).toEqual([]);
});

const rss = (): number => {
  const status = readFileSync(`/proc/${laptop().pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024; // MiB
};

const answer = (received: Buffer) => /^HTTP\/1\.1 (\d{3})/.exec(received.toString("latin1"))?.[1];

async function shakeHands({ id, auth, h = {}, path = "/live", version = "1.1" }: Handshake) {
  const sub = newId();
  const exp = auth === "expired" ? { exp: 1 } : {};
  const token = laptop().token({ sub, scope: "admin", ...exp });
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${token.split(".")[1]}.`;
  const bearer = `Bearer ${auth === "algnone" ? unsigned : token}`;
  const given = Object.entries(h).map(([name, value]) => [
    name,
    value?.replace("{allowedOrigin}", ORIGIN).replace("{allowedHost}", new URL(ORIGIN).host),
  ]);
  const base: Record<string, string | undefined> = {
    ...(auth === "cookie" ? { cookie: `token=${token}` } : {}),
    ...(auth !== "cookie" && auth !== "none" ? { authorization: bearer } : {}),
    ...Object.fromEntries(given),
  };
  const canonical: Record<string, string | undefined> = {};
  const names = ["Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"];
  for (const [name, value] of Object.entries(base)) {
    canonical[names.find((each) => each.toLowerCase() === name) ?? name] = value;
  }
  const line = `GET ${path} HTTP/${version}`;
  const { received, ended } = rawSocket(
    Number(new URL(laptop().url).port),
    handshake(canonical, line),
  );
  return until(() => answer(received()) ?? (ended() && "none"), `an answer to ${id}`);
}

describe("the corpus", () => {
  test("invalid handshakes are refused by the gateway", async () => {
    for (const each of handshakes) {
      const status = await shakeHands(each);
      if (each.expect === "accept") expect([each.id, status]).toEqual([each.id, "101"]);
      if (each.expect === "refuse") expect([each.id, status]).not.toEqual([each.id, "101"]);
      expect([each.id, status < "500" || status === "none"]).toEqual([each.id, true]);
    }
  });

  /** Sends the frames of a corpus entry, and checks what the server does. */
  async function play({ id, f, deflate, expect: kind, codes = [] }: Item): Promise<void> {
    const token = laptop().token({ sub: newId(), scope: "admin" });
    const { socket, received, ended } = rawSocket(
      Number(new URL(laptop().url).port),
      handshake(
        {
          Authorization: `Bearer ${token}`,
          ...(deflate && { "Sec-WebSocket-Extensions": "permessage-deflate" }),
        },
        "GET /live HTTP/1.1",
      ),
    );
    expect(await until(() => answer(received()), `${id} to be accepted`)).toBe("101");
    for (const frame of f) {
      const bytes = bytesOf(frame);
      if (frame.drip) for (const byte of bytes) socket.write(Buffer.from([byte]));
      else for (let n = 0; n < (frame.repeat ?? 1); n++) socket.write(bytes);
    }
    const closeCode = () => {
      const close = framesOf(received()).find(({ op }) => op === 8);
      return close ? statusOf(close.payload) : ended() && 1006;
    };
    const probed = () =>
      framesOf(received()).some(({ op, payload }) => op === 10 && payload.toString() === "probe");
    if (kind === "close") expect(codes).toContain(await until(closeCode, `${id} to be closed`));
    else {
      socket.write(bytesOf({ op: 9, p: "probe" }));
      const whole = f.every(({ raw }) => raw === undefined);
      if (kind !== "any") await until(probed, `a pong after ${id}`);
      else if (whole) await until(() => probed() || closeCode(), `something after ${id}`);
    }
    for (const { op, payload } of framesOf(received())) {
      if (op === 1) expect(frameFault(JSON.parse(payload.toString()))).toBeUndefined();
    }
    socket.destroy();
  }

  test("each frame is answered or closes the connection as specified, and other clients are served", async () => {
    const other = await open();
    for (const item of items) {
      await play(item);
      expect(await other.request({ action: "ping" })).toMatchObject({ type: "pong" });
    }
  }, 60_000);
});

describe("invalid frames", () => {
  const refused = async (client: LiveClient, frame: unknown): Promise<Frame> => {
    const before = client.frames.length;
    client.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    return until(() => client.frames[before], `an answer to ${String(frame).slice(0, 100)}`);
  };
  const expectRefusal = (of: Frame, code: string, what: string) => {
    expect([what, of.type, of["code"]]).toEqual([what, "error", code]);
    // A pointer names the unknown member; its value is never repeated.
    const { replyTo: _replyTo, errors = [], ...rest } = of;
    expect(
      JSON.stringify([rest, errors.map(({ pointer: _pointer, ...fault }: Frame) => fault)]),
    ).not.toContain(CANARY);
    expect(JSON.stringify(of).length).toBeLessThan(4_096);
  };

  test("text that is not a frame is answered with an error frame, and the connection stays open", async () => {
    const client = await open();
    const deep = (n: number) => `${"[".repeat(n)}${"]".repeat(n)}`;
    for (const [code, texts] of [
      [
        "invalid_frame",
        ["", " ", CANARY, "null", "1", '"x"', "[]", '[{"action":"ping"}]', "{", "{]", deep(15_000)],
      ],
      [
        "unknown_action",
        [
          "{}",
          `{"action":"${CANARY}"}`,
          '{"action":null}',
          '{"action":["ping"]}',
          '{"action":{"toString":"ping"}}',
          '{"action":"constructor"}',
          '{"action":"__proto__"}',
          '{"__proto__":{"action":"ping"}}',
          '{"action":"$connect"}',
          '{"action":"$disconnect"}',
          '{"action":"$default"}',
          '{"action":"PING"}',
          '{"action":"ping "}',
          `{"action":"subscribe","action":"${CANARY}"}`,
          `{"action":"${"x".repeat(30_000)}"}`,
        ],
      ],
    ] as const) {
      for (const text of texts) {
        const what = text.slice(0, 60);
        if (text === "") continue;
        expectRefusal(await refused(client, text), code, what);
      }
    }
    expect((await client.request({ action: "ping" })).type).toBe("pong");
    expect(client.closed).toBeUndefined();
  });

  test("a frame of a known action with an invalid member is invalid_frame", async () => {
    const client = await open();
    const topics = ["items"];
    for (const frame of [
      { action: "hello", [CANARY]: 1 },
      { action: "ping", id: 7 },
      { action: "ping", id: `${CANARY}${"x".repeat(100)}` },
      { action: "ping", id: { $ne: CANARY } },
      { action: "subscribe" },
      { action: "subscribe", topics: [] },
      { action: "subscribe", topics: CANARY },
      { action: "subscribe", topics: [1] },
      { action: "subscribe", topics: [""] },
      { action: "subscribe", topics: Array.from({ length: 101 }, (_, n) => `items/${n}`) },
      { action: "subscribe", topics: [`items/${"x".repeat(2_000)}`] },
      { action: "subscribe", topics, since: 1 },
      { action: "subscribe", topics, since: "" },
      { action: "subscribe", topics, since: CANARY.repeat(200) },
      { action: "subscribe", topics: { length: 1, 0: "items" } },
      { action: "unsubscribe" },
      { action: "message" },
      { action: "message", message: "" },
      { action: "message", message: { text: CANARY } },
      { action: "message", message: "x".repeat(4_097) },
      { action: "message", message: "hi", channel: `${CANARY}/x` },
      { action: "message", message: "hi", channel: "x".repeat(65) },
      { action: "join" },
      { action: "join", channel: "a b" },
      { action: "leave", channel: "" },
      { action: "auth" },
      { action: "auth", token: CANARY.repeat(500) },
      JSON.parse(`{"action":"ping","__proto__":{"x":"${CANARY}"}}`) as object,
      { action: "ping", constructor: CANARY },
    ]) {
      expectRefusal(
        await refused(client, frame),
        "invalid_frame",
        JSON.stringify(frame).slice(0, 60),
      );
    }
    const id = newId();
    expect(await refused(client, { action: "join", id })).toMatchObject({ replyTo: id });
    expect(await refused(client, { action: CANARY, id })).toMatchObject({ replyTo: id });
    const long = await refused(client, { action: "join", id: "x".repeat(30_000) });
    expect(long["replyTo"]?.length ?? 0).toBeLessThanOrEqual(64);
  });

  test("unknown topics, and cursors that are forged or from elsewhere, are refused", async () => {
    const client = await open();
    for (const topic of [
      CANARY,
      "Items",
      "items/",
      "items/a/b\u0000",
      `items/${"x".repeat(129)}`,
      "items?",
      "items?type",
      "items?type=a&type=b",
      "items?category=x",
      "users?email=x",
      "inventory?level=ok",
      "products?category=",
      "channel/lobby",
      "items#x",
      "__proto__",
      "constructor",
      "TOPIC#items",
      " items",
      "items ",
      "items\n",
    ]) {
      expectRefusal(await subscribe(client, ["users", topic]), "unknown_topic", topic);
    }
    const { cursor } = await subscribe(client, ["items"]);
    const bytes = Buffer.from(String(cursor), "base64url");
    const list = await api("GET", "/items?limit=1");
    const flipped = Buffer.from(bytes);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    const forged = Buffer.concat([bytes.subarray(0, 16), Buffer.from('[{"items":0},0]')]);
    for (const since of [
      CANARY,
      flipped.toString("base64url"),
      forged.toString("base64url"),
      `${cursor}A`,
      String(cursor).slice(0, -1),
      bytes.toString("base64"),
      Buffer.alloc(16).toString("base64url"),
      list.json.nextToken ?? "x",
    ]) {
      if (since === cursor) continue;
      expectRefusal(await subscribe(client, ["items"], since), "invalid_cursor", since);
    }
    const heads = await client.request({ action: "ping" });
    expect(Object.keys(heads["heads"])).toEqual(["items"]);
  });

  test("a token of another subject or an invalid token changes nothing", async () => {
    const client = await open({ sub: "mia", scope: "read:items" });
    const { sub, scopes } = await client.request({ action: "hello" });
    for (const [token, code] of [
      [laptop().token({ sub: "eve", scope: "admin" }), "wrong_subject"],
      [laptop().token({ sub: "mia", scope: "admin", exp: 1 }), "unauthenticated"],
      [laptop().token({ sub: "mia", scope: "admin", aud: "x" }), "unauthenticated"],
      [`${CANARY}.${CANARY}.${CANARY}`, "unauthenticated"],
      ["..", "unauthenticated"],
    ] as const) {
      expectRefusal(await client.request({ action: "auth", token }), code, token.slice(0, 20));
    }
    expect(await client.request({ action: "hello" })).toMatchObject({ sub, scopes });
    expect(await subscribe(client, ["users"])).toMatchObject({ code: "forbidden_topic" });
  });

  test("a frame that is too large or binary closes the connection with the gateway's code", async () => {
    for (const [data, code] of [
      [Buffer.from('{"action":"ping"}'), 1003],
      ["x".repeat(32 * 1024 + 1), 1009],
      [JSON.stringify({ action: "subscribe", topics: Array(10_000).fill("items") }), 1009],
    ] as const) {
      const client = await open();
      client.ws.send(data);
      expect((await until(() => client.closed, "the connection to close")).code).toBe(code);
    }
    // Small frames, but together one message that is invalid.
    const client = await open();
    const text = JSON.stringify({ action: "subscribe", topics: Array(10_000).fill("items") });
    for (let at = 0; at < text.length; at += 30_000) {
      client.ws.send(text.slice(at, at + 30_000), { fin: at + 30_000 >= text.length });
    }
    expectRefusal(await client.next("error"), "invalid_frame", "10 000 topics");
  });
});

test("hundreds of hostile frames cost no memory, and do not delay other clients for long", async () => {
  const other = await subscriber("items");
  const client = await open();
  const texts = [
    CANARY,
    "[".repeat(30_000),
    `{"action":"subscribe","topics":["${"x".repeat(20_000)}"]}`,
    `{"action":"ping","id":"${"y".repeat(30_000)}"}`,
    '{"action":"constructor"}',
  ];
  const flood = async (count: number) => {
    const expected = client.frames.length + count;
    for (let n = 0; n < count; n++) client.send(texts[n % texts.length] ?? "");
    await until(() => client.frames.length >= expected, `${count} answers`);
    client.frames.splice(0);
  };
  await flood(150);
  const before = rss();
  for (let round = 0; round < 4; round++) await flood(150);
  const { id } = await create("/items", {});
  await until(() => other.changes().some((change) => change["id"] === id), "its change");
  expect(rss() - before).toBeLessThan(150);
  expect(client.closed).toBeUndefined();
  const again = await connect(laptop(), {
    token: laptop().token({ sub: newId(), scope: "admin" }),
  });
  expect((await again.request({ action: "hello" })).type).toBe("welcome");
}, 60_000);
