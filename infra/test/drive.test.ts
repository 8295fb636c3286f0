/**
 * Runs the bundles that SST built, with the environment that infra gives them, on an engine that
 * allows only what their roles allow. One scenario uses all functions. It proves that the roles
 * suffice, and that they allow nothing that is not used.
 */

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { tables } from "@stockwire/core/store/tables";
import { hash } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { budgetOf } from "../../packages/functions/scripts/budget.ts";
import { event1, event2 } from "../../packages/functions/test/events.ts";
import { grantsOf, startIamProxy, type IamProxy } from "./iam-proxy.ts";
import { type Running, start } from "./invoke.ts";
import { bundles, componentOf, handlers, one, stack, statements } from "./stack.ts";

const STAGE = "production";

/** Personal data and credentials of the scenario contain it; no log may. */
const CANARY = "c4n4ry";
const ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_UsersUserPool";
const functions = new Map<string, Running>();
const proxies = new Map<string, IamProxy>();
const sent: { method: string; id: string; frame: string }[] = [];
const disconnected = new Set<string>();
/** The bodies of messages that functions have sent to a queue. */
const messages: string[] = [];
/** Stands in for Cognito's documents, for API Gateway's connections API and for SQS. */
let aws: Server;
let issuer = "";
let token: (claims: object) => Promise<string>;

const engine = () => process.env["DYNAMODB_ENDPOINT"] ?? "";
const tableNames = () =>
  new Map(
    tables.map(({ id }) => [
      String(one(stack(STAGE), "dynamodb/table", `${id}Table`).inputs["name"]),
      process.env[`${id.toUpperCase()}_TABLE`] ?? "",
    ]),
  );
const grants = (name: string) =>
  grantsOf(statements(one(stack(STAGE), "iam/role", `${componentOf(name)}Role`)), tableNames());

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256" }] };
  token = (claims) =>
    new SignJWT({ token_use: "access", client_id: "BrowserClient-id", ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .setIssuer(issuer)
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  aws = createServer((req, res) => {
    const id = /@connections\/(.+)$/.exec(req.url ?? "")?.[1];
    if (id === undefined && req.method === "GET") {
      const discovery = { issuer, jwks_uri: `${issuer}/keys` };
      return res.end(JSON.stringify(req.url === "/keys" ? jwks : discovery));
    }
    let frame = "";
    req.on("data", (chunk: Buffer) => (frame += chunk.toString()));
    return req.on("end", () => {
      if (id === undefined) {
        const { MessageBody } = JSON.parse(frame) as { MessageBody: string };
        messages.push(MessageBody);
        const MD5OfMessageBody = hash("md5", MessageBody);
        return res.end(JSON.stringify({ MessageId: "m", MD5OfMessageBody }));
      }
      sent.push({ method: req.method ?? "", id: decodeURIComponent(id), frame });
      return res.writeHead(disconnected.has(decodeURIComponent(id)) ? 410 : 200).end();
    });
  });
  await new Promise<void>((resolve) => aws.listen(0, "127.0.0.1", resolve));
  const { port } = aws.address() as AddressInfo;
  issuer = `http://127.0.0.1:${port}`;
  for (const name of handlers) {
    const proxy = await startIamProxy(engine(), grants(name));
    proxies.set(name, proxy);
    const { environment } = one(
      stack(STAGE),
      "lambda/function",
      `${componentOf(name)}Function`,
    ).inputs;
    const variables = environment.variables as Record<string, string>;
    const withTestTables = Object.entries(variables).map(([key, value]) => [
      key,
      tableNames().get(value) ?? value,
    ]);
    functions.set(
      name,
      await start(componentOf(name), {
        ...Object.fromEntries(withTestTables),
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
        ...(variables["JWT_ISSUER"] === ISSUER && { JWT_ISSUER: issuer }),
        AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${port}/`,
        JWKS_URI: `http://127.0.0.1:${port}/jwks`,
        CHANGE_STREAM_SECONDS: "1", // after which a stream ends
        CLOCK_AHEAD: name === "sweep" ? "60000" : "0", // the reservation has expired by then
        ...(variables["LIVE_ENDPOINT"] && { LIVE_ENDPOINT: `http://127.0.0.1:${port}/live` }),
      }),
    );
  }
}, 60_000);

afterAll(() => {
  for (const each of functions.values()) each.stop();
  for (const each of proxies.values()) each.stop();
  aws.close();
});

const invoke = <T>(name: string, event: unknown): Promise<T> => {
  const running = functions.get(name);
  if (running === undefined) throw new Error(`${name} does not run`);
  return running.invoke<T>(event);
};

interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends a request in the form of an HTTP API's event, with a JWT that has been verified. */
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
  const { statusCode, body: text, headers: answered } = await invoke<Answer>("http", event);
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
const receive = (id: string, frame: object) =>
  invoke("live", { ...connection(id, "MESSAGE"), body: JSON.stringify(frame) });
const framesOf = (id: string) =>
  sent.flatMap((each) =>
    each.id === id && each.frame ? [JSON.parse(each.frame) as Record<string, unknown>] : [],
  );

