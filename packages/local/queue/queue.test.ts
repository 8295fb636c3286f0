import {
  InvalidMessageContents,
  QueueDoesNotExist,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  TooManyEntriesInBatchRequest,
} from "@aws-sdk/client-sqs";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Listening, listenOnLoopback } from "@stockwire/gateway/server";
import {
  createQueue,
  type Queue,
  type QueueConfig,
  type QueueDeadLetter,
  type SqsRecord,
} from "./queue.ts";
import { createSqs, SQS_PATH } from "./sqs.ts";

type Batch = { Records: SqsRecord[] };

let queues: Queue[];
let letters: QueueDeadLetter[];
let errors: unknown[];
let servers: Listening[];

beforeEach(() => {
  queues = [];
  letters = [];
  errors = [];
  servers = [];
});

afterEach(async () => {
  for (const queue of queues) await queue.stop();
  for (const server of servers) await server.close();
});

function create(handler: (event: Batch) => unknown, config: Partial<QueueConfig> = {}): Queue {
  const queue = createQueue({
    queueName: "deliveries",
    functionName: "deliver",
    handler,
    timeoutMs: 300,
    batchSize: 10,
    maximumConcurrency: 2,
    visibilityTimeoutMs: 300,
    maxReceiveCount: 3,
    onDeadLetter: (letter) => void letters.push(letter),
    onError: (error) => errors.push(error),
    ...config,
  });
  queues.push(queue);
  return queue;
}

const bodies = (count: number) => Array.from({ length: count }, (_none, n) => `m${n}`);
const bodiesOf = ({ Records }: Batch) => Records.map((record) => record.body);
const md5 = (text: string) => createHash("md5").update(text).digest("hex");

test("a message has the form of a Lambda event", async () => {
  const seen: SqsRecord[] = [];
  const queue = create(({ Records }) => void seen.push(...Records));
  const { messageId } = queue.send("häl\nlo");
  await queue.drain();
  expect(seen).toEqual([
    {
      messageId,
      receiptHandle: expect.any(String),
      body: "häl\nlo",
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: expect.stringMatching(/^\d{13}$/),
        SenderId: expect.any(String),
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      },
      messageAttributes: {},
      md5OfBody: md5("häl\nlo"),
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:deliveries",
      awsRegion: "us-east-1",
    },
  ]);
});

test("messages sent together form batches, and concurrent invocations stay within the limit", async () => {
  let running = 0;
  let most = 0;
  const calls: string[][] = [];
  const queue = create(
    async (event) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      calls.push(bodiesOf(event));
      running--;
    },
    { maximumConcurrency: 3 },
  );
  for (const body of bodies(95)) queue.send(body);
  await queue.drain();
  expect(calls.flat().toSorted()).toEqual(bodies(95).toSorted());
  expect(calls).toHaveLength(10);
  expect(most).toBe(3);
});

test("a batch never exceeds the payload limit of an invocation", async () => {
  const calls: number[] = [];
  const queue = create(({ Records }) => void calls.push(Records.length), {
    timeoutMs: 2000,
    visibilityTimeoutMs: 2000,
  });
  for (let n = 0; n < 10; n++) queue.send("x".repeat(1024 * 1024));
  await queue.drain();
  expect(calls).toEqual([5, 5]);
});

test("after a failed invocation all its messages are received again after the visibility timeout", async () => {
  const times: number[] = [];
  const counts: string[] = [];
  const queue = create(({ Records }) => {
    times.push(performance.now());
    counts.push(...Records.map((record) => record.attributes.ApproximateReceiveCount));
    if (times.length < 3) throw new Error("not yet");
  });
  queue.send("a");
  queue.send("b");
  await queue.drain();
  expect(counts).toEqual(["1", "1", "2", "2", "3", "3"]);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(250);
  expect(letters).toEqual([]);
});

test("after a partial failure only the reported messages are received again", async () => {
  const calls: string[][] = [];
  const queue = create(({ Records }) => {
    calls.push(Records.map((record) => record.body));
    if (calls.length > 1) return {};
    return { batchItemFailures: [{ itemIdentifier: Records[1]?.messageId }] };
  });
  for (const body of bodies(3)) queue.send(body);
  await queue.drain();
  expect(calls).toEqual([bodies(3), ["m1"]]);
});

