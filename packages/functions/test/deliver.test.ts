/** Messages of the delivery queue that are not deliveries: the end of a token, the rest of a replay. */

import { append } from "@stockwire/core/changes/append";
import { heads } from "@stockwire/core/changes/log";
import * as Offset from "@stockwire/core/changes/offset";
import { newId } from "@stockwire/core/id";
import * as Connection from "@stockwire/core/live/connection";
import { continueReplay, subscribe } from "@stockwire/core/live/subscription";
import { hash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectionOf, topicsOf } from "../../core/test/support/live.ts";
import { newChange, soon } from "../../core/test/support/log.ts";
import { type Management, management } from "../../core/test/support/management.ts";
import type * as DeliveryQueue from "../src/live/delivery-queue.ts";

interface Message {
  MessageBody: string;
  DelaySeconds?: number;
  Entries?: Message[];
}

let sockets: Management;
let sqs: Server;
let queued: Message[] = [];
let deliver: (event: object) => Promise<{ batchItemFailures: object[] }>;
let live: (event: object) => Promise<{ statusCode: number }>;
let queue: typeof DeliveryQueue;

beforeAll(async () => {
  sockets = await management();
  sqs = createServer((request, response) => {
    void json(request).then((input) => {
      const message = input as Message;
      queued.push(message);
      const sent = ({ MessageBody }: Message) => ({
        MessageId: newId(),
        MD5OfMessageBody: hash("md5", MessageBody),
      });
      const Successful = message.Entries?.map((one, n) => ({ Id: String(n), ...sent(one) }));
      return response.end(JSON.stringify(Successful ? { Successful } : sent(message)));
    });
  });
  await new Promise<void>((resolve) => sqs.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(sqs.address() as AddressInfo).port}`;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
    AWS_ENDPOINT_URL_SQS: endpoint,
    DELIVERY_QUEUE_URL: `${endpoint}/1/delivery`,
    LIVE_ENDPOINT: sockets.endpoint,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    CURSOR_SECRET: "a secret of the tests, long enough for one",
    JWT_ISSUER: "https://issuer.example",
    LOG_LEVEL: "silent",
  });
  const { handler } = await import("../src/handlers/deliver.ts");
  deliver = handler as typeof deliver;
  live = (await import("../src/handlers/live.ts")).handler as unknown as typeof live;
  queue = await import("../src/live/delivery-queue.ts");
});
afterEach(() => {
  queued = [];
  sockets.reset();
});
afterAll(async () => {
  await sockets.close();
  sqs.closeAllConnections();
  sqs.close();
});

/** Takes the queue's next message and invokes the function with it. */
async function processNext() {
  const message = queued.shift();
  if (message === undefined) throw new Error("the queue is empty");
  const Records = [{ messageId: newId(), body: message.MessageBody }];
  expect(await deliver({ Records })).toEqual({ batchItemFailures: [] });
}

/** Opens a connection through the handler, whose token ends in some ms. */
async function connected(lifetime: number) {
  const connectionId = newId();
  const authorizer = { sub: newId(), scope: "admin", authExpiresAt: `${Date.now() + lifetime}` };
  const requestContext = { eventType: "CONNECT", connectionId, authorizer };
  const context = { connectedAt: Date.now(), domainName: "live.example", stage: "live" };
  expect(await live({ requestContext: { ...requestContext, ...context } })).toMatchObject({
    statusCode: 200,
  });
  return connectionId;
}

describe("the end of a token", () => {
  test("beyond the longest delay of a message is waited for with several messages", async () => {
    const id = await connected(40 * 60_000);
    for (let n = 0; n < 3; n++) {
      expect(queued).toMatchObject([{ DelaySeconds: 900 }]);
      await processNext();
    }
    expect(await Connection.find(id)).toBeDefined();
    expect(sockets.frames(id)).toEqual([]);
  });

  test("closes the connection, with a frame before", async () => {
    const id = await connected(0);
    await processNext();
    expect(sockets.frames(id).map((frame) => JSON.parse(frame) as object)).toEqual([
      { type: "error", code: "unauthenticated", detail: "The token has expired" },
    ]);
    expect(await Connection.find(id)).toBeUndefined();
    expect(queued).toEqual([]);
  });

  test("during a handshake, or while API Gateway fails, is tried again until it is closed", async () => {
    const id = await connected(0);
    for (const status of [410, 500, 200]) {
      sockets.respondWith(id, status);
      expect(await Connection.find(id)).toBeDefined();
      await processNext();
    }
    expect(await Connection.find(id)).toBeUndefined();
    expect(queued).toEqual([]);
  });

  test("leaves a closed connection, and one whose token has an earlier end, to themselves", async () => {
    const closed = await connected(60_000);
    await Connection.forget(closed);
    await processNext();
    const id = await connected(60_000);
    const connection = await Connection.find(id);
    if (connection === undefined) throw new Error("it was not stored");
    await Connection.renew({ ...connection, authExpiresAt: Date.now() + 30_000 });
    await processNext();
    expect(queued).toEqual([]);
    await Connection.forget(id);
  });
});

test("the rest of a long replay is sent by later invocations, and ends with caught_up", async () => {
  const type = newId();
  const connection = connectionOf({ endpoint: sockets.endpoint, scopes: ["admin"] });
  const since = Offset.encode(await heads(["items"]));
  const ids = Array.from({ length: 230 }, () => newId());
  const changes = ids.map((id, n) => newChange({ id, is: `TYPE#${n % 23 ? newId() : type}` }));
  await append(changes, soon());
  await Connection.open(connection);
  const { openSession } = await import("../src/live/session.ts");
  const { leaveToQueue } = await import("../src/live/replay.ts");
  const session = openSession(connection, "7");
  const topics = topicsOf(`items?type=${type}`);
  let rest = await subscribe(connection, topics, since, session, 0);
  if (rest) rest = await continueReplay(rest, session, { until: 0 });
  await leaveToQueue(session, rest);
  const frames = () => sockets.frames(connection.id).map((text) => JSON.parse(text) as object);
  expect(frames().at(-1)).not.toMatchObject({ type: "caught_up" });
  await processNext();
  expect(frames().at(-1)).toMatchObject({ type: "caught_up", replyTo: "7" });
  const events = frames().flatMap((frame) => ("events" in frame ? frame.events : []));
  expect((events as { id: string }[]).map(({ id }) => id)).toEqual(
    ids.filter((_, n) => n % 23 === 0),
  );
  await Connection.unsubscribe(
    connection.id,
    topics.map(({ key }) => key),
  );
  await leaveToQueue(session, rest);
  await processNext();
  expect(frames().at(-1)).toMatchObject({ type: "caught_up" });
  expect(frames().flatMap((frame) => ("events" in frame ? frame.events : []))).toEqual(events);
  await Connection.forget(connection.id);
});

test("a message has only characters that SQS accepts, and the same content", async () => {
  const every = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join("");
  const delivery = { endpoint: "http://x", ids: ["i"], frames: [every, "\u{1F600}"], topics: [] };
  await queue.enqueue?.([delivery]);
  const body = queued[0]?.Entries?.[0]?.MessageBody ?? "";
  const allowed = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;
  expect(allowed.test(body)).toBe(true);
  expect(JSON.parse(body)).toEqual(delivery);
});
