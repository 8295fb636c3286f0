/** The small client on `fetch`: every call ends, with an error that the store knows. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { createSmallClient } from "../../src/store/protocol/client.ts";
import { openFetchTransport } from "../../src/aws/fetch.ts";
import { outcomeOf, type Pair, startPair, storeCall } from "../support/client-pair.ts";
import { failure } from "../support/store.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ timeout: 400, transport: openFetchTransport });
});
afterAll(() => pair.close());

const patient = { requestTimeout: 10_000 };
const GET = { TableName: "T", Key: { pk: "p", sk: "s" } };
const FOUND = JSON.stringify({ Item: { pk: { S: "p" } } });

test("a request is the one that the SDK's client sends", async () => {
  pair.answer((response) => response.end(FOUND));
  expect(await pair.small.send("GetItem", GET, patient)).toEqual({ Item: { pk: "p" } });
  await pair.sdk.send("GetItem", GET, patient);
  const [small, sdk] = pair.received;
  expect(JSON.parse(small?.body ?? "")).toEqual(JSON.parse(sdk?.body ?? ""));
  for (const name of ["content-type", "host", "x-amz-target", "content-length"]) {
    expect([name, small?.headers[name]]).toEqual([name, sdk?.headers[name]]);
  }
  // A reply that fetch has decoded would not match its checksum.
  expect(small?.headers["accept-encoding"]).toBe("identity");
  expect(small?.headers.authorization).toMatch(/SignedHeaders=content-type;host;x-amz-date;/);
});

test("an error of DynamoDB is the SDK's", async () => {
  pair.answer((response) =>
    response
      .writeHead(400, { "x-amzn-requestid": "R1", date: new Date().toUTCString() })
      .end(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow"}`),
  );
  const [small, sdk] = [
    await outcomeOf(pair.small.send("GetItem", GET, patient)),
    await outcomeOf(pair.sdk.send("GetItem", GET, patient)),
  ];
  expect(small).toEqual(sdk);
});

test("a server that does not answer, or stops, is a time-out", async () => {
  pair.answer(() => undefined);
  const started = performance.now();
  expect(await failure(pair.small.send("GetItem", GET, { requestTimeout: 50 }))).toMatchObject({
    name: "TimeoutError",
    code: "ETIMEDOUT",
  });
  expect(performance.now() - started).toBeGreaterThan(45);
  pair.answer((response) => response.writeHead(200).write(FOUND.slice(0, 9)));
  expect(await failure(pair.small.send("GetItem", GET))).toMatchObject({ name: "TimeoutError" });
  pair.answer(async (response) => {
    for (let from = 0; from < FOUND.length; from += 6) {
      response.write(FOUND.slice(from, from + 6));
      await new Promise((resolve) => setTimeout(resolve, 130));
    }
    response.end();
  });
  expect(await pair.small.send("GetItem", GET)).toEqual({ Item: { pk: "p" } });
});

test("an aborted call ends, before and while it is sent", async () => {
  const aborted = { ...patient, abortSignal: AbortSignal.abort() };
  expect(await failure(pair.small.send("GetItem", GET, aborted))).toMatchObject({
    name: "AbortError",
  });
  const controller = new AbortController();
  pair.answer(() => controller.abort());
  const call = pair.small.send("GetItem", GET, { ...patient, abortSignal: controller.signal });
  expect(await failure(call)).toMatchObject({ name: "AbortError" });
});

test("a call whose connection fails may have been applied", async () => {
  const client = createSmallClient(
    {
      region: "eu-west-1",
      endpoint: "http://127.0.0.1:1",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" },
      transport: openFetchTransport,
    },
    1,
  );
  const get = (options: object) => client.send("GetItem", GET, options);
  expect(await storeCall(get)).toMatchObject({ attempts: 3, isLost: true });
  pair.answer((response) => response.destroy());
  const cut = await storeCall((options) => pair.small.send("GetItem", GET, options));
  expect(cut).toMatchObject({ attempts: 3, isLost: true });
});

test.each([
  ["that breaks off", { "content-length": "999" }],
  ["with another checksum", { "x-amz-crc32": "1" }],
])("a reply %s may have been applied", async (_, headers) => {
  pair.answer((response) => {
    response.writeHead(200, headers).write(FOUND);
    if ("content-length" in headers) setTimeout(() => response.destroy(), 20);
    else response.end();
  });
  const end = await storeCall((options) =>
    pair.small.send("GetItem", GET, { ...patient, ...options }),
  );
  expect(end).toMatchObject({ attempts: 3, isLost: true });
});

test("a redirect is not followed", async () => {
  pair.answer((response) => response.writeHead(307, { location: "/elsewhere" }).end());
  expect(await failure(pair.small.send("GetItem", GET, patient))).toMatchObject({
    $metadata: { httpStatusCode: 307 },
  });
  expect(pair.received).toHaveLength(1);
});
