import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DynamoDBStreamsClient,
  ExpiredIteratorException,
  TrimmedDataAccessException,
} from "@aws-sdk/client-dynamodb-streams";
import { Data } from "@stockwire/core/store/tables";
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { startDynamodb } from "../engine/dynamodb.ts";
import { createTables } from "../engine/tables.ts";
import { deadLetterFile, type StreamDeadLetter } from "./dead-letter.ts";
import {
  startStreamMapping,
  type StreamMapping,
  type StreamMappingConfig,
} from "./event-source-mapping.ts";
import type { StreamRecord } from "./record.ts";
import { isAfter } from "./shard.ts";

const { DYNAMODB_ENDPOINT: endpoint = "", ...ownEngine } = process.env;
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const leaseTableName = `Leases-${randomUUID()}`;

let dynamodb: DynamoDBClient;
let streams: DynamoDBStreamsClient;
let tableName: string;
let tableNames: string[];
let mappings: StreamMapping[];
let errors: unknown[];
let letters: StreamDeadLetter[];

beforeEach(async () => {
  connect(endpoint);
  tableNames = [];
  await createTable(`Data-${randomUUID()}`);
  mappings = [];
  errors = [];
  letters = [];
});

afterEach(async () => {
  for (const mapping of mappings) await mapping.stop();
  await cleanUp();
});

afterAll(async () => {
  connect(endpoint);
  tableNames = [leaseTableName];
  await cleanUp();
});

function connect(url: string): void {
  const config = { endpoint: url, region: "us-east-1", credentials };
  dynamodb = new DynamoDBClient({ ...config, maxAttempts: 8 });
  streams = new DynamoDBStreamsClient(config);
}

async function createTable(name: string): Promise<void> {
  tableName = name;
  tableNames.push(name);
  await createTables(dynamodb, [Data], () => name);
}

async function cleanUp(): Promise<void> {
  for (const TableName of tableNames) await dynamodb.send(new DeleteTableCommand({ TableName }));
  dynamodb.destroy();
  streams.destroy();
}

type Batch = { Records: StreamRecord[] };

function start(
  handler: (event: Batch) => unknown,
  config: Partial<StreamMappingConfig> = {},
): StreamMapping {
  const mapping = startStreamMapping({
    dynamodb,
    streams,
    tableName,
    leaseTableName,
    functionName: "changes",
    handler,
    timeoutMs: 5000,
    batchSize: 100,
    maximumRetryAttempts: 3,
    bisectBatchOnFunctionError: true,
    onDeadLetter: (letter) => void letters.push(letter),
    onError: (error) => errors.push(error),
    retryMs: 2,
    ...config,
  });
  mappings.push(mapping);
  return mapping;
}

async function put(id: string, attributes = {}): Promise<void> {
  const Item = { pk: { S: id }, sk: { S: id }, ...attributes };
  await dynamodb.send(new PutItemCommand({ TableName: tableName, Item }));
}

async function putAll(ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += 25) {
    const requests = ids
      .slice(from, from + 25)
      .map((id) => ({ PutRequest: { Item: { pk: { S: id }, sk: { S: id } } } }));
    await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }));
  }
}

const ids = (count: number, prefix = "r") =>
  Array.from({ length: count }, (_none, n) => `${prefix}${n}`);

const idOf = ({ dynamodb: { Keys } }: StreamRecord) => (Keys["pk"] as { S: string }).S;
const idsOf = ({ Records }: Batch) => Records.map(idOf);

const sequenceNumberOf = (record: StreamRecord | undefined) =>
  record?.dynamodb.SequenceNumber ?? "";

const failureAt = (record: StreamRecord | undefined) => ({
  batchItemFailures: [{ itemIdentifier: sequenceNumberOf(record) }],
});

/** A handler that collects its records, and fails for each batch with a poison record. */
function poisoned(poison: readonly string[]) {
  const calls: string[][] = [];
  const handled: string[] = [];
  const handler = (event: Batch) => {
    calls.push(idsOf(event));
    if (idsOf(event).some((id) => poison.includes(id))) throw new Error("poison");
    handled.push(...idsOf(event));
  };
  return { calls, handled, handler };
}