/** A record's item as the images of Data's stream contain it. */
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

test("requests, connections, changes and deliveries work with the permissions of the roles", async () => {
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
  const item = await call("POST", "/items", { color: "red" }, { "idempotency-key": "scenario-1" });
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

  // One client connects with a ticket, another with a token; a foreign token is refused.
  const { ticket } = (await call("POST", "/live/tickets")).json as { ticket: string };
  const methodArn = "arn:aws:execute-api:us-east-1:123456789012:liveapi/live/$connect";
  const origin = "https://shop.example";
  const admitted = await invoke<{ principalId: string; context: object }>("authorizer", {
    methodArn,
    headers: { Origin: origin },
    queryStringParameters: { ticket },
  });
  expect(admitted.principalId).toBe("ana");
  const jwt = await token({ sub: "bob", scope: "stockwire/read:items", email: CANARY });
  const headers = { "Sec-WebSocket-Protocol": `stockwire.v1, bearer.${jwt}` };
  expect(await invoke("authorizer", { methodArn, headers })).toMatchObject({
    principalId: "bob",
    policyDocument: { Statement: [{ Effect: "Allow" }] },
  });
  const foreign = { Authorization: `Bearer ${await token({ sub: "eve", client_id: "another" })}` };
  await expect(invoke("authorizer", { methodArn, headers: foreign })).rejects.toThrow(
    "Unauthorized",
  );
  const opened = connection("one=", "CONNECT", { authorizer: admitted.context });
  expect(await invoke("live", { ...opened, headers: {} })).toMatchObject({ statusCode: 200 });
  await receive("one=", { action: "hello" });
  await receive("one=", { action: "subscribe", topics: ["items"] });
  await receive("one=", { action: "ping" });
  await receive("one=", { action: "message", message: CANARY });
  expect(framesOf("one=").map(({ type }) => type)).toEqual(
    expect.arrayContaining(["welcome", "subscribed", "pong", "message"]),
  );

  // The stream delivers a change to a connection and to one that no longer exists.
  const two = connection("two=", "CONNECT", { authorizer: admitted.context });
  await invoke("live", { ...two, headers: {} });
  await receive("two=", { action: "subscribe", topics: ["items"] });
  disconnected.add("two=");
  const NewImage = await imageOf("ITEM", itemId);
  const ApproximateCreationDateTime = Date.now() / 1000 - 1;
  const record = {
    eventID: "e",
    eventName: "INSERT",
    dynamodb: { NewImage, SequenceNumber: "1", ApproximateCreationDateTime },
  };
  expect(await invoke("changes", { Records: [record] })).toEqual({ batchItemFailures: [] });
  expect(framesOf("one=").at(-1)).toMatchObject({
    type: "events",
    events: [{ feed: "items", id: itemId, data: { color: "blue" } }],
  });
  const removal = {
    eventID: "f",
    eventName: "REMOVE",
    dynamodb: { OldImage, SequenceNumber: "2", ApproximateCreationDateTime },
  };
  expect(await invoke("changes", { Records: [removal] })).toEqual({ batchItemFailures: [] });
  expect(framesOf("one=").at(-1)).toMatchObject({
    events: [{ op: "delete", actor: "ana", before: { a: 1 } }],
  });
  const since = before.headers["feed-cursor"];
  await receive("one=", { action: "subscribe", topics: ["items"], since });
  expect(framesOf("one=").at(-1)).toMatchObject({ type: "caught_up" });
  const poison = { ...record, dynamodb: { ...record.dynamodb, NewImage: { pk: { S: "ITEM#0" } } } };
  expect(await invoke("changes", { Records: [poison] })).toEqual({ batchItemFailures: [] });
  expect(messages.at(-1)).toContain("UnreadableRecord"); // a dead letter

  // A partner lists items: through the app, and through mapping templates. The log has just
  // changed, so the cursor of a list by type is found in it.
  const partnerToken = await token({ sub: "shop", scope: "stockwire/read:items" });
  const verdict = await invoke<{ policyDocument: object; context: object }>("authorizer", {
    type: "TOKEN",
    authorizationToken: `Bearer ${partnerToken}`,
    methodArn: "arn:aws:execute-api:us-east-1:123456789012:partnerapi/partner/GET/items",
  });
  expect(verdict.context).toMatchObject({ userId: "shop", role: "partner" });
  const asPartner = (path: string) => {
    const { requestContext, ...proxied } = event1({ method: "GET", path });
    return { ...proxied, requestContext: { ...requestContext, authorizer: verdict.context } };
  };
  const answered = await invoke<Answer>("http", asPartner("/items?limit=1"));
  expect(answered.statusCode).toBe(200);
  for (const queryStringParameters of [{ limit: "1" }, { type: "lamp" }]) {
    const list = {
      path: "/items",
      httpMethod: "GET",
      queryStringParameters,
      requestContext: { requestId: "partner", authorizer: verdict.context },
    };
    expect(await invoke("hello", { list })).toMatchObject({
      status: 200,
      body: { count: list.queryStringParameters.limit ? 1 : 0 },
    });
  }

  // A partner reads what has happened since a cursor as a stream.
  const ofStream = asPartner(
    `/changes/stream?topic=items&since=${encodeURIComponent(since ?? "")}`,
  );
  const { status, text } = await invoke<{ status: number; text: string }>("stream", ofStream);
  expect([status, text]).toEqual([200, expect.stringContaining('"op":"delete"')]);
  expect(text).toMatch(/event: end\ndata: {"reason":"time_limit"}\n\n$/);

  // A queued delivery to a connection and to one that no longer exists.
  const endpoint = `http://127.0.0.1:${(aws.address() as AddressInfo).port}/live`;
  const third = connection("three=", "CONNECT", { authorizer: admitted.context });
  await invoke("live", { ...third, headers: {} });
  disconnected.add("three=");
  const delivery = { endpoint, ids: ["one=", "three="], frames: ["{}"], topics: ["items"] };
  const Records = [{ messageId: "m", body: JSON.stringify(delivery) }];
  expect(await invoke("deliver", { Records })).toEqual({ batchItemFailures: [] });

  // A connection is closed when its token has expired.
  const ended = { ...admitted.context, authExpiresAt: String(Date.now() - 1) };
  const late = connection("late=", "CONNECT", { authorizer: ended });
  await invoke("live", { ...late, headers: {} });
  const tokenEnd = messages.at(-1) ?? "";
  expect(JSON.parse(tokenEnd)).toMatchObject({ tokenEnd: { connectionId: "late=" } });
  const end = { Records: [{ messageId: "n", body: tokenEnd }] };
  expect(await invoke("deliver", end)).toEqual({ batchItemFailures: [] });
  expect(sent.some(({ method, id }) => method === "DELETE" && id === "late=")).toBe(true);

  // The rest of a replay.
  const head = { seqs: { items: 1 }, at: Date.now() };
  const rest = { feeds: [{ feed: "items", topics: ["items"], seq: 0, head: 1 }], sent: head };
  const replay = { connectionId: "one=", rest: { ...rest, heads: head } };
  const left = { Records: [{ messageId: "o", body: JSON.stringify({ replay }) }] };
  expect(await invoke("deliver", left)).toEqual({ batchItemFailures: [] });
  expect(framesOf("one=").at(-1)).toMatchObject({ type: "caught_up" });
  expect(await invoke("live", connection("one=", "DISCONNECT"))).toMatchObject({
    statusCode: 200,
  });
}, 60_000);

