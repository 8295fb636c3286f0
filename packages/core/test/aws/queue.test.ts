/** Messages to SQS are sent, signed and repeated as the SDK's client does. */

import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import fc from "fast-check";
import { hash } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { openQueue, type Queue } from "../../src/aws/queue.ts";
import { FAULTS } from "../support/fault.ts";
import { type Received, type Respond, type Server, startServer } from "../support/server.ts";
import { signedBySdk } from "../support/signed-by-sdk.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
afterEach(() => void vi.restoreAllMocks());

const region = "eu-west-1";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/delivery";

/** The SDK's client with the functions of `Queue`. */
function sdkQueue(endpoint: string): Queue {
  const sqs = new SQSClient({ region, endpoint, credentials, maxAttempts: 3 });
  return {
    async send(MessageBody, DelaySeconds) {
      const delay = DelaySeconds === undefined ? {} : { DelaySeconds };
      await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, ...delay }));
    },
    async sendBatch(bodies) {
      const Entries = bodies.map((MessageBody, n) => ({ Id: String(n), MessageBody }));
      const reply = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
      return reply.Failed?.length ?? 0;
    },
  };
}
const queues = (path = "") => {
  const endpoint = `${server.endpoint}${path}`;
  return { sdk: sdkQueue(endpoint), own: openQueue({ url, region, endpoint, credentials }) };
};

interface Input {
  MessageBody: string;
  Entries?: { Id: string; MessageBody: string }[];
}
const receipt = ({ MessageBody }: { MessageBody: string }) => ({
  MessageId: "m",
  MD5OfMessageBody: hash("md5", MessageBody),
});

/** Takes messages as SQS does, but those of a batch that are empty. */
const accept: Respond = (response, { body }) => {
  const input = JSON.parse(body) as Input;
  const [refused, taken] = [true, false].map((isEmpty) =>
    input.Entries?.filter(({ MessageBody }) => (MessageBody === "") === isEmpty),
  );
  const result = input.Entries
    ? {
        Successful: taken?.map((entry) => ({ Id: entry.Id, ...receipt(entry) })),
        Failed: refused?.map(({ Id }) => ({ Id, Code: "EmptyValue", SenderFault: true })),
      }
    : receipt(input);
  response.end(JSON.stringify(result));
};

/** What is sent, but for its form. */
const sentBy = ({ method, url: path, headers, body }: Received) => {
  const { "content-type": type, "x-amz-target": target, "content-length": length } = headers;
  return { method, path, type, target, length, body: JSON.parse(body) as unknown };
};

test("messages are those of the SDK, and so are the signatures", async () => {
  const body = fc.string({ unit: "binary", minLength: 1, maxLength: 60 });
  const bodies = fc.array(fc.string({ unit: "binary", maxLength: 20 }), {
    minLength: 1,
    maxLength: 10,
  });
  const delay = fc.option(fc.nat(900), { nil: undefined });
  const pairs = [queues(), queues("/path")];
  await fc.assert(
    fc.asyncProperty(body, bodies, delay, fc.constantFrom(...pairs), async (one, many, at, to) => {
      const calls = [];
      for (const queue of [to.sdk, to.own]) {
        server.answer(accept);
        await queue.send(one, at);
        const refused = await queue.sendBatch(many);
        calls.push({ refused, sent: server.received.map(sentBy) });
      }
      expect(calls[1]?.refused).toBe(many.filter((each) => each === "").length);
      expect(calls[1]).toEqual(calls[0]);
      for (const sent of server.received) {
        const expected = await signedBySdk(sent, { region, service: "sqs", credentials });
        expect(sent.headers.authorization).toBe(expected);
      }
    }),
    { numRuns: 50 },
  );
});

/** How a call ends, and after how many attempts. Calls name themselves by their path. */
async function endOf(call: Promise<unknown>, path: string): Promise<unknown> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const attempts = server.received.filter(({ url: each }) => each.startsWith(path)).length;
  // The words for a reply that cannot be read are the client's own.
  const { name, $fault } = (error ?? {}) as { name?: string; $fault?: string };
  return { name: $fault === undefined ? undefined : name, rejected: error !== undefined, attempts };
}

const shortWaits = () => vi.spyOn(Math, "random").mockReturnValue(0.01);