test("a record has the form of a Lambda event, with attributes in DynamoDB JSON", async () => {
  const seen: StreamRecord[] = [];
  const mapping = start(({ Records }) => void seen.push(...Records));
  const bytes = new Uint8Array([1, 2, 255]);
  const attributes = { n: { N: "12345678901234567890" }, b: { B: bytes } };
  await put("a", { ...attributes, m: { M: { l: { L: [{ BS: [bytes] }, { NULL: true }] } } } });
  await put("a", { n: { N: "2" } });
  await dynamodb.send(
    new DeleteItemCommand({ TableName: tableName, Key: { pk: { S: "a" }, sk: { S: "a" } } }),
  );
  await mapping.settled();

  const Keys = { pk: { S: "a" }, sk: { S: "a" } };
  expect(seen[0]).toEqual({
    eventID: expect.any(String),
    eventName: "INSERT",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: expect.any(String),
    dynamodb: {
      // DynamoDB Local rounds it down to the minute.
      ApproximateCreationDateTime: expect.closeTo(Date.now() / 1000 - 30, -2),
      Keys,
      NewImage: {
        ...Keys,
        n: { N: "12345678901234567890" },
        b: { B: "AQL/" },
        m: { M: { l: { L: [{ BS: ["AQL/"] }, { NULL: true }] } } },
      },
      SequenceNumber: expect.stringMatching(/^\d+$/),
      SizeBytes: expect.any(Number),
      StreamViewType: "NEW_AND_OLD_IMAGES",
    },
    eventSourceARN: expect.stringContaining(`:table/${tableName}/stream/`),
  });
  expect(seen.map((record) => record.eventName)).toEqual(["INSERT", "MODIFY", "REMOVE"]);
  expect(seen[1]?.dynamodb).toMatchObject({
    OldImage: { n: { N: "12345678901234567890" } },
    NewImage: { n: { N: "2" } },
  });
  expect(Number.isInteger(seen[0]?.dynamodb.ApproximateCreationDateTime)).toBe(true);
  expect(seen[2]?.dynamodb).not.toHaveProperty("NewImage");
});

test("records from before the first start are delivered too, in order and in batches", async () => {
  await putAll(ids(60));
  const { calls, handled, handler } = poisoned([]);
  const mapping = start(handler, { batchSize: 25 });
  await putAll(ids(30, "s"));
  await mapping.settled();
  expect(handled).toEqual([...ids(60), ...ids(30, "s")]);
  expect(Math.max(...calls.map((call) => call.length))).toBe(25);
});

test("a batch never exceeds the payload limit of an invocation", async () => {
  const text = { S: "x".repeat(350_000) };
  for (const id of ids(20)) await put(id, { text });
  const { calls, handled, handler } = poisoned([]);
  await start(handler).settled();
  expect(handled).toEqual(ids(20));
  expect(calls.map((call) => call.length)).toEqual([17, 3]);
});

test("a write that changes nothing is not delivered", async () => {
  const { handled, handler } = poisoned([]);
  const mapping = start(handler);
  for (const id of ["a", "a", "b"]) await put(id);
  await mapping.settled();
  expect(handled).toEqual(["a", "b"]);
});

test("one batch is processed at a time, even if the function is slow and wake-ups keep coming", async () => {
  let running = 0;
  let most = 0;
  const handled: string[] = [];
  const mapping = start(
    async (event) => {
      most = Math.max(most, ++running);
      mapping.wake();
      await new Promise((resolve) => setTimeout(resolve, 5));
      handled.push(...idsOf(event));
      running--;
    },
    { batchSize: 10 },
  );
  await putAll(ids(50));
  await mapping.settled();
  expect(most).toBe(1);
  expect(handled).toEqual(ids(50));
});

test("a new mapping continues where the last one stopped", async () => {
  const first = poisoned([]);
  const mapping = start(first.handler);
  await putAll(ids(10));
  await mapping.settled();
  await mapping.stop();
  await putAll(ids(10, "s"));

  const second = poisoned([]);
  await start(second.handler).settled();
  expect(first.handled).toEqual(ids(10));
  expect(second.handled).toEqual(ids(10, "s"));
});

test("stop waits for an invocation in progress and keeps its checkpoint", async () => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const handled: string[] = [];
  const mapping = start(async (event) => {
    entered.resolve();
    await gate.promise;
    handled.push(...idsOf(event));
  });
  await put("a");
  await entered.promise;
  const stopped = mapping.stop();
  gate.resolve();
  await stopped;
  await put("b");
  const next = poisoned([]);
  await start(next.handler).settled();
  expect(handled).toEqual(["a"]);
  expect(next.handled).toEqual(["b"]);
});

