/** `npm run redrive -- --stage`, against a stand-in for SQS, S3 and Lambda. */

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const COMMAND = new URL("../commands/redrive.ts", import.meta.url).pathname;
const md5 = (body: string) => createHash("md5").update(body).digest("hex");

interface Message {
  id: string;
  body: string;
  isVisible: boolean;
}

/** Queues by name. */
let queues: Record<string, Message[]>;
let objects: Record<string, string>;
/** What the function `changes` is invoked with, and what it answers. */
let events: { Records: { dynamodb: { Keys: { pk: { S: string } } } }[]; isRedrive?: boolean }[];
let answer: (event: (typeof events)[0]) => { status?: string; body: unknown };
let cloud: Server;
let endpoint: string;

const STREAM = "stockwire-ana-stream-dead-letters";
const DELIVERY = "stockwire-ana-delivery-dead-letters";

const record = (pk: string, image: object = { NewImage: {} }) => ({
  eventID: pk,
  dynamodb: { Keys: { pk: { S: pk }, sk: { S: "1" } }, ...image },
});
const unreadable = (...records: object[]) =>
  JSON.stringify({
    requestContext: { condition: "UnreadableRecord" },
    responsePayload: { errorType: "TypeError", errorMessage: "no version" },
    payload: { Records: records },
  });
/** EventBridge's message about an object of the bucket of failed batches. */
const created = (key: string) =>
  JSON.stringify({
    source: "aws.s3",
    "detail-type": "Object Created",
    detail: { bucket: { name: "failed-batches" }, object: { key } },
  });

function put(name: string, ...bodies: string[]): void {
  queues[name] = bodies.map((body) => ({ id: randomUUID(), body, isVisible: true }));
}
const bodiesIn = (name: string) => queues[name]?.map(({ body }) => body);

/** SQS's operations, in its JSON protocol. */
function sqs(operation: string, input: { QueueUrl?: string } & Record<string, unknown>): object {
  const name = input.QueueUrl?.split("/").at(-1);
  const queue = queues[name ?? ""] ?? [];
  switch (operation) {
    case "GetQueueUrl": {
      const wanted = String(input["QueueName"]);
      if (!queues[wanted]) return { __type: "QueueDoesNotExist", message: "no such queue" };
      return { QueueUrl: `${endpoint}/1/${wanted}` };
    }
    case "GetQueueAttributes":
      return { Attributes: { ApproximateNumberOfMessages: String(queue.length) } };
    case "ListDeadLetterSourceQueues":
      return { queueUrls: [`${endpoint}/1/delivery`] };
    case "ReceiveMessage": {
      const visible = queue.filter(({ isVisible }) => isVisible).slice(0, 10);
      for (const message of visible) message.isVisible = false;
      return {
        Messages: visible.map(({ id, body }) => ({
          MessageId: id,
          ReceiptHandle: `handle of ${id}`,
          Body: body,
          MD5OfBody: md5(body),
          Attributes: { SentTimestamp: "1795000000000" },
        })),
      };
    }
    case "DeleteMessage":
      queues[name ?? ""] = queue.filter(({ id }) => `handle of ${id}` !== input["ReceiptHandle"]);
      return {};
    case "ChangeMessageVisibilityBatch": {
      const entries = input["Entries"] as { Id: string; ReceiptHandle: string }[];
      for (const { ReceiptHandle } of entries) {
        const found = queue.find(({ id }) => `handle of ${id}` === ReceiptHandle);
        if (found) found.isVisible = true;
      }
      return { Successful: entries.map(({ Id }) => ({ Id })) };
    }
    case "SendMessage": {
      const body = String(input["MessageBody"]);
      (queues[name ?? ""] ??= []).push({ id: randomUUID(), body, isVisible: true });
      return { MessageId: "m", MD5OfMessageBody: md5(body) };
    }
    default:
      throw new Error(`no ${operation}`);
  }
}

async function answerOf(request: IncomingMessage): Promise<{ type?: string; body: string }> {
  const body = await text(request);
  const operation = /^AmazonSQS\.(\w+)/.exec(String(request.headers["x-amz-target"]))?.[1];
  if (operation) return { body: JSON.stringify(sqs(operation, JSON.parse(body) as never)) };
  const url = new URL(request.url ?? "", endpoint);
  if (url.pathname === "/2015-03-31/functions/stockwire-ana-changes/invocations") {
    expect(url.searchParams.get("Qualifier")).toBe("live");
    const event = JSON.parse(body) as (typeof events)[0];
    events.push(event);
    const { status, body: result } = answer(event);
    return { ...(status && { type: status }), body: JSON.stringify(result) };
  }
  const object = objects[decodeURIComponent(url.pathname)];
  if (object === undefined) throw new Error(`no ${request.method} ${request.url}`);
  return { body: object };
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { type, body } = await answerOf(request);
    if (type) response.setHeader("x-amz-function-error", type);
    response.statusCode = body.includes('"__type"') ? 400 : 200;
    response.end(body);
  } catch (error) {
    response.writeHead(501).end(String(error));
  }
}

