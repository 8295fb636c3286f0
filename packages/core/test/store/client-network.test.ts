/**
 * Every call of the small client ends, as those of the SDK's client do; and where the SDK would wait
 * for ever, or take a damaged reply, the small client fails.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type CallOptions, type Client, createClient } from "../../src/store/client.ts";
import { createPair, outcomeOf, type Pair, startPair, storeCall } from "../support/client-pair.ts";
import { failure } from "../support/store.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ timeout: 400 });
});
afterAll(() => pair.close());

/** For what must not fail because this machine is busy. */
const patient = { requestTimeout: 10_000 };
const CLIENTS = ["sdk", "small"] as const;
const GET = { TableName: "T", Key: { pk: "p", sk: "s" } };
const get = (client: Client, options?: CallOptions) => client.send("GetItem", GET, options);
const FOUND = JSON.stringify({ Item: { pk: { S: "p" } } });
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };

/** Calls both clients at the same time, and expects equal outcomes within `within` ms. */
async function expectBoth(at: Pick<Pair, "sdk" | "small">, options: CallOptions, within: number) {
  const started = performance.now();
  const [sdk, small] = await Promise.all(CLIENTS.map((name) => outcomeOf(get(at[name], options))));
  expect(performance.now() - started).toBeLessThan(within);
  expect(small).toEqual(sdk);
  return small;
}

test.each([
  ["sdk", "aws-sdk-js"],
  ["small", undefined],
  [undefined, undefined],
])("DYNAMODB_CLIENT=%s selects the client", async (setting, agent) => {
  vi.stubEnv("DYNAMODB_CLIENT", setting);
  const client = createClient({ region: "eu-west-1", endpoint: pair.endpoint, credentials });
  vi.unstubAllEnvs();
  pair.answer((response) => response.end(FOUND));
  expect(await get(client, patient)).toMatchObject({ Item: { pk: "p" } });
  expect(pair.received[0]?.headers["user-agent"]?.slice(0, 10)).toBe(agent);
  client.close();
});

test("a server that does not answer is a time-out", async () => {
  pair.answer(() => undefined);
  const end = await expectBoth(pair, {}, 2_000);
  expect(end).toMatchObject({ name: "TimeoutError", code: "ETIMEDOUT" });
});

test("a call can have a shorter time-out than its client", async () => {
  pair.answer(() => undefined);
  const started = performance.now();
  expect(await expectBoth(pair, { requestTimeout: 50 }, 390)).toMatchObject({
    name: "TimeoutError",
  });
  expect(performance.now() - started).toBeGreaterThan(45);
});

test("a call without a reply is made as often through both", async () => {
  pair.answer(() => undefined);
  const ends = CLIENTS.map((name) => storeCall((options) => get(pair[name], options)));
  const [sdk, small] = await Promise.all(ends);
  expect(small).toEqual(sdk);
});

test("an aborted call ends, before and while it is sent", async () => {
  expect(await expectBoth(pair, { abortSignal: AbortSignal.abort() }, 390)).toMatchObject({
    name: "AbortError",
  });
  const controller = new AbortController();
  pair.answer(() => {
    if (pair.received.length === 2) controller.abort();
  });
  const { signal: abortSignal } = controller;
  expect(await expectBoth(pair, { abortSignal }, 390)).toMatchObject({ name: "AbortError" });
});

test.each([
  ["port without a server", "http://127.0.0.1:1", "ECONNREFUSED"],
  ["host that does not exist", "http://no.such.host.invalid", "ENOTFOUND"],
])("a %s is its network error", async (_name, endpoint, code) => {
  const clients = createPair({ region: "eu-west-1", endpoint, credentials });
  const end = (await expectBoth(clients, {}, 5_000)) as { code: string };
  expect([code, "EAI_AGAIN"]).toContain(end.code);
});

test.runIf(process.platform === "linux")(
  "a host that does not take the connection is a time-out after one second",
  async () => {
    const full = await fullServer();
    const clients = createPair({
      region: "eu-west-1",
      endpoint: full.endpoint,
      credentials,
      timeout: 10_000,
    });
    const end = await expectBoth(clients, {}, 3_000);
    expect(end).toMatchObject({ name: "TimeoutError" });
    full.close();
  },
);

/** A server whose queue of new connections is full: the kernel drops all further ones. */
async function fullServer() {
  const program = `require("node:net").createServer().listen(
    { port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] });
  const [port] = (await once(createInterface(child.stdout), "line")) as [string];
  child.kill("SIGSTOP");
  const fillers: Socket[] = [];
  for (let n = 0; n < 6; n++) {
    fillers.push(connect(Number(port), "127.0.0.1").on("error", () => undefined));
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close() {
      for (const each of fillers) each.destroy();
      child.kill("SIGKILL");
    },
  };
}

test("connections are kept and used again, up to their maximum", async () => {
  for (const name of CLIENTS) {
    const ports = new Set<unknown>();
    pair.answer((response) => {
      ports.add(response.socket?.remotePort);
      setTimeout(() => response.end(FOUND), 5);
    });
    await Promise.all(Array.from({ length: 40 }, () => get(pair[name], patient)));
    for (let n = 0; n < 5; n++) await get(pair[name], patient);
    expect([name, ports.size]).toEqual([name, 16]);
  }
});

test("16 MB of items, all that DynamoDB returns, are read", async () => {
  const Item = { bytes: { S: "ü".repeat(8 << 20) } };
  pair.answer((response) => response.end(JSON.stringify({ Item })));
  const { Item: found } = await get(pair.small, patient);
  expect(found?.["bytes"]).toBe(Item.bytes.S);
});

test("a reply with another checksum than DynamoDB sent with it may have been applied", async () => {
  pair.answer((response) => response.writeHead(200, { "x-amz-crc32": "1" }).end(FOUND));
  expect(await storeCall((options) => get(pair.small, options))).toMatchObject({
    attempts: 3,
    isLost: true,
  });
});

test("a reply that stops is a time-out, and one that goes on slowly is not", async () => {
  pair.answer((response) => response.writeHead(200).write(FOUND.slice(0, 9)));
  expect(await failure(get(pair.small))).toMatchObject({ name: "TimeoutError" });
  pair.answer(async (response) => {
    for (let from = 0; from < FOUND.length; from += 6) {
      response.write(FOUND.slice(from, from + 6));
      await new Promise((resolve) => setTimeout(resolve, 130));
    }
    response.end();
  });
  expect(await get(pair.small)).toEqual({ Item: { pk: "p" } });
});

test("a reply without an end is refused", async () => {
  const chunk = Buffer.alloc(4 << 20, " ");
  pair.answer((response) => {
    const more = (): unknown => response.write(chunk, (error) => (error ? undefined : more()));
    more();
  });
  expect(await failure(get(pair.small, patient))).toMatchObject({
    message: expect.stringContaining("over 134217728 bytes"),
  });
});