test.each([
  ["first", 0],
  ["middle", 7],
  ["last", 15],
])(
  "a poison record in %s place becomes a dead letter alone, and no other record is lost",
  async (_what, n) => {
    const poison = `r${n}`;
    await putAll(ids(16));
    const { calls, handled, handler } = poisoned([poison]);
    const mapping = start(handler);
    await mapping.settled();
    expect(handled).toEqual(ids(16).filter((id) => id !== poison));
    expect(calls.filter((call) => call.length === 1 && call[0] === poison)).toHaveLength(4);

    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 4 },
      DDBStreamBatchInfo: { batchSize: 1 },
      responsePayload: { errorType: "Error", errorMessage: "poison" },
      payload: {
        Records: [{ eventName: "INSERT", dynamodb: { NewImage: { pk: { S: poison } } } }],
      },
    });
    const sequenceNumber = sequenceNumberOf(letters[0]?.payload.Records[0]);
    expect(letters[0]?.DDBStreamBatchInfo).toMatchObject({
      startSequenceNumber: sequenceNumber,
      endSequenceNumber: sequenceNumber,
    });

    await put("after");
    await mapping.settled();
    expect(handled.at(-1)).toBe("after");
  },
);

test("each of several poison records in a batch becomes a dead letter", async () => {
  await putAll(ids(32));
  const poison = ["r0", "r1", "r17", "r31"];
  const { handled, handler } = poisoned(poison);
  await start(handler).settled();
  expect(handled).toEqual(ids(32).filter((id) => !poison.includes(id)));
  expect(letters.flatMap(({ payload }) => idsOf({ Records: [...payload.Records] }))).toEqual(
    poison,
  );
});

test("without bisecting, a batch is discarded as a whole", async () => {
  await putAll(ids(4));
  const { calls, handler } = poisoned(["r2"]);
  await start(handler, { bisectBatchOnFunctionError: false, maximumRetryAttempts: 1 }).settled();
  expect(calls).toEqual([ids(4), ids(4)]);
  expect(letters[0]).toMatchObject({
    requestContext: { approximateInvokeCount: 2 },
    DDBStreamBatchInfo: { batchSize: 4 },
  });
});

test("a temporary failure costs retries and nothing else", async () => {
  await put("a");
  let calls = 0;
  await start(() => {
    if (++calls < 4) throw new Error("not yet");
  }).settled();
  expect(calls).toBe(4);
  expect(letters).toEqual([]);
  expect(errors).toHaveLength(3);
});

test("with maximumRetryAttempts -1 a batch is retried until it succeeds", async () => {
  await put("a");
  let calls = 0;
  await start(
    () => {
      if (++calls < 9) throw new Error("not yet");
    },
    { maximumRetryAttempts: -1 },
  ).settled();
  expect(calls).toBe(9);
  expect(letters).toEqual([]);
});

test("a partial failure is retried from the first failed record", async () => {
  await putAll(ids(6));
  const calls: string[][] = [];
  await start(({ Records }) => {
    calls.push(Records.map(idOf));
    if (calls.length > 1) return undefined;
    const failures = [Records[4], Records[2]].map((record) => failureAt(record).batchItemFailures);
    return { batchItemFailures: failures.flat() };
  }).settled();
  expect(calls).toEqual([ids(6), ids(6).slice(2)]);
});

test("records before a partial failure are not repeated after a restart", async () => {
  await putAll(ids(6));
  const failed = Promise.withResolvers<void>();
  const mapping = start(
    ({ Records }) => {
      if (Records.length === 6) return failureAt(Records[2]);
      failed.resolve();
      throw new Error("not yet");
    },
    { maximumRetryAttempts: -1 },
  );
  await failed.promise;
  await mapping.stop();
  const { handled, handler } = poisoned([]);
  await start(handler).settled();
  expect(handled).toEqual(ids(6).slice(2));
});

