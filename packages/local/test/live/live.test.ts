/** The frames of a connection: topics, channels and ping. The React hooks share the laptop. */

import { newId } from "@stockwire/core/id";
import { describe, expect, test } from "vitest";
import { closeClients, type LiveClient, until } from "./client.ts";
import { reactTests } from "./react.ts";
import { waitForChanges, liveSuite } from "./suite.ts";

const { api, create, laptop, open, subscribe, settled, tables } = liveSuite("live");
const pen = (category = newId()) => ({ name: "Pen", price: 1.5, category });
/** The received changes in short form. */
const summaries = (client: LiveClient) =>
  client.changes().map(({ feed, op, id, version }) => [feed, op, id, version]);

describe("topics", () => {
  test("between subscribe and unsubscribe each change of a feed arrives once and in order", async () => {
    const client = await open();
    await create("/items", { before: true });
    await settled(client);
    const answer = await client.request({ action: "subscribe", topics: ["items"] });
    expect(answer).toMatchObject({ type: "subscribed", topics: ["items"] });
    const { id } = await create("/items", { n: 1 });
    await api("PATCH", `/items/${id}`, { n: 2 });
    await api("PATCH", `/items/${id}`, { n: 2 });
    await api("DELETE", `/items/${id}`);
    await waitForChanges(client, 3);
    expect(await client.request({ action: "unsubscribe", topics: ["items"] })).toMatchObject({
      type: "unsubscribed",
      topics: ["items"],
    });
    await create("/items", { after: true });
    await settled(client);
    expect(summaries(client)).toEqual([
      ["items", "create", id, 1],
      ["items", "update", id, 2],
      ["items", "delete", id, 3],
    ]);
    const seqs = client.changes().map(({ seq }) => seq);
    expect(seqs).toEqual([seqs[0], seqs[0] + 1, seqs[0] + 2]);
  });

  test("the topic of a record has its changes only, and overlapping topics give no duplicates", async () => {
    const one = await create("/items", {});
    const other = await create("/items", {});
    const client = await open();
    await subscribe(client, [`items/${one["id"]}`]);
    const both = await open();
    await subscribe(both, [`items/${one["id"]}`, "items", "items?type=a"]);
    for (const { id } of [other, one]) await api("PATCH", `/items/${id}`, { n: 1, type: "a" });
    await api("DELETE", `/items/${one["id"]}`);
    await waitForChanges(both, 3);
    await waitForChanges(client, 2);
    await settled(client);
    expect(summaries(client)).toEqual([
      ["items", "update", one["id"], 2],
      ["items", "delete", one["id"], 3],
    ]);
    expect(summaries(both).slice(0, 3)).toEqual([
      ["items", "update", other["id"], 2],
      ["items", "update", one["id"], 2],
      ["items", "delete", one["id"], 3],
    ]);
  });

  test("a filter reports records that enter, change, leave and are deleted, in any spelling of its value", async () => {
    const [here, there] = [`Café ${newId()}`, newId()];
    const client = await open();
    const spelt = await open();
    await subscribe(client, [`products?category=${encodeURIComponent(here)}`]);
    await subscribe(spelt, [`products?category=${here.normalize("NFD").replaceAll(" ", "+")}`]);
    const both = await open();
    const topics = [here, there].map((one) => `products?category=${encodeURIComponent(one)}`);
    await subscribe(both, topics);
    const { id } = await create("/products", pen(there));
    for (const body of [{ category: here }, { price: 2 }, { category: there }, { price: 3 }]) {
      expect((await api("PATCH", `/products/${id}`, body)).status).toBe(200);
    }
    const local = await create("/products", pen(here));
    await api("DELETE", `/products/${local["id"]}`);
    await waitForChanges(both, 7);
    await waitForChanges(client, 5);
    await waitForChanges(spelt, 5);
    const ops = (of: LiveClient) => of.changes().map(({ op, version }) => [op, version]);
    expect(ops(client)).toEqual([
      ["enter", 2],
      ["update", 3],
      ["leave", 4],
      ["create", 1],
      ["delete", 2],
    ]);
    expect(ops(spelt)).toEqual(ops(client));
    expect(ops(both).map(([op]) => op)).toEqual([
      "create",
      "update",
      "update",
      "update",
      "update",
      "create",
      "delete",
    ]);
    expect(client.changes()[0]).toMatchObject({
      changed: ["category"],
      before: { category: there },
      data: { id, category: here },
    });
  });

  test("inventory levels and item types are filters", async () => {
    const client = await open();
    const type = newId();
    await subscribe(client, ["inventory?level=low", `items?type=${type}`]);
    const { id } = await create("/products", { ...pen(), initialQuantity: 100 });
    const path = `/inventory/${id}`;
    await api("PUT", path, { quantity: 100, reorderPoint: 10 });
    for (const delta of [-95, -1, 96]) {
      await api("POST", `${path}/adjustments`, { delta, reason: "counted" });
    }
    const item = await create("/items", { type });
    await api("PATCH", `/items/${item["id"]}`, { type: null });
    await waitForChanges(client, 5);
    expect(summaries(client)).toEqual([
      ["inventory", "enter", id, 3],
      ["inventory", "update", id, 4],
      ["inventory", "leave", id, 5],
      ["items", "create", item["id"], 1],
      ["items", "leave", item["id"], 2],
    ]);
  });

  test("each topic needs its resource's scope, and without one of them the whole frame is refused", async () => {
    const needed = {
      users: "read:users",
      products: "read:products",
      inventory: "read:inventory",
      items: "read:items",
      reservations: "reserve:inventory",
    };
    for (const [feed, scope] of Object.entries(needed)) {
      const others = Object.values(needed).filter((each) => each !== scope);
      const restricted = await open({
        scope: [...others, "write:users", "read:history"].join(" "),
      });
      for (const topic of [feed, `${feed}/x`]) {
        const mixed = Object.keys(needed).filter((each) => each !== feed);
        expect(await subscribe(restricted, [...mixed, topic])).toMatchObject({
          type: "error",
          code: "forbidden_topic",
          topics: [topic],
        });
      }
      expect((await restricted.request({ action: "ping" }))["heads"]).toEqual({});
      const permitted = await open({ scope: `stockwire/${scope}` });
      expect((await subscribe(permitted, [feed])).type).toBe("subscribed");
      closeClients();
    }
  });

  test("a connection has as many topics and channels as `welcome` says, besides the lobby", async () => {
    const client = await open();
    const { limits } = await client.request({ action: "hello" });
    const topics = Array.from({ length: limits.topics }, (_, n) => `items/${n}`);
    expect((await subscribe(client, topics)).type).toBe("subscribed");
    expect((await subscribe(client, topics)).type).toBe("subscribed");
    const full = { type: "error", code: "too_many_topics" };
    expect(await subscribe(client, ["users"])).toMatchObject(full);
    expect(await client.request({ action: "join", channel: "c" })).toMatchObject(full);
    await client.request({ action: "unsubscribe", topics: ["items/0"] });
    expect((await client.request({ action: "join", channel: "c" })).type).toBe("joined");
  });

  test("pong has the head of each subscribed feed", async () => {
    const client = await open();
    expect((await client.request({ action: "ping" }))["heads"]).toEqual({});
    await subscribe(client, ["items?type=none", "users"]);
    await create("/items", {});
    await settled(client);
    const { heads } = await client.request({ action: "ping" });
    expect(Object.keys(heads).toSorted()).toEqual(["items", "users"]);
    await subscribe(client, ["items"]);
    const { id } = await create("/items", {});
    await waitForChanges(client, 1);
    const late = await open();
    const since = heads.items as string;
    await late.request({ action: "subscribe", topics: ["items"], since });
    await late.next("caught_up");
    expect(summaries(late)).toEqual([["items", "create", id, 1]]);
  });
});

