/** What the small client sends and reads is what the SDK's client does, for any value. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../../src/store/client.ts";
import type { Operation } from "../../src/store/protocol/message.ts";
import { createSmallClient, endpointOf } from "../../src/store/protocol/client.ts";
import { createDocumentClient } from "../../src/store/sdk-client.ts";
import { type Pair, startPair } from "../support/client-pair.ts";
import { signedBySdk } from "../support/signed-by-sdk.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ timeout: 10_000 });
});
afterAll(() => pair.close());

/** Runs of each property below, and signatures; test:stress has more. */
const SIGNATURES = Number(process.env["SIGNATURES"] ?? 200);
const RUNS = Math.max(20, SIGNATURES / 25);

test(`${SIGNATURES} signatures are those of the SDK's signer`, async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,60}$/);
  const caller = fc.record({
    region: fc.constantFrom("us-east-1", "eu-central-2", "ap-southeast-3", "us-gov-west-1"),
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: word,
    sessionToken: fc.option(word, { nil: undefined }),
  });
  const text = fc.string({ unit: "binary" });
  const items = fc.array(fc.dictionary(text, text), { minLength: 20, maxLength: 20 });
  pair.answer((response) => response.end("{}"));
  await fc.assert(
    fc.asyncProperty(caller, items, async ({ region, sessionToken, ...keys }, all) => {
      const credentials = { ...keys, ...(sessionToken && { sessionToken }) };
      const client = createSmallClient({ region, endpoint: pair.endpoint, credentials }, 1);
      for (const Item of all) {
        await client.send("PutItem", { TableName: "Data", Item });
        const sent = pair.received.pop();
        const expected = await signedBySdk(sent, { region, service: "dynamodb", credentials });
        expect(sent?.headers["authorization"]).toBe(expected);
      }
      client.close();
    }),
    { numRuns: SIGNATURES / 20 },
  );
});

const name = fc.string({ maxLength: 8 }).filter((text) => text !== "__proto__");
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: "binary", maxLength: 12 }),
    number,
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.uint8Array({ minLength: 1, maxLength: 6 }),
    fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 3 }).map((all) => new Set(all)),
    fc.uniqueArray(number, { minLength: 1, maxLength: 3 }).map((all) => new Set(all)),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(name, tie("any"), { maxKeys: 3 }),
  ),
})).any;
const item = fc.dictionary(name, value, { maxKeys: 4 }) as fc.Arbitrary<Record<string, unknown>>;
const TableName = fc.constantFrom("Data", "Item", "Keys", "Responses"); // also names of members

const single = fc.record({ TableName, Item: item, ExpressionAttributeValues: item });
const keyed = fc.record({ TableName, Key: item, ExpressionAttributeValues: item });
const write = fc.oneof(
  item.map((Item) => ({ PutRequest: { Item } })),
  item.map((Key) => ({ DeleteRequest: { Key } })),
);
const byTable = <T>(each: fc.Arbitrary<T>) => fc.dictionary(TableName, each, { maxKeys: 2 });
const inputs: Record<Operation, fc.Arbitrary<object>> = {
  GetItem: fc.record({ TableName, Key: item, ConsistentRead: fc.boolean() }),
  PutItem: single,
  UpdateItem: keyed,
  DeleteItem: keyed,
  Query: fc.record({ TableName, ExpressionAttributeValues: item, ExclusiveStartKey: item }),
  BatchGetItem: byTable(fc.record({ Keys: fc.array(item, { maxLength: 3 }) })).map(
    (RequestItems) => ({ RequestItems }),
  ),
  BatchWriteItem: byTable(fc.array(write, { maxLength: 3 })).map((RequestItems) => ({
    RequestItems,
  })),
  TransactWriteItems: fc
    .array(
      fc.oneof(
        single.map((Put) => ({ Put })),
        keyed.map((Update) => ({ Update })),
        keyed.map((Delete) => ({ Delete })),
        keyed.map((ConditionCheck) => ({ ConditionCheck })),
      ),
      { maxLength: 3 },
    )
    .map((TransactItems) => ({ TransactItems, ClientRequestToken: "token" })),
};

describe.each(Object.entries(inputs))("%s", (operation, input) => {
  test("sends the same body, and the headers that name the call", async () => {
    pair.answer((response) => response.end("{}"));
    await fc.assert(
      fc.asyncProperty(input, async (given) => {
        for (const client of [pair.sdk, pair.small]) {
          await client.send(operation as Operation, given as never);
        }
        const [sdk, small] = pair.received.splice(0).map(({ headers, body }) => ({
          body: JSON.parse(body) as unknown,
          named: ["content-type", "host", "x-amz-target"].map((header) => headers[header]),
        }));
        expect(small).toEqual(sdk);
      }),
      { numRuns: RUNS },
    );
  });
});