test("a record that is reported each time becomes a dead letter, those after it do not", async () => {
  await putAll(ids(6));
  const handled: string[] = [];
  await start(({ Records }) => {
    const poison = Records.findIndex((record) => idOf(record) === "r3");
    handled.push(...Records.slice(0, poison < 0 ? undefined : poison).map(idOf));
    return poison < 0 ? null : failureAt(Records[poison]);
  }).settled();
  expect(handled).toEqual(ids(6).filter((id) => id !== "r3"));
  expect(letters).toHaveLength(1);
});

test.each([
  ["an empty identifier", { batchItemFailures: [{ itemIdentifier: "" }] }],
  ["an unknown identifier", { batchItemFailures: [{ itemIdentifier: "999999" }] }],
  ["a wrong key", { batchItemFailures: [{ id: "1" }] }],
  ["a text for a list", { batchItemFailures: "1" }],
  ["a text for an object", "done"],
])("a response with %s means that the whole batch has failed", async (_what, response) => {
  await putAll(ids(2));
  const calls: string[][] = [];
  await start(
    (event) => {
      calls.push(idsOf(event));
      return calls.length === 1 ? response : {};
    },
    { bisectBatchOnFunctionError: false },
  ).settled();
  expect(calls).toEqual([ids(2), ids(2)]);
});

test.each([[undefined], [null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
  "the response %j means that no record has failed",
  async (response) => {
    await putAll(ids(2));
    let calls = 0;
    await start(() => {
      calls++;
      return response;
    }).settled();
    expect(calls).toBe(1);
  },
);

test("a function that times out has failed", async () => {
  await put("a");
  await start(() => new Promise(() => undefined), {
    timeoutMs: 20,
    maximumRetryAttempts: 1,
  }).settled();
  expect(letters[0]?.responsePayload?.errorMessage).toMatch(/timed out/);
});

test("records that are too old are discarded without an invocation", async () => {
  await putAll(ids(3));
  const { handled, handler } = poisoned([]);
  const tomorrow = { maximumRecordAgeSeconds: 3600, now: () => Date.now() + 86_400_000 };
  const mapping = start(handler, tomorrow);
  await mapping.settled();
  expect(handled).toEqual([]);
  expect(letters).toHaveLength(1);
  expect(letters[0]).toMatchObject({
    requestContext: { condition: "RecordAgeExceeded" },
    DDBStreamBatchInfo: { batchSize: 3 },
  });
});

test("records that the filter rejects are neither delivered nor read again", async () => {
  await putAll([...ids(5), "skip", ...ids(5, "s"), "skip2"]);
  const { handled, handler } = poisoned([]);
  const filter = (record: StreamRecord) => !idOf(record).startsWith("skip");
  const mapping = start(handler, { filter });
  await mapping.settled();
  expect(handled).toEqual([...ids(5), ...ids(5, "s")]);
  await mapping.stop();

  const again = poisoned([]);
  await start(again.handler).settled();
  expect(again.handled).toEqual([]);
});

test("if the filter throws, the record is delivered", async () => {
  const { handled, handler } = poisoned([]);
  await put("a");
  await start(handler, {
    filter: () => {
      throw new TypeError("no such shape");
    },
  }).settled();
  expect(handled).toEqual(["a"]);
  expect(errors).toEqual([expect.any(TypeError)]);
});

test("a record is not discarded before its dead letter is written", async () => {
  await putAll(["bad", "good"]);
  let refused = 0;
  const checkpoints: unknown[] = [];
  const { handled, handler } = poisoned(["bad"]);
  await start(handler, {
    onDeadLetter: async (letter) => {
      const { Item } = await dynamodb.send(new GetItemCommand(await leaseOf("changes")));
      checkpoints.push(...Object.values(Item?.["checkpoints"]?.M ?? {}));
      if (++refused < 4) throw new Error("disk full");
      letters.push(letter);
    },
  }).settled();
  expect(checkpoints).toEqual([]); // a killed process would have to begin with it again
  expect(letters).toHaveLength(1);
  expect(handled).toEqual(["good"]);
});

test("each dead letter in a file is one line of JSON", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-letters-"));
  const file = join(folder, "letters", "changes.jsonl");
  await putAll(["bad", "worse"]);
  const { handler } = poisoned(["bad", "worse"]);
  await start(handler, { onDeadLetter: deadLetterFile(file) }).settled();
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  const kept = lines.map((line) => JSON.parse(line) as StreamDeadLetter);
  expect(kept.flatMap(({ payload }) => payload.Records.map(idOf))).toEqual(["bad", "worse"]);
  await rm(folder, { recursive: true });
});

test.each(["ExpiredIteratorException", "TrimmedDataAccessException", "ServiceUnavailable"])(
  "after %s no record is lost or repeated",
  async (name) => {
    const { handled, handler } = poisoned([]);
    start(handler, { batchSize: 5, streams: failing(name) });
    await putAll(ids(40));
    await vi.waitUntil(() => handled.length >= 40, { timeout: 30_000 });
    await put("end");
    await mappings[0]?.settled();
    expect(handled).toEqual([...ids(40), "end"]);
  },
);

/** A client of which some GetRecords calls fail; their iterators are invalid from then on. */
function failing(name: string): DynamoDBStreamsClient {
  const client = new DynamoDBStreamsClient({ endpoint, region: "us-east-1", credentials });
  const options = { message: name, $metadata: {} };
  const trimmed = new TrimmedDataAccessException(options);
  const expired = new ExpiredIteratorException(options);
  const error = [trimmed, expired].find((one) => one.name === name) ?? new Error(name);
  let reads = 0;
  let isInvalid = false;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { ShardIteratorType } = args.input as { ShardIteratorType?: string };
      if (context["commandName"] === "GetShardIteratorCommand") {
        if (isInvalid && error === trimmed && ShardIteratorType !== "TRIM_HORIZON") throw error;
        isInvalid = false;
      }
      if (context["commandName"] === "GetRecordsCommand") {
        isInvalid ||= [2, 5, 6].includes(++reads);
        if (isInvalid) throw error;
      }
      return next(args);
    },
    { step: "initialize" },
  );
  return client;
}