test.each([
  [{ batchItemFailures: [{ itemIdentifier: "" }] }],
  [{ batchItemFailures: [{ itemIdentifier: "x" }] }],
])("the response %j means that the whole batch has failed", async (response) => {
  const calls: string[][] = [];
  const queue = create((event) => {
    calls.push(bodiesOf(event));
    return calls.length === 1 ? response : null;
  });
  for (const body of bodies(2)) queue.send(body);
  await queue.drain();
  expect(calls).toEqual([bodies(2), bodies(2)]);
});

test("a message that has failed too often becomes a dead letter, and others are not affected", async () => {
  const handled: string[] = [];
  let tries = 0;
  const queue = create(({ Records }) => {
    const poison = Records.filter((record) => record.body === "m1");
    tries += poison.length;
    handled.push(...Records.filter((record) => record.body !== "m1").map(({ body }) => body));
    return { batchItemFailures: poison.map((record) => ({ itemIdentifier: record.messageId })) };
  });
  for (const body of bodies(3)) queue.send(body);
  await queue.drain();
  expect(tries).toBe(3);
  expect(handled).toEqual(["m0", "m2"]);
  expect(letters).toEqual([
    {
      timestamp: expect.any(String),
      functionName: "deliver",
      errorMessage: "reported as failed",
      message: expect.objectContaining({ body: "m1", md5OfBody: md5("m1") }),
    },
  ]);
});

test("a message stays in the queue until its dead letter is written", async () => {
  let refused = 0;
  const queue = create(
    () => {
      throw new Error("poison");
    },
    {
      maxReceiveCount: 1,
      onDeadLetter: (letter) => {
        if (++refused < 3) throw new Error("disk full");
        letters.push(letter);
      },
    },
  );
  queue.send("a");
  await queue.drain();
  expect(letters).toHaveLength(1);
  expect(letters[0]?.errorMessage).toBe("Error: poison");
});

test("a function that times out has failed", async () => {
  let calls = 0;
  const queue = create(() => (++calls === 1 ? new Promise(() => undefined) : undefined));
  queue.send("a");
  await queue.drain();
  expect(calls).toBe(2);
});

test("a visibility timeout below the function's timeout is refused, as on AWS", () => {
  expect(() => create(() => undefined, { timeoutMs: 301 })).toThrow("visibility timeout");
});

test("stop waits for an invocation in progress and starts no other", async () => {
  const gate = Promise.withResolvers<void>();
  const handled: string[] = [];
  const queue = create(
    async (event) => {
      await gate.promise;
      handled.push(...bodiesOf(event));
    },
    { batchSize: 1, maximumConcurrency: 1, timeoutMs: 1000, visibilityTimeoutMs: 1000 },
  );
  queue.send("a");
  queue.send("b");
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const stopped = queue.stop();
  gate.resolve();
  await stopped;
  expect(handled).toEqual(["a"]);
  expect(() => queue.send("c")).toThrow("stopped");
});

/** A queue that collects its messages, its HTTP endpoint, and an SDK client for it. */
async function open() {
  const handled: string[] = [];
  const queue = create((event) => void handled.push(...bodiesOf(event)));
  const sqs = createSqs([queue]);
  const server = await listenOnLoopback({
    port: 0,
    handle: (req, res) => {
      if (!sqs.handle(req, res)) res.writeHead(418).end();
    },
  });
  servers.push(server);
  const origin = `http://127.0.0.1:${server.port}`;
  const QueueUrl = sqs.urlOf("deliveries", origin);
  const client = new SQSClient({
    endpoint: origin + SQS_PATH,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
  const post = (headers: Record<string, string>, body: string) =>
    fetch(origin + SQS_PATH, { method: "POST", headers, body });
  return { queue, handled, origin, QueueUrl, client, post };
}

test("the SDK sends a message and accepts the checksum", async () => {
  const { queue, handled, QueueUrl, client } = await open();
  const MessageBody = JSON.stringify({ text: "häl\tlo 🙂" });
  const sent = await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  await queue.drain();
  expect(sent).toMatchObject({ MessageId: expect.any(String), MD5OfMessageBody: md5(MessageBody) });
  expect(handled).toEqual([MessageBody]);
});

test("the SDK finds the queue by its environment variable alone, without a warning", async () => {
  const { queue, handled, origin, QueueUrl } = await open();
  vi.stubEnv("AWS_ENDPOINT_URL_SQS", origin + SQS_PATH);
  const warn = vi.spyOn(console, "warn");
  const client = new SQSClient({ region: "us-east-1" });
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "a" }));
  await queue.drain();
  expect(handled).toEqual(["a"]);
  expect(warn).not.toHaveBeenCalled();
  vi.unstubAllEnvs();
  warn.mockRestore();
});