const attribute: fc.Arbitrary<object> = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: "binary", maxLength: 12 }).map((S) => ({ S })),
    fc
      .oneof(number, fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }))
      .map((n) => ({ N: String(n) })),
    fc.boolean().map((BOOL) => ({ BOOL })),
    fc.constant({ NULL: true }),
    fc.uint8Array().map((bytes) => ({ B: Buffer.from(bytes).toString("base64") })),
    fc.array(fc.string()).map((SS) => ({ SS })),
    fc.array(number).map((all) => ({ NS: all.map(String) })),
    fc.array(fc.uint8Array()).map((all) => ({
      BS: all.map((bytes) => Buffer.from(bytes).toString("base64")),
    })),
    fc.array(tie("any"), { maxLength: 3 }).map((L) => ({ L })),
    fc.dictionary(name, tie("any"), { maxKeys: 3 }).map((M) => ({ M })),
  ),
})).any;
const stored = fc.dictionary(name, attribute, { maxKeys: 3 });
const stateds = fc.array(stored, { maxLength: 2 });

const outputs: Record<string, readonly [Operation, fc.Arbitrary<object>]> = {
  "an item": ["GetItem", fc.record({ Item: stored })],
  attributes: ["UpdateItem", fc.record({ Attributes: stored })],
  "a page": ["Query", fc.record({ Items: stateds, LastEvaluatedKey: stored, Count: fc.nat() })],
  "a batch": [
    "BatchGetItem",
    fc.record({
      Responses: byTable(stateds),
      UnprocessedKeys: byTable(fc.record({ Keys: stateds, ConsistentRead: fc.boolean() })),
    }),
  ],
  "unprocessed items": [
    "BatchWriteItem",
    fc.record({
      UnprocessedItems: byTable(fc.array(stored.map((Item) => ({ PutRequest: { Item } })))),
    }),
  ],
};

test.each(Object.entries(outputs))(
  "%s of a reply is read alike",
  async (_name, [operation, output]) => {
    await fc.assert(
      fc.asyncProperty(output, async (reply) => {
        pair.answer((response) => response.end(JSON.stringify(reply)));
        const [sdk, small] = await Promise.all(
          [pair.sdk, pair.small].map((client) => client.send(operation, {} as never)),
        );
        const { $metadata: _, ...expected } = sdk as object & { $metadata?: unknown };
        expect(small).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  },
);

const put = (client: Client, given: unknown) =>
  client.send("PutItem", { TableName: "Data", Item: { given } });

test("what DynamoDB has no value for is refused by both", async () => {
  pair.answer((response) => response.end("{}"));
  for (const given of [NaN, Infinity, 2 ** 53, new Date(), new Set(), Symbol("s"), [-Infinity]]) {
    for (const client of [pair.sdk, pair.small])
      await expect(put(client, given)).rejects.toThrow(/./);
  }
  expect(pair.received).toEqual([]);
});

test("what could be stored as something else is refused by the small client only", async () => {
  pair.answer((response) => response.end("{}"));
  for (const given of [new Set([1, "a"]), new Map([["a", 1]]), () => 1]) {
    await expect(put(pair.small, given)).rejects.toThrow(/DynamoDB/);
    await put(pair.sdk, given);
  }
});

test("a member called __proto__ is a member like others, which the SDK would lose", async () => {
  const given = JSON.parse('{"__proto__":{"a":1},"b":2}') as object;
  pair.answer((response, { body }) => {
    response.end(JSON.stringify({ Attributes: (JSON.parse(body) as { Item: object }).Item }));
  });
  const { Attributes } = await put(pair.small, given);
  expect(Object.entries(Attributes?.["given"] as object)).toEqual(Object.entries(given));
});

test.each(["us-east-1", "eu-central-2", "ap-southeast-3", "us-gov-west-1", "cn-north-1"])(
  "the endpoint of %s is the SDK's",
  async (region) => {
    const documents = createDocumentClient({ region, endpoint: undefined });
    const { endpointProvider } = documents.config;
    const { url } = endpointProvider({ Region: region, UseDualStack: false, UseFIPS: false });
    expect(`${new URL(endpointOf(region)).origin}/`).toBe(url.href);
  },
);

test("a region of a partition that needs another endpoint is refused", () => {
  for (const region of ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "local", ""]) {
    expect(() => endpointOf(region)).toThrow("DYNAMODB_CLIENT=sdk");
  }
});
