import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as Connection from "../../src/live/connection.ts";
import { issueTicket, redeemTicket } from "../../src/live/ticket.ts";
import { newId } from "../../src/id.ts";
import type { Client } from "../../src/store/client.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { connectionOf, rowsWith, topicsOf } from "../support/live.ts";
import { type Management, management } from "../support/management.ts";
import { ownLog } from "../support/own-table.ts";
import { SHARDS, tableName } from "../support/store.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
let client: Client;
let sockets: Management;
beforeAll(async () => {
  log = await ownLog("connection");
  sockets = await management();
});
beforeEach(() => {
  client = log.open();
});
afterAll(async () => {
  await sockets.close();
  await log.drop();
});

const open = (given: Partial<Connection.Connection> = {}) => {
  const connection = connectionOf({ endpoint: sockets.endpoint, ...given });
  return Connection.open(connection).then((isOpen) => ({ connection, isOpen }));
};
const rowsOf = (id: string) => rowsWith(log.connections, id);
const idsOn = async (topic: string) => {
  const pages: string[][] = [];
  for await (const page of Connection.subscribers(topic)) pages.push(page.map(({ id }) => id));
  return pages.flat();
};

describe("the connections of one caller", () => {
  test("are stored with caller, time and endpoint, and expire by TTL", async () => {
    const { connection, isOpen } = await open({ authExpiresAt: Date.now() + 60_000 });
    expect(isOpen).toBe(true);
    expect(await Connection.find(connection.id)).toMatchObject(connection);
    const rows = await rowsOf(connection.id);
    expect(rows).toHaveLength(4); // the connection, its caller, and the two rows of the lobby
    const end = Math.floor(connection.connectedAt / 1000) + 130 * 60;
    for (const row of rows) expect(row["expiresAt"]).toBe(end);
    expect(await idsOn(Connection.LOBBY)).toContain(connection.id);
  });

  test("are at most 20, and do not count for another caller", async () => {
    const sub = newId();
    for (let n = 0; n < Connection.MAX_CONNECTIONS; n++) {
      expect((await open({ sub })).isOpen).toBe(true);
    }
    const refused = await open({ sub });
    expect(refused.isOpen).toBe(false);
    expect(await rowsOf(refused.connection.id)).toEqual([]);
    expect((await open()).isOpen).toBe(true);
  });

  test("are freed by one that has ended, with or without a disconnect event", async () => {
    const sub = newId();
    const earlier = { sub, connectedAt: Date.now() - 60 * 60 * 1000 };
    const all = await Promise.all(Array.from({ length: 20 }, () => open(earlier)));
    expect((await open({ sub })).isOpen).toBe(false);
    await Connection.forget(all[3]?.connection.id ?? "");
    expect((await open({ sub })).isOpen).toBe(true);
    expect((await open({ sub })).isOpen).toBe(false);
    sockets.respondWith(all[7]?.connection.id ?? "", 410);
    expect((await open({ sub })).isOpen).toBe(true);
    expect(await rowsOf(all[7]?.connection.id ?? "")).toEqual([]);
  });

  test("do not count some seconds after the end of a server that was killed", async () => {
    const sub = newId();
    const ago = (ms: number) => ({ sub, connectedAt: Date.now() - ms });
    const all = await Promise.all(Array.from({ length: 20 }, () => open(ago(2_000))));
    for (const { connection } of all) sockets.respondWith(connection.id, 410);
    expect((await open({ sub })).isOpen).toBe(false); // their handshakes may be in progress
    expect((await open({ sub, connectedAt: Date.now() + 4_000 })).isOpen).toBe(true);
    expect(await rowsOf(all[0]?.connection.id ?? "")).toEqual([]);
  });

  test("do not count after their lifetime, even before TTL has deleted them", async () => {
    const sub = newId();
    const past = { sub, connectedAt: Date.now() - 131 * 60 * 1000 };
    const all = await Promise.all(Array.from({ length: 25 }, () => open(past)));
    expect((await open({ sub })).isOpen).toBe(true);
    expect(await Connection.find(all[0]?.connection.id ?? "")).toBeUndefined();
  });

  test("are 20 of 40 that are opened concurrently, and a refused one leaves no row", async () => {
    const sub = newId();
    const at = Date.now();
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, n) => open({ sub, connectedAt: at + n })),
    );
    const refused = all.filter(({ isOpen }) => !isOpen);
    expect(refused).toHaveLength(20);
    expect((await open({ sub })).isOpen).toBe(false);
    for (const { connection } of refused) expect(await rowsOf(connection.id)).toEqual([]);
  });
});

