/** Which credentials open a live connection, and for how long. */

import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@stockwire/core/id";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openIssuerOf } from "../../server-registry.ts";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, closeClients, eventually, type Frame, type Handshake, send } from "./client.ts";
import { ownTables } from "./tables.ts";

const ORIGIN = "https://shop.example.com";
const CANARY = "canary-that-no-log-may-contain";

const tables = ownTables("connect");
let laptop: RunningLaptop;

beforeAll(async () => {
  laptop = await startLaptop({
    args: ["--no-seed"],
    env: { ...tables.env, ALLOWED_ORIGINS: ORIGIN, LOG_LEVEL: "debug" },
  });
});
afterEach(closeClients);
afterAll(async () => {
  await laptop.close();
  await tables.drop();
});

const soon = () => Math.floor(Date.now() / 1000);
const tokenOf = (claims: Record<string, unknown> = {}) =>
  laptop.token({ sub: "ana", scope: "read:items", ...claims });
const open = (handshake: Handshake) => connect(laptop, handshake);
const ticketOf = async (sub = "ana", scope = "read:items") => {
  const { status, json } = await send(laptop, "POST", "/live/tickets", undefined, { sub, scope });
  expect(status).toBe(201);
  expect(Date.parse(json.expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
  return String(json.ticket);
};

describe("credentials", () => {
  test("a token is accepted in a header or a subprotocol; the server selects only stockwire.v1", async () => {
    const byHeader = await open({ token: tokenOf() });
    expect([byHeader.status, byHeader.protocol]).toEqual([101, ""]);
    const named = await open({ token: tokenOf(), protocols: ["stockwire.v1"] });
    expect([named.status, named.protocol]).toEqual([101, "stockwire.v1"]);
    const other = open({ token: tokenOf(), protocols: ["graphql-ws"] });
    await expect(other).rejects.toThrow("Server sent no subprotocol");
    for (const protocols of [
      ["stockwire.v1", `bearer.${tokenOf()}`],
      [`bearer.${tokenOf()}`, "stockwire.v1"],
    ]) {
      const client = await open({ protocols });
      expect([client.status, client.protocol]).toEqual([101, "stockwire.v1"]);
      expect(await client.request({ action: "hello" })).toMatchObject({ sub: "ana" });
    }
  });

  test("the subprotocols can be on several lines", async () => {
    const socket = createConnection(Number(new URL(laptop.url).port), "127.0.0.1");
    const lines = [
      "GET /live HTTP/1.1",
      "Host: localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: stockwire.v1",
      `Sec-WebSocket-Protocol: bearer.${tokenOf()}`,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(
      /^HTTP\/1\.1 101 [^]*Sec-WebSocket-Protocol: stockwire\.v1\r\n/i,
    );
  });

  test("hello returns the caller and the limits, and the table stores nothing else", async () => {
    const exp = soon() + 600;
    const client = await open({ token: tokenOf({ sub: "hel", scope: "read:items admin", exp }) });
    const { replyTo: _, ...welcome } = await client.request({ action: "hello" });
    expect(welcome).toEqual({
      type: "welcome",
      connectionId: expect.any(String),
      sub: "hel",
      scopes: ["read:items", "admin"],
      authExpiresAt: new Date(exp * 1000).toISOString(),
      limits: {
        topics: 100,
        frameBytes: 32_768,
        messageBytes: 131_072,
        idleSeconds: 600,
        connectionSeconds: 7_200,
      },
    });
    const { connectionId } = welcome;
    const rowsOfIt = async () =>
      (await tables.rows("Connections")).filter((row) =>
        Object.values(row).some((value) => String(value).includes(connectionId)),
      );
    const row = (await rowsOfIt()).find(({ sk }) => sk === "CONNECTION");
    expect(row).toEqual({
      pk: `CONNECTION#${connectionId}`,
      sk: "CONNECTION",
      id: connectionId,
      sub: "hel",
      kind: "user",
      scopes: ["read:items", "admin"],
      endpoint: `${laptop.url}/live`,
      authExpiresAt: exp * 1000,
      connectedAt: expect.any(Number),
      expiresAt: Math.floor(Number(row?.["connectedAt"]) / 1000) + 130 * 60,
    });
    await client.close();
    await eventually(async () => (await rowsOfIt()).length === 0, "its rows to be deleted");
  });

  test("a ticket opens one connection, for its own subject", async () => {
    const ticket = await ticketOf("bob", "read:users");
    const client = await open({ query: `?ticket=${ticket}` });
    expect(client.status).toBe(101);
    expect(await client.request({ action: "hello" })).toMatchObject({
      sub: "bob",
      scopes: ["read:users"],
    });
    expect((await open({ query: `?ticket=${ticket}` })).status).toBe(401);

    const wanted = await ticketOf();
    const rivals = await Promise.all(
      Array.from({ length: 8 }, () => open({ query: `?ticket=${wanted}` })),
    );
    expect(rivals.filter(({ status }) => status === 101)).toHaveLength(1);
    expect(rivals.filter(({ status }) => status === 401)).toHaveLength(7);
    for (const row of await tables.rows("Connections")) {
      expect(JSON.stringify(row)).not.toContain(ticket);
    }
  });

  test("a ticket expires after a minute, and its connection with the token that requested it", async () => {
    const before = new Set((await tables.rows("Connections")).map(({ pk }) => pk));
    const ticket = await ticketOf();
    const rows = await tables.rows("Connections");
    const [row] = rows.filter(({ pk }) => String(pk).startsWith("TICKET#") && !before.has(pk));
    await tables.alter(row ?? {}, { expiresAt: soon() - 1 });
    expect((await open({ query: `?ticket=${ticket}` })).status).toBe(401);

    const exp = soon() + 300;
    const answer = await fetch(`${laptop.url}/live/tickets`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf({ exp })}` },
    });
    const { ticket: bounded } = (await answer.json()) as { ticket: string };
    const client = await open({ query: `?ticket=${bounded}` });
    expect(await client.request({ action: "hello" })).toMatchObject({
      authExpiresAt: new Date(exp * 1000).toISOString(),
    });
    expect((await fetch(`${laptop.url}/live/tickets`, { method: "POST" })).status).toBe(401);
  });

  test("a missing, invalid, expired or foreign token is 401, and so is a token in the URL", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stockwire-foreign-"));
    const foreign = await openIssuerOf({ dataDir: folder, issuer: laptop.url });
    await rm(folder, { recursive: true });
    const claims = { sub: "ana", scope: "admin" };
    const good = tokenOf();
    const [head = "", body = "", signature = ""] = good.split(".");
    const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    const tokens = {
      "no token": "",
      "not a token": CANARY,
      expired: tokenOf({ exp: soon() - 1 }),
      "not yet": tokenOf({ nbf: soon() + 600 }),
      "without an end": tokenOf({ exp: null }),
      "for others": tokenOf({ aud: "another" }),
      "an ID token": tokenOf({ token_use: "id" }),
      "of another issuer": tokenOf({ iss: "https://issuer.example.com" }),
      "signed by another": foreign.sign({ claims }),
      unsigned: `${unsigned}.${body}.`,
      "with a signature of its own": `${head}.${body}.${signature.split("").toReversed().join("")}`,
      "with padding": `${good}=`,
      "too long": `${good}${"x".repeat(8_192)}`,
    };
    for (const [what, token] of Object.entries(tokens)) {
      expect([what, (await open({ token })).status]).toEqual([what, 401]);
      if (token === "" || token.endsWith("=")) continue;
      const { status } = await open({ protocols: ["stockwire.v1", `bearer.${token}`] });
      expect([what, status]).toEqual([what, 401]);
    }
    expect((await open({})).status).toBe(401);
    expect((await open({ protocols: ["stockwire.v1"] })).status).toBe(401);
    expect((await open({ protocols: [`bearer.${good}`] })).status).toBe(401);
    expect(
      (await open({ headers: { cookie: `token=${good}; ticket=${await ticketOf()}` } })).status,
    ).toBe(401);
    for (const name of ["token", "access_token", "authorization", "bearer", "jwt"]) {
      expect((await open({ query: `?${name}=${good}` })).status).toBe(401);
    }
    expect((await open({ query: `?ticket=${good}` })).status).toBe(401);
    expect((await open({ query: `?ticket=${CANARY}` })).status).toBe(401);
    expect((await open({ query: "?ticket=" })).status).toBe(401);
    // The header takes precedence: a valid ticket does not help an invalid token.
    expect((await open({ token: "bad", query: `?ticket=${await ticketOf()}` })).status).toBe(401);
  });

  test("a page of another origin is 403, whatever its credentials", async () => {
    const token = tokenOf();
    for (const origin of [
      "https://evil.example.com",
      "null",
      "",
      `${ORIGIN}.evil.example`,
      `${ORIGIN}@evil.example`,
      `${ORIGIN}:8443`,
      `${ORIGIN}/`,
      `${ORIGIN}, https://evil.example.com`,
      ORIGIN.replace("https", "http"),
      ORIGIN.replace("shop", "SHOP"),
      "*",
    ]) {
      const ticket = await ticketOf();
      expect([origin, (await open({ token, headers: { origin } })).status]).toEqual([origin, 403]);
      const cookie = `token=${token}`;
      expect((await open({ headers: { origin, cookie } })).status).toBe(403);
      expect((await open({ query: `?ticket=${ticket}`, headers: { origin } })).status).toBe(403);
      // The refused request has not redeemed the ticket.
      expect((await open({ query: `?ticket=${ticket}`, headers: { origin: ORIGIN } })).status).toBe(
        101,
      );
      closeClients();
    }
    expect((await open({ token, headers: { origin: ORIGIN } })).status).toBe(101);
    const cookie = `token=${token}`;
    expect((await open({ headers: { origin: ORIGIN, cookie } })).status).toBe(401);
  });

  test("the 21st connection of a caller is 429 until one of the others closes", async () => {
    const token = tokenOf({ sub: newId() });
    const clients = await Promise.all(Array.from({ length: 20 }, () => open({ token })));
    expect(clients.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 101));
    expect((await open({ token })).status).toBe(429);
    expect((await open({ token: tokenOf({ sub: "another" }) })).status).toBe(101);
    await clients[7]?.close();
    await eventually(async () => (await open({ token })).status === 101, "a free connection");
    expect((await open({ token })).status).toBe(429);
    closeClients();

    await eventually(
      async () =>
        !(await tables.rows("Connections")).some((row) => row["connections"] !== undefined),
      "all connections to be deleted",
    );
    const crowd = await Promise.all(Array.from({ length: 50 }, () => open({ token })));
    const statuses = crowd.map(({ status }) => status);
    expect(statuses.filter((status) => status === 101)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    for (const client of crowd) {
      if (client.status === 101)
        expect((await client.request({ action: "hello" })).type).toBe("welcome");
    }
  });
});

test("no log line contains a token, a ticket, or an invalid one", async () => {
  const tokens = [tokenOf({ jti: CANARY }), tokenOf({ exp: 1 })];
  const ticket = await ticketOf();
  await open({ token: tokens[0] });
  await open({ protocols: ["stockwire.v1", `bearer.${tokens[1]}`] });
  await open({ query: `?ticket=${ticket}`, headers: { "user-agent": "stockwire-test" } });
  await open({ query: `?token=${tokens[0]}` });
  await open({ headers: { cookie: CANARY, "x-api-key": CANARY } });
  const lines = laptop.output.filter((line) => line.startsWith("{"));
  expect(lines.filter((line) => line.includes('"routeKey":"$connect"')).length).toBeGreaterThan(
    100,
  );
  for (const line of laptop.output) {
    for (const secret of [...tokens, ticket, CANARY]) expect(line).not.toContain(secret);
    expect(line).not.toMatch(/eyJ[\w-]{20,}/);
  }
  const records = lines.map((line) => JSON.parse(line) as Frame);
  const of = (message: string) => records.filter((one) => one["message"] === message);
  expect(of("connect").at(-1)).toMatchObject({
    sourceIp: "127.0.0.1",
    userAgent: "stockwire-test",
    status: 200,
  });
  const routeKeys = of("event").map(({ event }) => event.requestContext?.routeKey as unknown);
  expect(routeKeys).toContain("$connect");
  expect(of("answer").map(({ answer }) => answer as object)).toContainEqual({ statusCode: 200 });
});
