/**
 * `GET /changes/stream` as it is deployed: the function behind a REST API with response streaming, a
 * real token, and the engine of the test run.
 */

import { append } from "@stockwire/core/changes/append";
import { heads } from "@stockwire/core/changes/log";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { callerOf } from "@stockwire/functions/api/caller";
import { claimTexts } from "@stockwire/functions/auth/claims";
import { createVerifier } from "@stockwire/functions/auth/token";
import type { streamed } from "@stockwire/functions/response-stream";
import { createLog } from "@stockwire/functions/telemetry/log";
import type { RestLogRecord } from "@stockwire/gateway/log";
import { createRestApi, type RestApi } from "@stockwire/gateway/rest/rest-api";
import { type Listening, listen } from "@stockwire/gateway/server";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { intercepted } from "../../core/test/support/intercept.ts";
import { newChange, soon, versions } from "../../core/test/support/log.ts";
import { ownLog } from "../../core/test/support/own-table.ts";
import { SECRET, SHARDS, tableName } from "../../core/test/support/store.ts";
import { createEventReader, type StreamEvent } from "../../functions/test/event-stream.ts";
import { changeStreamRoute } from "../partner/change-stream.ts";
import type { Issuer } from "../issuer/issuer.ts";
import { AUDIENCE, openIssuerOf } from "../server-registry.ts";

/** Cuts of the connection in one run; `npm run test:stress` makes more. */
const CUTS = Number(process.env["STREAM_CUTS"] ?? 6);
/** Nothing tells a function that its client has left, so the streams of the tests are short. */
const STREAM_SECONDS = 3;

let log: Awaited<ReturnType<typeof ownLog>>;
let dataDir: string;
let server: Listening;
let issuer: Issuer;
let api: RestApi;
let streamedApp: typeof streamed;
const problems: unknown[] = [];
const accessLog: RestLogRecord[] = [];

const onError = (problem: unknown) => void problems.push(problem);

beforeAll(async () => {
  log = await ownLog("stream-function");
  dataDir = await mkdtemp(join(tmpdir(), "stockwire-stream-"));
  server = await listen({
    port: 0,
    host: "127.0.0.1",
    drainTimeout: 100,
    handle: (req, res) => {
      if (!issuer.handle(req, res) && !api.handle(req, res)) res.writeHead(404).end();
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  issuer = await openIssuerOf({ dataDir, issuer: url });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
    CHANGES_TABLE: log.changes,
    CONNECTIONS_TABLE: log.connections,
    CURSOR_SECRET: SECRET,
    CHANGE_STREAM_SECONDS: String(STREAM_SECONDS),
    PUBLIC_SCHEME: "http",
    ALLOWED_ORIGINS: "*",
    LOG_LEVEL: "silent",
  });
  const route = await changeStreamRoute();
  ({ streamed: streamedApp } = await import("@stockwire/functions/response-stream"));
  const verify = createVerifier({ issuer: url, audiences: [AUDIENCE] });
  api = createRestApi({
    stage: "partner",
    routes: [{ ...route, authorizer: "token" }],
    authorizers: {
      token: {
        type: "TOKEN",
        identitySource: "method.request.header.Authorization",
        ttl: 0,
        async handler(event) {
          const { authorizationToken, methodArn } = event as Record<string, string>;
          const token = (authorizationToken ?? "").replace(/^Bearer /, "");
          const claims = await verify(token).catch(() => undefined);
          const caller = claims && callerOf({ jwt: { claims: claimTexts(claims) } });
          if (!caller) throw new Error("Unauthorized");
          const Statement = [
            { Action: "execute-api:Invoke", Effect: "Allow", Resource: methodArn },
          ];
          return {
            principalId: caller.sub,
            policyDocument: { Version: "2012-10-17", Statement },
            context: {
              userId: caller.sub,
              scope: caller.scopes.join(" "),
              authExpiresAt: Date.parse(caller.expiresAt ?? ""),
            },
          };
        },
      },
    },
    onError,
    accessLog: (record) => accessLog.push(record),
  });
});
afterAll(async () => {
  await server.close();
  await log.drop();
  await rm(dataDir, { recursive: true });
});

const SCOPE = "read:items read:users reserve:inventory";

interface Given {
  token?: string;
  lastEventId?: string | undefined;
  path?: string;
  port?: number;
}

/** Sends a request and resolves when its head has arrived. The connection ends with the test. */
async function get(given: Given = {}): Promise<IncomingMessage> {
  const { token = issuer.sign({ claims: { sub: "ana", scope: SCOPE } }), lastEventId } = given;
  const req = request({
    host: "127.0.0.1",
    port: given.port ?? server.port,
    path: given.path ?? "/partner/changes/stream?topic=items",
    agent: false,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { "Last-Event-ID": lastEventId }),
    },
  }).end();
  req.on("error", () => undefined); // of a connection that a test has cut
  onTestFinished(() => void req.destroy());
  const [response] = (await once(req, "response")) as [IncomingMessage];
  response.on("error", () => undefined);
  return response;
}