describe("a ticket", () => {
  const bearer = { sub: "ana", kind: "user", scopes: ["admin"], authExpiresAt: 4_102_444_800_000 };

  test("opens one connection of its caller, also if it is redeemed concurrently", async () => {
    const { ticket, expiresAt } = await issueTicket(bearer);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const tries = Array.from({ length: 10 }, () => redeemTicket(ticket));
    const redeemed = (await Promise.all(tries)).filter((one) => one !== undefined);
    expect(redeemed).toEqual([bearer]);
    expect(await redeemTicket(ticket)).toBeUndefined();
    expect(await redeemTicket(`${ticket}x`)).toBeUndefined();
    expect(await redeemTicket("")).toBeUndefined();
  });

  test("is refused after a minute, even before TTL has deleted it", async () => {
    const ticket = "an old ticket";
    const pk = `TICKET#${createHash("sha256").update(ticket).digest("base64url")}`;
    // A ticket whose end is no time has ended.
    for (const expiresAt of [Math.floor(Date.now() / 1000) - 1, "soon", undefined]) {
      const Item = { pk, sk: "TICKET", ...bearer, ...(expiresAt !== undefined && { expiresAt }) };
      await client.send("PutItem", { TableName: log.connections, Item });
      expect(await redeemTicket(ticket)).toBeUndefined();
    }
  });

  test("is stored only as a hash", async () => {
    const { ticket } = await issueTicket(bearer);
    expect(await rowsOf(ticket)).toEqual([]);
  });
});

describe("topics", () => {
  test("are found by topic and by connection until they are unsubscribed", async () => {
    const { connection } = await open();
    const topics = topicsOf("products", "products?category=Books", "users/one");
    await Connection.subscribe(connection, topics);
    const texts = (await Connection.topicsOf(connection.id)).map(({ text }) => text);
    expect(texts.toSorted()).toEqual([
      Connection.LOBBY,
      "products",
      "products?category=Books",
      "users/one",
    ]);
    for (const { key } of topics) expect(await idsOn(key)).toContain(connection.id);
    const [, filter] = topics;
    await Connection.unsubscribe(connection.id, [filter?.key ?? ""]);
    expect(await idsOn(filter?.key ?? "")).not.toContain(connection.id);
    expect(await Connection.topicsOf(connection.id)).toHaveLength(3);
  });

  test("in two spellings are one subscription", async () => {
    const { connection } = await open();
    const twice = topicsOf("products?category=Books", "products?category=books");
    await Connection.subscribe(connection, twice);
    expect(await idsOn(twice[0]?.key ?? "")).toEqual([connection.id]);
    await Connection.unsubscribe(
      connection.id,
      twice.map(({ key }) => key),
    );
    expect(await idsOn(twice[0]?.key ?? "")).toEqual([]);
  });

  test("expire with the new token after the connection was renewed", async () => {
    const { connection } = await open({ authExpiresAt: 1_000 });
    const topics = topicsOf("products/renewed");
    await Connection.subscribe(connection, topics);
    const authExpiresAt = Date.now() + 3_600_000;
    await Connection.renew({ ...connection, scopes: ["admin"], authExpiresAt });
    expect(await Connection.find(connection.id)).toMatchObject({
      authExpiresAt,
      scopes: ["admin"],
    });
    for await (const [subscriber] of Connection.subscribers("products/renewed")) {
      expect(subscriber).toEqual({ id: connection.id, endpoint: sockets.endpoint, authExpiresAt });
    }
  });

  test.each([
    ["an unsubscribe", (id: string) => Connection.unsubscribe(id, ["products/ended"]), 4],
    ["the end of the connection", (id: string) => Connection.forget(id), 0],
  ])("stay deleted if %s meets the renewal", async (_, end, left) => {
    const { connection } = await open({ authExpiresAt: 1_000 });
    await Connection.subscribe(connection, topicsOf("products/ended"));
    let met = false;
    const meeting = intercepted(client, async (command, send) => {
      const reply = await send();
      if (command.operation === "Query" && !met) {
        met = true;
        await end(connection.id);
      }
      return reply;
    });
    const { changes, connections } = log;
    DynamoDB.configure({ client: meeting, tableName, changes, connections, shards: SHARDS });
    await Connection.renew({ ...connection, authExpiresAt: Date.now() + 60_000 });
    expect(met).toBe(true);
    expect(await idsOn("products/ended")).toEqual([]);
    expect(await rowsOf(connection.id)).toHaveLength(left);
  });

  test("with more subscribers than a page holds are read in pages", async () => {
    const topics = topicsOf("products/crowded");
    const ids = Array.from({ length: 7 }, () => newId());
    for (const id of ids) await Connection.subscribe(connectionOf({ id }), topics);
    const { changes, connections } = log;
    const small = intercepted(client, (command, send) => {
      if (command.operation === "Query") command.input["Limit"] = 2;
      return send();
    });
    DynamoDB.configure({ client: small, tableName, changes, connections, shards: SHARDS });
    expect(await idsOn("products/crowded")).toEqual(ids.toSorted());
  });
});

test("forgetting a connection deletes all its rows", async () => {
  const { connection } = await open();
  const all = Array.from({ length: 99 }, (_, n) => `products/p${n}`);
  await Connection.subscribe(connection, topicsOf(...all));
  expect(await rowsOf(connection.id)).toHaveLength(4 + 2 * 99);
  // A subscription without a reverse row, which only a delivery can find.
  const Item = { pk: "TOPIC#products/lost", sk: connection.id, endpoint: "x" };
  await client.send("PutItem", { TableName: log.connections, Item });
  await Connection.forget(connection.id, ["products/lost"]);
  expect(await rowsOf(connection.id)).toEqual([]);
  await Connection.forget(connection.id);
});