test("after an engine is killed no record is lost, and repeated ones come in order", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-stream-"));
  const engine = await startDynamodb({ dataDir, log: () => undefined, env: ownEngine });
  await cleanUp();
  tableNames = [];
  connect(engine.endpoint ?? "");
  await createTable("Data");

  const seen = new Map<string, string>(); // in the order of the first delivery
  const collect = (record: StreamRecord) => seen.set(sequenceNumberOf(record), idOf(record));
  const mapping = start(({ Records }) => Records.forEach(collect), { batchSize: 7 });
  for (let round = 0; round < 3; round++) {
    await putAll(ids(50, `${round}-`));
    process.kill(enginePid(dataDir), "SIGKILL");
  }
  await put("end");
  await mapping.settled();
  const all = [0, 1, 2].flatMap((round) => ids(50, `${round}-`));
  expect([...seen.values()].toSorted()).toEqual([...all, "end"].toSorted());
  const order = [...seen.keys()].map(Number);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(letters).toEqual([]);

  await mapping.stop();
  await engine.stop();
  tableNames = [];
  await rm(dataDir, { recursive: true });
});

function enginePid(dataDir: string): number {
  const line = execFileSync("ps", ["-A", "-o", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .find((one) => one.includes(join(dataDir, "dynoxide.db")) && !one.includes("watchdog.sh"));
  const pid = Number(line?.trim().split(/\s+/)[0]);
  expect(pid).toBeGreaterThan(1);
  return pid;
}

test("the stream of a table that is created later is read from its beginning", async () => {
  const { handled, handler } = poisoned([]);
  tableName = `Late-${randomUUID()}`;
  const mapping = start(handler);
  await vi.waitUntil(() => errors.length > 0, { timeout: 30_000 });
  await createTable(tableName);
  await put("a");
  await mapping.settled();
  expect(handled).toEqual(["a"]);
});

test("one of two mappings of a function reads, and the other continues when it stops", async () => {
  const first = poisoned([]);
  const second = poisoned([]);
  const one = start(first.handler);
  await put("a");
  await one.settled();
  const two = start(second.handler);
  await put("b");
  await two.settled();
  expect(first.handled).toEqual(["a", "b"]);
  await one.stop();
  await put("c");
  await two.settled();
  expect(second.handled).toEqual(["c"]);
});

test("mappings of two functions each get all records", async () => {
  const first = poisoned([]);
  const second = poisoned([]);
  const both = [start(first.handler), start(second.handler, { functionName: "audit" })];
  await putAll(ids(10));
  for (const mapping of both) await mapping.settled();
  expect([first.handled, second.handled]).toEqual([ids(10), ids(10)]);
});

test("a lease that is not renewed is taken over, and its old holder's checkpoints are refused", async () => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const suspended = start(
    async () => {
      entered.resolve();
      await gate.promise;
    },
    { dynamodb: refusing("leaseCounter"), timeoutMs: 60_000 },
  );
  await putAll(["a", "b"]);
  await entered.promise;

  const { handled, handler } = poisoned([]);
  const successor = start(handler, { leaseMs: 200 });
  await successor.settled();
  await put("c");
  await successor.settled();
  expect(handled).toEqual(["a", "b", "c"]);
  gate.resolve();
  await suspended.stop();
  await successor.stop();

  const last = poisoned([]);
  await put("d");
  await start(last.handler).settled();
  expect(last.handled).toEqual(["d"]);
});

/** A client whose lease renewals fail, like those of a suspended process. */
function refusing(what: string): DynamoDBClient {
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  client.middlewareStack.add(
    (next) => async (args) => {
      const input = args.input as { UpdateExpression?: string };
      if (input.UpdateExpression === `ADD ${what} :one`) throw new Error("no connection");
      return next(args);
    },
    { step: "initialize" },
  );
  return client;
}

async function leaseOf(functionName: string) {
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: tableName }));
  const eventSourceArn = Table?.LatestStreamArn ?? "";
  return {
    TableName: leaseTableName,
    Key: { functionName: { S: functionName }, eventSourceArn: { S: eventSourceArn } },
    ConsistentRead: true,
  };
}