test("the SDK sends a batch, of which an invalid entry fails alone", async () => {
  const { queue, handled, QueueUrl, client } = await open();
  const Entries = [
    { Id: "a", MessageBody: "one" },
    { Id: "b", MessageBody: "bad \u0001" },
    { Id: "c", MessageBody: "two", DelaySeconds: 901 },
    { Id: "d", MessageBody: "three" },
  ];
  const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  await queue.drain();
  expect(sent.Successful?.map(({ Id }) => Id)).toEqual(["a", "d"]);
  expect(sent.Failed).toEqual([
    expect.objectContaining({ Id: "b", SenderFault: true, Code: "InvalidMessageContents" }),
    expect.objectContaining({ Id: "c", SenderFault: true, Code: "InvalidParameterValue" }),
  ]);
  expect(handled).toEqual(["one", "three"]);
});

test("a message with a delay is delivered later", async () => {
  const { queue, handled, QueueUrl, client } = await open();
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "late", DelaySeconds: 1 }));
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "early" }));
  await queue.drain();
  expect(handled).toEqual(["early", "late"]);
});

test("a message of 1 MiB is accepted, and not a byte more, alone or in a batch", async () => {
  const { QueueUrl, client } = await open();
  const MessageBody = "x".repeat(1024 * 1024);
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  await expect(
    client.send(new SendMessageCommand({ QueueUrl, MessageBody: `${MessageBody}x` })),
  ).rejects.toMatchObject({ name: "InvalidParameterValue" });
  const Entries = [
    { Id: "a", MessageBody },
    { Id: "b", MessageBody: "x" },
  ];
  await expect(
    client.send(new SendMessageBatchCommand({ QueueUrl, Entries })),
  ).rejects.toMatchObject({ message: expect.stringContaining("You have sent 1048577 bytes") });
});

const entries = (count: number) => bodies(count).map((body) => ({ Id: body, MessageBody: body }));

test("requests that SQS refuses are refused with the SDK's own errors", async () => {
  const { handled, QueueUrl, client } = await open();
  const send = (input: object) =>
    client.send(new SendMessageCommand({ QueueUrl, MessageBody: "a", ...input }));
  await expect(send({ QueueUrl: `${QueueUrl}x` })).rejects.toThrow(QueueDoesNotExist);
  await expect(send({ MessageBody: "\u0000" })).rejects.toThrow(InvalidMessageContents);
  await expect(send({ MessageBody: "" })).rejects.toMatchObject({ name: "MissingParameter" });
  await expect(send({ MessageGroupId: "g" })).rejects.toMatchObject({
    name: "UnsupportedOperation",
  });
  const batch = (Entries: { Id: string; MessageBody: string }[]) =>
    client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  await expect(batch(entries(11))).rejects.toThrow(TooManyEntriesInBatchRequest);
  await expect(batch([])).rejects.toMatchObject({
    name: expect.stringMatching("EmptyBatchRequest"),
  });
  await expect(batch([...entries(1), ...entries(1)])).rejects.toMatchObject({
    name: expect.stringMatching("BatchEntryIdsNotDistinct"),
  });
  await expect(batch([{ Id: "a b", MessageBody: "x" }])).rejects.toMatchObject({
    name: expect.stringMatching("InvalidBatchEntryId"),
  });
  await batch(entries(10));
  await queues[0]?.drain();
  expect(handled).toEqual(bodies(10));
});

test("other paths are not answered, and browsers and unknown operations are refused", async () => {
  const { handled, origin, QueueUrl, post } = await open();
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AmazonSQS.SendMessage",
  };
  const body = JSON.stringify({ QueueUrl, MessageBody: "a" });
  expect((await fetch(`${origin}/_sqsx`)).status).toBe(418);
  expect((await post({ ...headers, origin: "http://evil.example" }, body)).status).toBe(403);
  expect((await post({ ...headers, "content-type": "text/plain" }, body)).status).toBe(400);
  expect((await post({ ...headers, "x-amz-target": "AmazonSQS.DeleteQueue" }, body)).status).toBe(
    400,
  );
  expect((await post(headers, "no json")).status).toBe(400);
  expect((await fetch(origin + SQS_PATH)).status).toBe(400);
  expect(handled).toEqual([]);
});