/** Reads the events of an answer; undefined at its end. */
function eventsOf(response: IncomingMessage) {
  const reader = createEventReader();
  const waiting: StreamEvent[] = [];
  const chunks = response.setEncoding("utf8")[Symbol.asyncIterator]();
  const next = async () => {
    while (waiting.length === 0) {
      const { done, value } = (await chunks.next()) as IteratorResult<string, undefined>;
      if (done) return undefined;
      waiting.push(...reader.push(value));
    }
    return waiting.shift();
  };
  return { reader, next };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks = await response.setEncoding("utf8").toArray();
  return chunks.join("");
}

describe("behind a REST API, the stream", () => {
  test("begins immediately on an empty log, and sends each change when it is appended", async () => {
    const response = await get({ path: "/partner/changes/stream?topic=reservations" });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "transfer-encoding": "chunked",
      "access-control-allow-origin": "*",
    });
    const { next } = eventsOf(response);
    expect(await next()).toMatchObject({ name: "changes", data: { events: [] } });
    const change = newChange({ feed: "reservations" });
    const event = next();
    await append([change], soon());
    expect(await event).toMatchObject({ data: { events: [{ id: change.id, seq: 1 }] } });
  });

  test("is resumed without a gap, wherever it is cut, while changes are appended", async () => {
    const { seqs } = await heads(["items"]);
    let writing = true;
    const writer = (async () => {
      while (writing) await append(versions(randomInt(1, 4)), soon());
    })();
    const seen: number[] = [];
    const keep = (events: readonly StreamEvent[]) => {
      for (const { data } of events) {
        for (const { seq } of data.events ?? []) seen.push(seq);
      }
    };
    let lastEventId: string | undefined;
    for (let cut = 0; cut < CUTS; cut++) {
      const response = await get({ lastEventId });
      const reader = createEventReader(lastEventId);
      // The first answer is read up to its first event: before it, there is nothing to resume.
      let left = cut === 0 ? 2_000 : randomInt(8_000);
      for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) {
        keep(reader.push(chunk.slice(0, left)));
        left -= chunk.length;
        if (left <= 0) break; // destroys the response and its connection
      }
      ({ lastEventId } = reader);
    }
    writing = false;
    await writer;
    const end = (await heads(["items"])).seqs["items"] ?? 0;
    while ((seen.at(-1) ?? 0) < end) {
      const { next, reader } = eventsOf(await get({ lastEventId }));
      for (let event = await next(); event; event = await next()) {
        keep([event]);
        if (event.data.more === false) break;
      }
      ({ lastEventId } = reader);
    }
    const [first = 0] = seen;
    expect(first).toBeGreaterThan(seqs["items"] ?? 0);
    expect(seen).toEqual(Array.from({ length: end - first + 1 }, (_, n) => first + n));
    expect(problems).toEqual([]);
  });

  test("ends when the token expires: the mark, then a complete answer", async () => {
    const token = issuer.sign({ claims: { sub: "ana", scope: SCOPE }, ttl: 2 });
    const response = await get({ token });
    const { next } = eventsOf(response);
    let last: StreamEvent | undefined;
    for (let event = await next(); event; event = await next()) last = event;
    expect(last).toEqual({ name: "end", data: { reason: "token_expired" } });
    expect(response.complete).toBe(true);
  });

  test("that fails half-way says why, and its answer is complete", async () => {
    const response = await get();
    const { next } = eventsOf(response);
    await next();
    const { changes, connections } = log;
    const busy = Object.assign(new Error("busy"), { name: "TimeoutError" });
    const failing = intercepted(log.open(), () => Promise.reject(busy));
    DynamoDB.configure({ client: failing, tableName, changes, connections, shards: SHARDS });
    onTestFinished(() => void log.open());
    const instance = "/changes/stream";
    const type = "/partner/docs/problems#unavailable";
    expect(await next()).toMatchObject({ name: "error", data: { status: 503, type, instance } });
    expect(await next()).toEqual({ name: "end", data: { reason: "error" } });
    expect(await next()).toBeUndefined();
    expect(response.complete).toBe(true);
    await vi.waitFor(() => expect(accessLog.at(-1)?.status).toBe(200), { timeout: 30_000 });
    expect(problems).toEqual([]);
  });

  test.each([
    ["topic=nothing", 400, "invalid_parameter"],
    ["topic=items&since=x", 400, "invalid_cursor"],
    ["topic=products", 403, "insufficient_scope"],
  ])("that cannot begin is a problem: %s is %i", async (query, status, code) => {
    const response = await get({ path: `/partner/changes/stream?${query}` });
    expect([response.statusCode, response.headers["content-type"]]).toEqual([
      status,
      "application/problem+json",
    ]);
    expect(JSON.parse(await textOf(response))).toMatchObject({ code });
  });

  test("needs a token", async () => {
    const response = await get({ token: "x" });
    expect(response.statusCode).toBe(401);
  });
});