/** A client with a stream of several shards. Local engines never have more than one. */
function sharded(shards: Record<string, { parent?: string; ids: string[]; open?: boolean }>) {
  const read: string[] = [];
  const answers: Record<string, (input: Record<string, string>) => unknown> = {
    DescribeStreamCommand: ({ ExclusiveStartShardId: from }) => {
      const all = Object.entries(shards);
      const next = all.findIndex(([id]) => id === from) + 1;
      const page = all.slice(next, next + 2).map(([ShardId, { parent }]) => ({
        ShardId,
        ParentShardId: parent,
      }));
      const more = next + 2 < all.length && { LastEvaluatedShardId: page.at(-1)?.ShardId };
      return { StreamDescription: { Shards: page, ...more } };
    },
    GetShardIteratorCommand: ({ ShardId = "", SequenceNumber }) => {
      read.push(ShardId);
      return { ShardIterator: `${ShardId} ${Number(SequenceNumber ?? 0)}` };
    },
    GetRecordsCommand: ({ ShardIterator = "" }) => {
      const [id = "", from] = ShardIterator.split(" ");
      const shard = shards[id];
      const Records = shard?.ids.slice(Number(from), Number(from) + 2).map((one, n) => ({
        eventName: "INSERT",
        dynamodb: { SequenceNumber: `${Number(from) + n + 1}`, Keys: { pk: { S: one } } },
      }));
      const next = Number(from) + (Records?.length ?? 0);
      const isEnd = !shard?.open && next === shard?.ids.length;
      return { Records, ...(!isEnd && { NextShardIterator: `${id} ${next}` }) };
    },
  };
  const client = {
    send: (command: { input: Record<string, string> }) =>
      Promise.resolve(answers[command.constructor.name]?.(command.input)),
    destroy: () => undefined,
  };
  return { read, client: client as unknown as DynamoDBStreamsClient };
}

test("a parent shard is read to its end before its children, and only once", async () => {
  const shards = {
    c2: { parent: "p", ids: ["c2-1", "c2-2", "c2-3"], open: true },
    c1: { parent: "p", ids: ["c1-1"] },
    g: { parent: "c1", ids: ["g-1"], open: true },
    p: { parent: "trimmed", ids: ["p-1", "p-2", "p-3", "p-4", "p-5"] },
    q: { ids: ["q-1"], open: true },
  };
  const first = sharded(shards);
  const { handled, handler } = poisoned([]);
  const mapping = start(handler, { streams: first.client });
  await vi.waitUntil(() => handled.length === 11, { timeout: 30_000 });
  await mapping.stop();
  const indexOf = (id: string) => handled.indexOf(id);
  for (const id of ["c1-1", "c2-1", "g-1"]) expect(indexOf(id)).toBeGreaterThan(indexOf("p-5"));
  expect(indexOf("g-1")).toBeGreaterThan(indexOf("c1-1"));
  for (const one of ["c1", "c2", "g", "p", "q"]) {
    const own = handled.filter((id) => id.startsWith(`${one}-`));
    expect(own).toEqual(shards[one as keyof typeof shards].ids);
  }

  const { p: _gone, ...left } = shards;
  const second = sharded({ ...left, d: { parent: "g", ids: ["d-1"], open: true } });
  const again = poisoned([]);
  left.g.ids.push("g-2");
  left.g.open = false;
  await start(again.handler, { streams: second.client }).settled();
  await vi.waitUntil(() => again.handled.length === 2, { timeout: 30_000 });
  expect(again.handled).toEqual(["g-2", "d-1"]);
  expect(second.read).not.toContain("c1");
  const { Item } = await dynamodb.send(new GetItemCommand(await leaseOf("changes")));
  expect(Object.keys(Item?.["checkpoints"]?.M ?? {}).toSorted()).toEqual(
    ["c1", "c2", "d", "g", "q"].toSorted(),
  );
});