test.each(["once", "always"])(
  "a fault, %s, is the same outcome after as many attempts",
  async (when) => {
    shortWaits();
    const failed = new Set<string>();
    server.answer((response, received) => {
      const [, number = "", client = ""] = received.url.split("/");
      const isFirst = !failed.has(number + client);
      failed.add(number + client);
      const fault = Object.values(FAULTS)[Number(number)];
      return (fault && (isFirst || when === "always") ? fault : accept)(response, received);
    });
    const ends = await Promise.all(
      Object.keys(FAULTS).map(async (fault, number) => {
        const [sdk, own] = [`/${number}/sdk`, `/${number}/own`];
        return [
          [fault, await endOf(queues(sdk).sdk.send("x"), sdk)],
          [fault, await endOf(queues(own).own.send("x"), own)],
        ];
      }),
    );
    expect(ends.map(([, own]) => own)).toEqual(ends.map(([sdk]) => sdk));
    expect(ends.map(([, own]) => own)).toContainEqual([
      "a reset",
      expect.objectContaining({ attempts: when === "once" ? 2 : 3 }),
    ]);
  },
);

test("a receipt for another message is refused", async () => {
  server.answer((response) => response.end(JSON.stringify(receipt({ MessageBody: "y" }))));
  const { sdk, own } = queues();
  await expect(sdk.send("x")).rejects.toThrow("Checksum");
  await expect(own.send("x")).rejects.toThrow("another message");
  const Successful = [{ Id: "0", ...receipt({ MessageBody: "y" }) }];
  server.answer((response) => response.end(JSON.stringify({ Successful })));
  await expect(sdk.sendBatch(["x"])).rejects.toThrow("checksum");
  await expect(own.sendBatch(["x"])).rejects.toThrow("another message");
});

test.each([
  [
    "leaves out",
    { Successful: [{ Id: "0", ...receipt({ MessageBody: "a" }) }], Failed: [{ Id: "1" }] },
  ],
  ["repeats", { Successful: ["0", "0"].map((Id) => ({ Id, ...receipt({ MessageBody: "a" }) })) }],
  [
    "does not know",
    { Successful: ["0", "7"].map((Id) => ({ Id, ...receipt({ MessageBody: "a" }) })) },
  ],
])("messages of a batch are not accepted if the reply %s some", async (_, reply) => {
  server.answer((response) => response.end(JSON.stringify(reply)));
  expect(await queues().own.sendBatch(["a", "b", "c"])).toBe(2);
});

test("a reply to a batch without any receipt accepts none", async () => {
  server.answer((response) => response.end("{}"));
  expect(await queues().own.sendBatch(["a", "b"])).toBe(2);
});

test("waits before a repetition are those of the SDK, longer after a throttle", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.3);
  server.answer(FAULTS["throttled by status"] ?? accept);
  const gaps = async (of: "sdk" | "own") => {
    await expect(queues(`/${of}`)[of].send("x")).rejects.toThrow("why");
    const times = server.received.filter(({ url: path }) => path.includes(of)).map(({ at }) => at);
    return times.slice(1).map((at, n) => at - (times[n] ?? 0));
  };
  const all = await Promise.all([gaps("sdk"), gaps("own")]);
  for (const [first = 0, second = 0, ...more] of all) {
    expect(more).toEqual([]);
    expect(first).toBeGreaterThan(295);
    expect(second).toBeGreaterThan(595);
  }
  server.answer(FAULTS["an internal error"] ?? accept);
  const [first = 0, second = 0] = await gaps("own");
  expect(first).toBeGreaterThan(13);
  expect(second).toBeGreaterThan(28);
  expect(first + second).toBeLessThan(300);
});

test("repetitions stop where most calls fail, after as many calls as with the SDK", async () => {
  shortWaits();
  const { sdk, own } = queues();
  const attempts = [];
  for (const queue of [sdk, own]) {
    server.answer(FAULTS["an internal error"] ?? accept);
    for (let n = 0; n < 22; n++) await expect(queue.send("x")).rejects.toThrow("why");
    const exhausted = server.received.length;
    server.answer(accept);
    for (let n = 0; n < 40; n++) await queue.send("x");
    server.answer(FAULTS["throttled by status"] ?? accept);
    for (let n = 0; n < 6; n++) await expect(queue.send("x")).rejects.toThrow("why");
    attempts.push([exhausted, server.received.length]);
  }
  expect(attempts[1]).toEqual(attempts[0]);
  expect(attempts[1]?.[0]).toBeLessThan(66);
});
