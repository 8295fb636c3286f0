/**
 * The small client does what the SDK's client does. The same calls go through both to a server that
 * answers in every way in which networks and DynamoDB can; results, errors, and what the store does
 * next must be equal.
 */

import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CallOptions, Client } from "../../src/store/client.ts";
import { outcomeOf, type Pair, startPair, storeCall } from "../support/client-pair.ts";
import type { Respond } from "../support/server.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ timeout: 2_000 });
});
afterAll(() => pair.close());

const CLIENTS = ["sdk", "small"] as const;
const GET = { TableName: "T", Key: { pk: "p", sk: "s" } };
const get = (client: Client, options?: CallOptions) => client.send("GetItem", GET, options);

const FOUND = JSON.stringify({ Item: { pk: { S: "p" }, n: { N: "1.5" } } });
const OLD = { pk: { S: "p" }, sk: { S: "s" }, version: { N: "7" }, list: { L: [{ NULL: true }] } };

const reply =
  (status: number, body: unknown, headers: Record<string, string> = {}): Respond =>
  (response) =>
    response
      .writeHead(status, { "x-amzn-requestid": "R", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body));

const error = (status: number, type: string, members: object = {}, headers = {}) =>
  reply(
    status,
    { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: "why", ...members },
    headers,
  );

const refused = (status: number, ...types: string[]): [string, Respond][] =>
  types.map((type) => [`${type} ${status}`, error(status, type)]);

const cancelled = (...codes: string[]): [string, Respond] => [
  `a transaction cancelled by ${codes.join()}`,
  error(400, "TransactionCanceledException", {
    CancellationReasons: codes.map((Code) => ({ Code, ...(Code !== "None" && { Item: OLD }) })),
  }),
];

/** Announces more bytes than it sends. */
const cut =
  (status: number): Respond =>
  (response) => {
    response.writeHead(status, { "x-amzn-requestid": "R", "content-length": "1000" });
    response.write(FOUND, () => response.socket?.end());
  };

const broken = (bytes: string): Respond => {
  return (response) => {
    response.socket?.end(bytes);
  };
};

/** One way to answer, by name. */
const FAULTS: Record<string, Respond> = Object.fromEntries([
  ["an item", reply(200, FOUND, { "x-amz-crc32": String(crc32(FOUND)) })],
  ["no item", reply(200, {})],
  ["an empty body", reply(200, "")],
  ["another success", reply(204, "")],
  ["a redirection", reply(302, "{}", { location: "/" })],
  ...refused(
    400,
    "ConditionalCheckFailedException",
    "IdempotentParameterMismatchException",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "TransactionCanceledException",
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SerializationException",
    "UnrecognizedClientException",
    "ValidationException",
    "SomethingNew",
  ),
  ...refused(413, "RequestEntityTooLarge"),
  ...refused(500, "InternalServerError", "InternalFailure", "SomethingNew", "ThrottlingException"),
  ...refused(503, "ServiceUnavailable", "ProvisionedThroughputExceededException"),
  ["an error of a client with the status 400", error(400, "InternalServerError")],
  [
    "the item that refused a condition",
    error(400, "ConditionalCheckFailedException", { Item: OLD }),
  ],
  cancelled("None", "ConditionalCheckFailed"),
  cancelled("TransactionConflict", "None"),
  cancelled("ThrottlingError"),
  cancelled("ProvisionedThroughputExceeded", "ConditionalCheckFailed"),
  cancelled("ValidationError"),
  cancelled("ItemCollectionSizeLimitExceeded"),
  ["Message in capitals", reply(400, { __type: "a#ValidationException", Message: "Why" })],
  ["no message", reply(400, { __type: "ValidationException" })],
  ["a type with its URI", reply(400, { __type: "ValidationException:http://a/", message: "why" })],
  ["a code in the body", reply(400, { code: "ThrottlingException", message: "why" })],
  ["a type in the header", reply(400, {}, { "x-amzn-errortype": "ThrottlingException:http://a/" })],
  ["an error without a type", reply(400, { message: "why" })],
  ["an error without a body", reply(400, "")],
  ["500 without a body", reply(500, "")],
  ["503 in HTML", reply(503, "<html>Service Unavailable</html>")],
  ["400 in HTML", reply(400, "<html>Bad Request</html>")],
  ["200 in HTML", reply(200, "<html>Sign in to the network</html>")],
  ["half an answer", reply(200, FOUND.slice(0, 20))],
  ["an answer that breaks off", cut(200)],
  ["an error that breaks off", cut(400)],
  ["a reset", (response: Parameters<Respond>[0]) => response.socket?.resetAndDestroy()],
  ["a close", (response: Parameters<Respond>[0]) => response.socket?.end()],
  ["not HTTP", broken("nonsense\r\n\r\n")],
  ["half a head", broken("HTTP/1.1 200 OK\r\ncontent-le")],
] as [string, Respond][]);

describe.each(Object.entries(FAULTS))("%s", (_name, respond) => {
  test("is the same outcome of both clients", async () => {
    const outcomes = [];
    for (const name of CLIENTS) {
      pair.answer(respond);
      outcomes.push(await outcomeOf(get(pair[name])));
      expect(pair.received).toHaveLength(1);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  test("leads to the same attempts, once and always", async () => {
    const ends = [];
    for (const name of CLIENTS) {
      pair.answer((response, received) =>
        (pair.received.length === 1 ? respond : reply(200, FOUND))(response, received),
      );
      const once = await storeCall((options) => get(pair[name], options));
      pair.answer(respond);
      const always = await storeCall((options) => get(pair[name], options), { deadline: 0 });
      ends.push({ once, always });
    }
    expect(ends[1]).toEqual(ends[0]);
  });
});

const HOUR = 3_600_000; // ms
/** The offset of a clock has ms, so that replies in the same one look alike. */
const later = (respond: Respond): Respond => {
  return (response, received) => {
    for (const now = Date.now(); Date.now() === now;);
    respond(response, received);
  };
};
const served = (after: number, headers = {}) => ({
  date: new Date(Date.now() + after).toUTCString(),
  ...headers,
});
const STALE = { __type: "a#InvalidSignatureException", message: "Signature expired" };

describe.each([
  ["an hour behind the server", HOUR, {}],
  ["an hour ahead of it", -HOUR, {}],
  ["three minutes behind, which DynamoDB allows", 180_000, {}],
  ["unknown, because the reply comes from a cache", HOUR, { age: "1" }],
])("a clock that is %s", (_name, skew, headers) => {
  test("is corrected alike after a refused signature, and after a success", async () => {
    const ends = [];
    const own = await startPair();
    for (const name of CLIENTS) {
      const stale = later((...to) => reply(400, STALE, served(skew, headers))(...to));
      const found = later((...to) => reply(200, FOUND, served(skew, headers))(...to));
      own.answer((...to) => (own.received.length === 1 ? stale : found)(...to));
      const first = await storeCall((options) => get(own[name], options));
      const [, repeated] = own.received;
      own.answer(stale);
      const last = await outcomeOf(get(own[name]));
      const dates = [repeated, ...own.received].map((each) =>
        offsetOf(each?.headers["x-amz-date"]),
      );
      ends.push({ first, last, dates });
    }
    own.close();
    expect(ends[1]).toEqual(ends[0]);
  });
});

/** The minutes by which a request's date differs from now. */
function offsetOf(date: unknown): number | undefined {
  if (typeof date !== "string") return undefined;
  const iso = date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return Math.round((Date.parse(iso) - Date.now()) / 60_000);
}
