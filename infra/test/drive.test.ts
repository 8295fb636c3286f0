import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { tables } from "@stockwire/core/store/tables";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { event2 } from "../../packages/functions/test/events.ts";
import { grantsOf, guard, type GuardedStore } from "./guarded-store.ts";
import { type Running, start } from "./invoke.ts";
import { one, stack, statements } from "./stack.ts";

/**
 * The bundles that SST built, with the environment that infra gives them, on the engine, which lets
 * through no more than their roles do. One story runs through them all: what it needs is what they
 * are allowed, nothing more.
 */

const STAGE = "production";
const NAMES = ["Http", "LiveAuthorizer", "LiveSocket", "Append", "Post", "Sweep"] as const;
type Name = (typeof NAMES)[number];

const CANARY = "c4n4ry";
const ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_UsersUserPool";
const functions = new Map<Name, Running>();
const stores = new Map<Name, GuardedStore>();
const posted: { method: string; id: string; frame: string }[] = [];
const gone = new Set<string>();
let outside: Server;
let token: (claims: object) => Promise<string>;

const engine = () => process.env["DYNAMODB_ENDPOINT"] ?? "";
const tableNames = () =>
  new Map(
    tables.map(({ id }) => [
      String(one(stack(STAGE), "dynamodb/table", `${id}Table`).inputs["name"]),
      process.env[`${id.toUpperCase()}_TABLE`] ?? "",
    ]),
  );
const grants = (name: Name) =>
  grantsOf(statements(one(stack(STAGE), "iam/role", `${name}Role`)), tableNames());

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256" }] };
  token = (claims) =>
    new SignJWT({ token_use: "access", client_id: "BrowserClient-id", ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .setIssuer(ISSUER)
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  // Cognito's keys, and API Gateway's management of connections.
  outside = createServer((req, res) => {
    const id = /@connections\/(.+)$/.exec(req.url ?? "")?.[1];
    if (id === undefined) return res.end(JSON.stringify(jwks));
    let frame = "";
    req.on("data", (chunk: Buffer) => (frame += chunk.toString()));
    return req.on("end", () => {
      posted.push({ method: req.method ?? "", id: decodeURIComponent(id), frame });
      res.writeHead(gone.has(decodeURIComponent(id)) ? 410 : 200).end();
    });
  });
  await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
  const { port } = outside.address() as AddressInfo;
  for (const name of NAMES) {
    const store = await guard(engine(), grants(name));
    stores.set(name, store);
    const { environment } = one(stack(STAGE), "lambda/function", `${name}Function`).inputs;
    const variables = environment.variables as Record<string, string>;
    const real = Object.entries(variables).map(([key, value]) => [
      key,
      tableNames().get(value) ?? value,
    ]);
    functions.set(
      name,
      await start(name, {
        ...Object.fromEntries(real),
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_ENDPOINT_URL_DYNAMODB: store.endpoint,
        JWKS_URI: `http://127.0.0.1:${port}/jwks`,
        CLOCK_AHEAD: name === "Sweep" ? "60000" : "0", // when the reservation has expired
        ...(variables["LIVE_ENDPOINT"] && { LIVE_ENDPOINT: `http://127.0.0.1:${port}/live` }),
      }),
    );
  }
}, 60_000);

afterAll(() => {
  for (const each of functions.values()) each.stop();
  for (const each of stores.values()) each.stop();
  outside.close();
});

const invoke = <T>(name: Name, event: unknown): Promise<T> => {
  const running = functions.get(name);
  if (running === undefined) throw new Error(`${name} does not run`);
  return running.invoke<T>(event);
};

interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/** A request as the HTTP API hands it over, and its answer. */
async function call(method: string, path: string, body?: object, headers = {}) {
  const claims = { sub: "ana", scope: "stockwire/admin", client_id: "BrowserClient-id" };
  const event = event2({
    method,
    path,
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${CANARY}`,
      cookie: CANARY,
      "x-api-key": CANARY,
      ...headers,
    },
    claims,
    ...(body && { body: JSON.stringify(body) }),
  });
  const { statusCode, body: text, headers: answered } = await invoke<Answer>("Http", event);
  const json = text ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { statusCode, json, headers: answered };
}

const connection = (id: string, eventType: string, more: object = {}) => ({
  requestContext: {
    eventType,
    connectionId: id,
    connectedAt: Date.now(),
    domainName: "live.shop.example",
    stage: "live",
    requestId: "r",
    ...more,
  },
});
const said = (id: string, frame: object) =>
  invoke("LiveSocket", { ...connection(id, "MESSAGE"), body: JSON.stringify(frame) });
const framesOf = (id: string) =>
  posted.flatMap((each) =>
    each.id === id && each.frame ? [JSON.parse(each.frame) as Record<string, unknown>] : [],
  );

/** The images of a record as Data's stream has them. */
async function imageOf(kind: string, id: string) {
  const client = new DynamoDBClient({ endpoint: engine() });
  for (let shard = 0; shard < 4; shard++) {
    const Key = { pk: { S: `${kind}#${shard}` }, sk: { S: id } };
    const TableName = process.env["DATA_TABLE"];
    const { Item } = await client.send(new GetItemCommand({ TableName, Key }));
    if (Item) return Item;
  }
  throw new Error(`${kind} ${id} is not there`);
}

test("S-001, S-002, S-235, S-399, S-402: an item's way through every function", async () => {
  const person = { name: "Ana Canary", email: `${CANARY}@example.com`, phone: "5550100000" };
  expect((await call("POST", "/users", person)).statusCode).toBe(201);
  expect((await call("GET", `/users?email=${CANARY}@example.com`)).json).toMatchObject({
    count: 1,
  });
  const stock = { name: "Lamp", price: 9.99, category: "lamps", initialQuantity: 5 };
  const product = await call("POST", "/products", stock);
  const productId = String(product.json["id"]);
  expect((await call("GET", "/products?category=lamps")).statusCode).toBe(200);
  const change = { price: 8.99 };
  expect((await call("PUT", `/products/${productId}`, change)).json).toMatchObject({ version: 2 });
  expect((await call("GET", `/products/${productId}?include=inventory`)).json).toMatchObject({
    inventory: { available: 5 },
  });
  const reservation = { lines: [{ productId, quantity: 2 }], ttlSeconds: 30 };
  expect((await call("POST", "/reservations", reservation)).statusCode).toBe(201);
  const held = await call("GET", `/reservations?productId=${productId}`);
  expect(held.json["count"]).toBe(1);
  const before = await call("GET", "/items");
  const item = await call("POST", "/items", { color: "red" }, { "idempotency-key": "story-1" });
  const itemId = String(item.json["id"]);
  expect((await call("PUT", `/items/${itemId}`, { color: "blue" })).statusCode).toBe(200);
  const fresh = "/items/item_01939f3c-0000-7000-8000-000000000001";
  const creating = { "if-none-match": "*" };
  expect((await call("PUT", fresh, { a: 1 }, creating)).statusCode).toBe(201);
  const OldImage = await imageOf("ITEM", fresh.replace("/items/", ""));
  expect((await call("DELETE", fresh)).statusCode).toBe(204);
  expect((await call("GET", "/items?limit=1")).json["count"]).toBe(1);
  expect((await call("GET", `/items/${itemId}/history`)).statusCode).toBe(200);
  expect((await call("GET", "/changes?topic=items")).statusCode).toBe(200);
  expect((await call("GET", "/ready")).json).toMatchObject({ status: "ok" });
  expect((await call("GET", "/nowhere")).statusCode).toBe(404);

  // A page gets a ticket, connects with it, and listens; another client shows its token.
  const { ticket } = (await call("POST", "/live/tickets")).json as { ticket: string };
  const methodArn = "arn:aws:execute-api:us-east-1:123456789012:liveapi/live/$connect";
  const origin = "https://shop.example";
  const admitted = await invoke<{ principalId: string; context: object }>("LiveAuthorizer", {
    methodArn,
    headers: { Origin: origin },
    queryStringParameters: { ticket },
  });
  expect(admitted.principalId).toBe("ana");
  const jwt = await token({ sub: "bob", scope: "stockwire/read:items", email: CANARY });
  const headers = { "Sec-WebSocket-Protocol": `stockwire.v1, bearer.${jwt}` };
  expect(await invoke("LiveAuthorizer", { methodArn, headers })).toMatchObject({
    principalId: "bob",
    policyDocument: { Statement: [{ Effect: "Allow" }] },
  });
  const foreign = { Authorization: `Bearer ${await token({ sub: "eve", client_id: "another" })}` };
  await expect(invoke("LiveAuthorizer", { methodArn, headers: foreign })).rejects.toThrow(
    "Unauthorized",
  );
  const opened = connection("one=", "CONNECT", { authorizer: admitted.context });
  expect(await invoke("LiveSocket", { ...opened, headers: {} })).toMatchObject({ statusCode: 200 });
  await said("one=", { action: "hello" });
  await said("one=", { action: "subscribe", topics: ["items"] });
  await said("one=", { action: "ping" });
  await said("one=", { action: "message", message: CANARY });
  expect(framesOf("one=").map(({ type }) => type)).toEqual(
    expect.arrayContaining(["welcome", "subscribed", "pong", "message"]),
  );

  // The stream brings a change of the item, to one that listens and to one that is gone.
  const lost = connection("two=", "CONNECT", { authorizer: admitted.context });
  await invoke("LiveSocket", { ...lost, headers: {} });
  await said("two=", { action: "subscribe", topics: ["items"] });
  gone.add("two=");
  const NewImage = await imageOf("ITEM", itemId);
  const ApproximateCreationDateTime = Date.now() / 1000 - 1;
  const record = {
    eventID: "e",
    eventName: "INSERT",
    dynamodb: { NewImage, SequenceNumber: "1", ApproximateCreationDateTime },
  };
  expect(await invoke("Append", { Records: [record] })).toEqual({ batchItemFailures: [] });
  expect(framesOf("one=").at(-1)).toMatchObject({
    type: "events",
    events: [{ feed: "items", id: itemId, data: { color: "blue" } }],
  });
  const removal = {
    eventID: "f",
    eventName: "REMOVE",
    dynamodb: { OldImage, SequenceNumber: "2", ApproximateCreationDateTime },
  };
  expect(await invoke("Append", { Records: [removal] })).toEqual({ batchItemFailures: [] });
  expect(framesOf("one=").at(-1)).toMatchObject({
    events: [{ op: "delete", actor: "ana", before: { a: 1 } }],
  });
  const since = before.headers["feed-cursor"];
  await said("one=", { action: "subscribe", topics: ["items"], since });
  expect(framesOf("one=").at(-1)).toMatchObject({ type: "caught_up" });
  const dead = { ...record, dynamodb: { ...record.dynamodb, NewImage: { pk: { S: "ITEM#0" } } } };
  expect(await invoke("Append", { Records: [dead] })).toEqual({
    batchItemFailures: [{ itemIdentifier: "1" }],
  });

  // A parcel for one that listens and one that is gone.
  const address = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/live`;
  const third = connection("three=", "CONNECT", { authorizer: admitted.context });
  await invoke("LiveSocket", { ...third, headers: {} });
  gone.add("three=");
  const parcel = { endpoint: address, ids: ["one=", "three="], frames: ["{}"], topics: ["items"] };
  const Records = [{ messageId: "m", body: JSON.stringify(parcel) }];
  expect(await invoke("Post", { Records })).toEqual({ batchItemFailures: [] });

  // A connection ends with its token.
  const ended = { ...admitted.context, authExpiresAt: String(Date.now() - 1) };
  const late = connection("late=", "CONNECT", { authorizer: ended });
  await invoke("LiveSocket", { ...late, headers: {} });
  await said("late=", { action: "ping" });
  expect(posted.some(({ method, id }) => method === "DELETE" && id === "late=")).toBe(true);
  expect(await invoke("LiveSocket", connection("one=", "DISCONNECT"))).toMatchObject({
    statusCode: 200,
  });
}, 60_000);

test("the sweep gives back what an expired reservation holds", async () => {
  expect(await invoke("Sweep", {})).toMatchObject({ expired: expect.any(Number), more: false });
  expect(functions.get("Sweep")?.log()).toMatch(/"Expired":[1-9]/);
}, 60_000);

test("S-317: what is uploaded is one minified file; its source map stays behind", () => {
  for (const name of NAMES) {
    const zip = readFileSync(join(inject("bundles"), name, "code.zip"));
    expect([name, zip.includes("bundle.mjs"), zip.includes(".map")]).toEqual([name, true, false]);
    const { size } = statSync(join(inject("bundles"), `${name}-src`, "bundle.mjs"));
    expect([name, size < 500_000]).toEqual([name, true]);
  }
});

test("S-195, A-30: each function does what its role allows, all of it, and nothing else", () => {
  const told = (of: (name: Name) => Iterable<string>) =>
    Object.fromEntries(NAMES.map((name) => [name, [...of(name)].toSorted()]));
  expect(told((name) => stores.get(name)?.refused ?? [])).toEqual(told(() => []));
  expect(told((name) => stores.get(name)?.used ?? [])).toEqual(told(grants));
});

test("S-282, A-29: what they log is JSON, a line each, without a token, key, cookie, email or message", () => {
  for (const [name, { log }] of functions) {
    const lines = log()
      .split("\n")
      .filter((line) => line !== "");
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow("JSON");
    expect([name, log().includes(CANARY), log().includes("5550100000")]).toEqual([
      name,
      false,
      false,
    ]);
    expect(log()).not.toMatch(/eyJ[\w-]+\.eyJ/);
  }
  expect(functions.get("Http")?.log()).toContain('"Latency"');
  expect(functions.get("Append")?.log()).toContain('"ChangeLag"');
  expect(functions.get("Post")?.log()).toContain('"Gone":1');
  expect(functions.get("Sweep")?.log()).toContain('"SweepLag"');
});