test("the sweep releases the stock of an expired reservation", async () => {
  expect(await invoke("sweep", {})).toMatchObject({ expired: expect.any(Number), more: false });
  expect(functions.get("sweep")?.log()).toMatch(/"Expired":[1-9]/);
}, 60_000);

test("a package is one minified file and a source map without sources", () => {
  for (const name of handlers) {
    const zip = readFileSync(join(bundles, componentOf(name), "code.zip"));
    expect(filesOf(zip)).toEqual(["./", "bundle.mjs", "bundle.mjs.map", "resource.enc"]);
    const folder = join(bundles, `${componentOf(name)}-src`);
    const map = JSON.parse(readFileSync(join(folder, "bundle.mjs.map"), "utf8")) as object;
    expect(map).toMatchObject({ version: 3, mappings: expect.any(String) });
    expect(map).not.toHaveProperty("sourcesContent");
    const { size } = statSync(join(folder, "bundle.mjs"));
    expect([name, size / 1000 < budgetOf(name)]).toEqual([name, true]);
    expect([name, zip.length < 500_000]).toEqual([name, true]);
  }
});

test("each function used everything that its role allows on tables, and was refused nothing", () => {
  const byName = (of: (name: string) => Iterable<string>) =>
    Object.fromEntries(handlers.map((name) => [name, [...of(name)].toSorted()]));
  expect(byName((name) => proxies.get(name)?.refused ?? [])).toEqual(byName(() => []));
  expect(byName((name) => proxies.get(name)?.used ?? [])).toEqual(byName(grants));
});

test("logs are JSON lines without tokens, keys, cookies, emails or messages", () => {
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
  expect(functions.get("http")?.log()).toContain('"Latency"');
  expect(functions.get("changes")?.log()).toContain('"ChangeLag"');
  expect(functions.get("deliver")?.log()).toContain('"Gone":1');
  expect(functions.get("sweep")?.log()).toContain('"SweepLag"');
});

test("the stack of a logged error names the sources", () => {
  const log = functions.get("changes")?.log() ?? "";
  expect(log).toMatch(/"stack":".*packages\/core\/src\/changes\/change\.ts:\d+:\d+/);
  expect(log).not.toContain("bundle.mjs");
});

/** The names in a ZIP file's central directory, whose entries start with `PK\x01\x02`. */
function filesOf(zip: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; (at = zip.indexOf("PK\x01\x02", at, "latin1")) >= 0; at += 46) {
    names.push(zip.toString("utf8", at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  }
  return names.toSorted();
}