/** A mapping in another process, which prints the ids of its records and kills itself after one. */
async function startInOtherProcess(dieAfter: string) {
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url));
  const code = `
    const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
    const { DynamoDBStreamsClient } = await import("@aws-sdk/client-dynamodb-streams");
    const { startStreamMapping } = await import(${url("event-source-mapping.ts")});
    const [endpoint, tableName, leaseTableName, dieAfter] = process.argv.slice(1);
    const config = { endpoint, region: "us-east-1", credentials: { accessKeyId: "l", secretAccessKey: "l" } };
    startStreamMapping({
      dynamodb: new DynamoDBClient(config), streams: new DynamoDBStreamsClient(config),
      tableName, leaseTableName, functionName: "changes", timeoutMs: 5000, batchSize: 10,
      maximumRetryAttempts: 3, bisectBatchOnFunctionError: true,
      onDeadLetter: () => process.exit(1), onError: () => undefined,
      async handler({ Records }) {
        const ids = Records.map((record) => record.dynamodb.Keys.pk.S);
        require("node:fs").writeSync(1, ids.join("\\n") + "\\n");
        if (ids.includes(dieAfter)) process.kill(process.pid, "SIGKILL");
      },
    });`;
  const args = [
    "--input-type=module",
    "-e",
    `import { createRequire } from "node:module";
    const require = createRequire(${url("event-source-mapping.ts")});${code}`,
  ];
  const cwd = join(import.meta.dirname, "..");
  const child = spawn(process.execPath, [...args, endpoint, tableName, leaseTableName, dieAfter], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const output = createInterface(child.stdout);
  output.on("line", (line) => lines.push(line));
  await once(output, "line");
  return { lines, ended: once(child, "close") };
}

test("a process is killed before its checkpoint: the next one repeats that batch and loses none", async () => {
  await putAll(ids(95));
  const { lines, ended } = await startInOtherProcess("r57");
  const { handled, handler } = poisoned([]);
  const successor = start(handler); // on standby while the other process runs
  await ended;
  await successor.settled();
  expect(lines).toEqual(ids(60));
  expect(handled).toEqual(ids(95).slice(50));
});

test("many wake-ups share a poll, and a wake-up does not wait for the next poll", async () => {
  let polls = 0;
  const client = new DynamoDBStreamsClient({
    endpoint,
    region: "us-east-1",
    credentials,
  });
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (context["commandName"] === "GetRecordsCommand") polls++;
      return next(args);
    },
    { step: "initialize" },
  );
  const { handled, handler } = poisoned([]);
  const mapping = start(handler, { streams: client, pollMs: 60_000 });
  await vi.waitUntil(() => polls > 0, { timeout: 30_000 });
  await put("a");
  const before = polls;
  for (let n = 0; n < 1000; n++) mapping.wake();
  await vi.waitUntil(() => handled.length > 0, { timeout: 30_000 }); // long before the next regular poll
  expect(polls - before).toBeLessThan(5);
  client.destroy();
});

test("sequence numbers are compared as numbers, whatever their length", () => {
  expect(isAfter("1000", "999")).toBe(true);
  expect(isAfter("999", "1000")).toBe(false);
  expect(isAfter("5", "5")).toBe(false);
  expect(isAfter("40000000000000000000001", "40000000000000000000000")).toBe(true);
  expect(isAfter("1", undefined)).toBe(true);
});