describe("the adapter of streamed answers", () => {
  type App = Parameters<typeof streamed>[0];
  const lines: string[] = [];
  const appLog = createLog("error", "test", (line) => lines.push(line));

  /** Serves an app through the adapter, on a port of its own. */
  async function serving(fetch: App["fetch"]) {
    const routes = [
      {
        routeKey: "ANY /{proxy+}",
        handler: streamedApp({ fetch }, appLog),
        responseTransferMode: "STREAM" as const,
      },
    ];
    const restApi = createRestApi({ stage: "dev", routes, onError });
    const own = await listen({
      port: 0,
      host: "127.0.0.1",
      drainTimeout: 100,
      handle: (req, res) => void restApi.handle(req, res),
    });
    onTestFinished(() => own.close());
    return (path = "/dev/x") => get({ port: own.port, path });
  }

  test.each([
    ["no body", null],
    ["an empty body", ""],
    ["an empty stream", new ReadableStream({ start: (controller) => controller.close() })],
  ])("sends status and headers with %s", async (_, body) => {
    const open = await serving(() => new Response(body, { status: 202, headers: { "X-A": "1" } }));
    const response = await open();
    expect([response.statusCode, response.headers["x-a"]]).toEqual([202, "1"]);
    expect(await textOf(response)).toBe("");
    expect(problems).toEqual([]);
  });

  test("ends an answer whose body fails half-way, and logs why", async () => {
    lines.length = 0;
    const open = await serving(() => {
      let n = 0;
      const pull = (controller: ReadableStreamDefaultController) => {
        if (n++ === 0) controller.enqueue(Buffer.from("one"));
        else throw new Error("half-way");
      };
      return new Response(new ReadableStream({ pull }));
    });
    const response = await open();
    expect(await textOf(response)).toBe("one");
    expect(response.complete).toBe(true);
    expect(lines.join("")).toContain("half-way");
    expect(problems).toEqual([]);
  });

  test("gives the app the request as it was sent", async () => {
    const open = await serving(({ url, headers }) =>
      Response.json({ url, authorization: headers.get("authorization") }),
    );
    const response = await open("/dev/a%2Fb?x=1&x=2&y=%26");
    expect(JSON.parse(await textOf(response))).toEqual({
      url: "https://localhost/a%2Fb?x=1&x=2&y=%26",
      authorization: expect.stringMatching(/^Bearer /),
    });
  });

  test("asks a body for no more than a slow client takes", async () => {
    const TOTAL = 600;
    let pulled = 0;
    const open = await serving(() => {
      const pull = (controller: ReadableStreamDefaultController) => {
        if (pulled++ < TOTAL) controller.enqueue(Buffer.alloc(65_536));
        else controller.close();
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    });
    const response = await open();
    // Nothing reads the answer: the function stops when the buffers on the way are full.
    let before = -1;
    await vi.waitFor(
      () => {
        const since = before;
        before = pulled;
        expect(pulled).toBe(since);
      },
      { interval: 200, timeout: 20_000 },
    );
    expect(pulled).toBeLessThan(TOTAL);
    let length = 0;
    for await (const chunk of response) length += (chunk as Buffer).length;
    expect(length).toBe(TOTAL * 65_536);
  });

  /** Runs the adapter with a stream of its own, without a gateway. */
  async function run(event: unknown, fetch: App["fetch"], stream: Writable) {
    await streamedApp({ fetch }, appLog)(event, stream);
  }

  test("cancels the body of an answer that cannot be sent any more", async () => {
    lines.length = 0;
    const cancelled = vi.fn<() => void>();
    const body = new ReadableStream({ cancel: cancelled }, { highWaterMark: 0 });
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    const event = { httpMethod: "GET", path: "/x", requestContext: {} };
    const done = run(event, () => new Response(body), stream);
    stream.destroy(new Error("the runtime has gone"));
    await done;
    expect(cancelled).toHaveBeenCalledOnce();
    expect(lines.join("")).toContain("the runtime has gone");
  });

  test.each([undefined, null, {}, { version: "2.0", rawPath: "/x" }, "x", { httpMethod: 1 }])(
    "answers 400 to %j, which no REST API sends",
    async (event) => {
      const written: Buffer[] = [];
      const stream = new Writable({
        write(chunk: Buffer, _encoding, done) {
          written.push(chunk);
          done();
        },
      });
      await run(event, () => new Response("no"), stream);
      const [metadata = "", body = ""] = Buffer.concat(written).toString().split("\0".repeat(8));
      expect(JSON.parse(metadata)).toMatchObject({ statusCode: 400 });
      expect(JSON.parse(body)).toMatchObject({ code: "invalid_request" });
      expect(stream.writableEnded).toBe(true);
    },
  );
});