describe("channels", () => {
  test("a message reaches all members of the lobby, the sender included", async () => {
    const sender = await open({ sub: "sue" });
    const others = [await open(), await open({ scope: "read:users" })];
    const { connectionId } = await sender.request({ action: "hello" });
    sender.send({ action: "message", message: "hi" });
    for (const client of [sender, ...others]) {
      expect(await client.next("message")).toEqual({
        type: "message",
        id: expect.any(String),
        from: connectionId,
        sub: "sue",
        channel: "lobby",
        message: "hi",
        at: expect.stringMatching(/^2\d{3}-.*Z$/),
      });
    }
  });

  test("messages reach members of the channel only, and sending needs the scope publish:channels", async () => {
    const channel = newId();
    const [sender, member, stranger] = [await open(), await open(), await open()];
    const post = (message: string, client = sender) =>
      client.send({ action: "message", channel, message });
    expect(await member.request({ action: "join", channel })).toMatchObject({
      type: "joined",
      channel,
    });
    expect(await sender.request({ action: "join", channel })).toMatchObject({ type: "joined" });
    post("one");
    expect(await member.next("message")).toMatchObject({ channel, message: "one" });
    expect(await member.request({ action: "leave", channel })).toMatchObject({
      type: "left",
      channel,
    });
    post("two");
    await until(
      () => sender.frames.some(({ message }) => message === "two"),
      "the sender's own message",
    );
    await member.request({ action: "ping" });
    await stranger.request({ action: "ping" });
    for (const client of [member, stranger]) {
      expect(client.frames.filter(({ message }) => message === "two")).toEqual([]);
    }
    const reader = await open({ scope: "read:users read:items" });
    const refusal = await reader.request({ action: "message", channel, message: "three" });
    expect(refusal).toMatchObject({ type: "error", code: "insufficient_scope" });
    const publisher = await open({ scope: "publish:channels" });
    post("four", publisher);
    await until(() => sender.frames.some(({ message }) => message === "four"), "the fourth");
    expect(sender.frames.filter(({ message }) => message === "three")).toEqual([]);
    expect(await sender.request({ action: "leave", channel: "lobby" })).toMatchObject({
      type: "left",
    });
  });
});

test("a connection that the server has forgotten is closed at its next frame", async () => {
  const client = await open();
  const { connectionId } = await client.request({ action: "hello" });
  const rows = await tables.rows("Connections");
  const row = rows.find(({ pk }) => pk === `CONNECTION#${connectionId}`);
  await tables.alter({ ...row, sk: "CONNECTION" }, { expiresAt: 1 });
  const others = await open();
  client.send({ action: "subscribe", topics: ["items"] });
  await until(() => client.closed, "the connection to close");
  expect((await others.request({ action: "hello" })).type).toBe("welcome");
});

describe("the React hooks", () => {
  reactTests({ api, create, laptop });
});