beforeAll(async () => {
  cloud = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => cloud.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(cloud.address() as AddressInfo).port}`;
});
beforeEach(() => {
  queues = { [STREAM]: [], [DELIVERY]: [] };
  objects = {};
  events = [];
  answer = () => ({ body: { batchItemFailures: [] } });
});
afterAll(() => {
  cloud.closeAllConnections();
  cloud.close();
});

/** Runs the command and resolves with what it prints and its exit code. */
function redrive(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_SQS: undefined,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_PROFILE: undefined,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, "--stage", "ana", ...args], { env }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), stdout: out, stderr: err }),
    );
  });
}

test("without an action it shows the letters of both queues and leaves them there", async () => {
  put(STREAM, unreadable(record("ITEM#1")), created("aws/lambda/1/shard/object"), "not JSON");
  put(DELIVERY, '{"frames":[]}');
  objects["/failed-batches/aws/lambda/1/shard/object"] = JSON.stringify({
    requestContext: { condition: "RecordAgeExceeded" },
    payload: JSON.stringify({ Records: [record("USER#1"), record("USER#2")] }),
  });
  const { code, stdout, stderr } = await redrive();
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    "stream  2026-11-18T11:06:40.000Z  UnreadableRecord, 1 record: ITEM#1 (no version)",
    "stream  2026-11-18T11:06:40.000Z  RecordAgeExceeded, 2 records: USER#1, USER#2",
    expect.stringMatching(/^stream {2}2026-11-18T11:06:40.000Z {2}unreadable: it is not JSON/),
    "stream: 3 shown",
    "delivery  2026-11-18T11:06:40.000Z  frames, 13 bytes",
    "delivery: 1 shown",
    "",
  ]);
  expect(code).toBe(0);
  const all = [...(queues[STREAM] ?? []), ...(queues[DELIVERY] ?? [])];
  expect(all.map(({ isVisible }) => isVisible)).toEqual([true, true, true, true]);
  expect(events).toEqual([]);
});

test("--send invokes `changes` and deletes only what succeeds", async () => {
  const keysOnly = unreadable(record("ITEM#3", {}));
  const poison = unreadable(record("ITEM#poison"));
  put(STREAM, unreadable(record("ITEM#1")), poison, created("o"), keysOnly);
  const batch = {
    payload: { Records: [record("USER#1"), record("USER#poison"), record("USER#2")] },
  };
  objects["/failed-batches/o"] = JSON.stringify(batch);
  answer = ({ Records }) => {
    const failed = Records.some(({ dynamodb }) => dynamodb.Keys.pk.S.includes("poison"));
    if (!failed) return { body: { batchItemFailures: [] } };
    return Records.length > 1
      ? { status: "Unhandled", body: { errorMessage: "validation" } }
      : { body: { batchItemFailures: [{ itemIdentifier: "1" }] } };
  };
  const { code, stdout } = await redrive("--queue", "stream", "--send");
  expect(stdout).toMatch(/1 record: ITEM#1 \(no version\): sent\n/);
  expect(stdout).toMatch(/ITEM#poison \(no version\): kept, it still cannot be read/);
  expect(stdout).toMatch(/USER#2: kept, 1 of 3 records failed, first USER#poison: it still/);
  expect(stdout).toMatch(/ITEM#3 \(no version\): kept, a record has only its keys/);
  expect(stdout).toMatch(/\nstream: 1 sent, 3 failed\n$/);
  expect(code).toBe(1);
  expect(bodiesIn(STREAM)).toEqual([poison, created("o"), keysOnly]);
  expect(queues[STREAM]?.every(({ isVisible }) => isVisible)).toBe(true);
  // The batch as a whole, then its records one by one, so that the others are in the log.
  expect(events.map(({ Records }) => Records.map(({ dynamodb }) => dynamodb.Keys.pk.S))).toEqual([
    ["ITEM#1"],
    ["ITEM#poison"],
    ["USER#1", "USER#poison", "USER#2"],
    ["USER#1"],
    ["USER#poison"],
    ["USER#2"],
  ]);
  expect(events.every(({ isRedrive }) => isRedrive)).toBe(true);
});

test("letters of the delivery go to the queue that sent them; others can be discarded", async () => {
  put(DELIVERY, "a", "b", "c");
  const dry = await redrive("--queue", "delivery", "--send", "--dry-run");
  expect(dry.stdout).toMatch(/\ndelivery: 3 would be sent\n$/);
  expect(bodiesIn(DELIVERY)).toEqual(["a", "b", "c"]);
  const sent = await redrive("--queue", "delivery", "--send", "--limit", "2");
  expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/\ndelivery: 2 sent\n$/) });
  expect([bodiesIn("delivery"), bodiesIn(DELIVERY)]).toEqual([["a", "b"], ["c"]]);
  expect(queues[DELIVERY]?.[0]?.isVisible).toBe(true);
  put(STREAM, "not JSON");
  expect((await redrive("--queue", "stream", "--discard")).stdout).toMatch(/: 1 discarded\n$/);
  expect(bodiesIn(STREAM)).toEqual([]);
});

test("a wrong command line, and a stage that does not exist, are refused with one line", async () => {
  const lines = {
    "--send": "--send and --discard need --queue stream or --queue delivery",
    "--queue all": "--queue must be stream or delivery",
    "--limit 0": "--limit must be a whole number, 1 or more",
    "--dry-run": "--dry-run needs --send or --discard; without them nothing is changed",
    "--stage bob": "the stream queue of bob in us-east-1 can't be read: no such queue",
  };
  const runs = Object.keys(lines).map((args) => redrive(...args.split(" ")));
  expect(await Promise.all(runs)).toEqual(
    Object.values(lines).map((line) => ({ code: 2, stdout: "", stderr: `${line}\n` })),
  );
});
