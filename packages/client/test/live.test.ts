import type { Change } from "@stockwire/core/changes/change";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { Clock, until } from "./clock.ts";
import { ScriptedLive, serveLive } from "./scripted-live.ts";
import { createLive, type Live, LiveError, type LiveOptions, type Stream } from "../src/live.ts";

let live: ScriptedLive;
let server: Awaited<ReturnType<typeof serveLive>>;
let clock: Clock;
let client: Live;

beforeEach(async () => {
  live = new ScriptedLive();
  server = await serveLive(live);
  clock = new Clock();
});
afterEach(async () => {
  client.close();
  expect(clock.pending).toBe(0);
  await server.close();
});

const start = (options: Partial<Exclude<LiveOptions, { ticket: object }>> = {}): Live =>
  (client = createLive({
    url: server.url,
    token: "jwt",
    timers: clock,
    random: () => 0.5,
    ...options,
  }));

/** Subscribes, and collects the changes and resets. */
function listen(topics: Parameters<Live["subscribe"]>[0] = "products", since?: string) {
  const changes: Change[] = [];
  const resets: string[] = [];
  const subscription = client.subscribe(topics, {
    event: (change) => changes.push(change),
    reset: ({ reason }) => resets.push(reason),
    ...(since !== undefined && { since }),
  });
  return { changes, resets, subscription, seqs: () => changes.map(({ seq }) => seq) };
}

const subscribes = () =>
  live.peers.flatMap(({ received }) => received.filter(({ action }) => action === "subscribe"));

/** Waits for real I/O, while the clock does not move. */
const quiet = () => server.settled();

const fill = (count: number) => {
  for (let n = 1; n <= count; n++) live.append(`p${n}`, "books");
};

describe("the live client", () => {
  it("sends the token as a subprotocol, says hello and delivers changes in order", async () => {
    start();
    const opened: string[] = [];
    client.on("open", ({ sub }) => opened.push(sub));
    const { subscription, seqs } = listen();
    await subscription.ready;
    for (let n = 0; n < 5; n++) live.write("a", "books");
    await until(() => seqs().length === 5);
    expect(seqs()).toEqual([1, 2, 3, 4, 5]);
    expect(live.peers[0]?.protocols).toEqual(["stockwire.v1", "bearer.jwt"]);
    expect(opened).toEqual(["ana"]);
  });

  it("says what to install where there is no WebSocket, as on Node 20", () => {
    start();
    const { WebSocket } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, "WebSocket");
      expect(() => createLive({ url: server.url, token: "jwt" })).toThrow(/npm install ws/);
    } finally {
      globalThis.WebSocket = WebSocket;
    }
  });

  it("uses a ticket instead of a token", async () => {
    let count = 0;
    client = createLive({ url: server.url, ticket: () => `t ${++count}`, timers: clock });
    await listen().subscription.ready;
    expect(live.peers[0]?.url).toBe("/live?ticket=t+1");
    expect(live.peers[0]?.protocols).toEqual(["stockwire.v1"]);
  });

  it("delivers each change once, however often it arrives", async () => {
    start();
    live.deliver = (_, frame) => [frame, frame, frame];
    const { subscription, seqs } = listen();
    await subscription.ready;
    for (let n = 0; n < 5; n++) live.write("a", "books");
    await until(() => seqs().length >= 5);
    await quiet();
    expect(seqs()).toEqual([1, 2, 3, 4, 5]);
    const asked = subscribes().length;
    live.write("a", "books");
    await until(() => seqs().length === 6);
    await clock.advance(5_000, quiet);
    expect(subscribes()).toHaveLength(asked); // a repeated change is not a sign of a lost one
  });

  it("puts changes that overtook each other in order, without a replay", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    const asked = subscribes().length;
    const [two, three, four] = ["b", "c", "d"].map((id) => live.append(id, "books"));
    for (const change of [four, three]) if (change) live.fanOut(change);
    await quiet();
    expect(seqs()).toEqual([1]);
    if (two) live.fanOut(two);
    await until(() => seqs().length === 4);
    await clock.advance(5_000, quiet);
    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(subscribes()).toHaveLength(asked);
  });

  it("does not lose a change when the first ones arrive out of order", async () => {
    fill(7);
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    const eight = live.append("x", "books");
    live.write("y", "books");
    await until(() => seqs().length === 2);
    live.fanOut(eight);
    await quiet();
    expect(seqs()).toEqual([8, 9]);
  });

  it("drops a late change from before its cursor", async () => {
    fill(7);
    start();
    const { subscription, seqs } = listen("products", live.cursor(7));
    await subscription.ready;
    const [old] = live.log.slice(4, 5);
    if (old) live.fanOut(old);
    await quiet();
    live.write("x", "books");
    await until(() => seqs().length === 1);
    expect(seqs()).toEqual([8]);
  });

  it("asks for a replay from the last change before a gap", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    live.append("lost", "books");
    live.write("b", "books");
    await quiet();
    expect(seqs()).toEqual([1]);
    await clock.advance(500, quiet);
    await until(() => seqs().length === 3);
    expect(subscribes().at(-1)).toMatchObject({ since: "at-1" });
  });

  it("finds a lost last change by a pong, and asks once", async () => {
    start({ pingEvery: 30_000 });
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    await clock.advance(30_000, quiet); // a change arrived in this period
    live.append("lost", "books");
    await clock.advance(60_000, quiet);
    await until(() => seqs().length === 2);
    const asked = subscribes().length;
    await clock.advance(120_000, quiet);
    expect(subscribes()).toHaveLength(asked);
  });

  it.each([
    ["a record", "products/a" as const],
    ["a filter", "products?category=books" as const],
  ])("finds a lost change of %s by a pong", async (_, topic) => {
    start();
    const { subscription, changes } = listen(topic);
    await subscription.ready;
    live.write("a", "books");
    await until(() => changes.length === 1);
    live.append("z", "toys");
    live.append("a", "books");
    await clock.advance(60_000, quiet);
    await until(() => changes.length === 2);
    expect(changes.map(({ version }) => version)).toEqual([1, 2]);
  });

  it("holds back a version of a record while the one before it is missing", async () => {
    start();
    const { subscription, changes } = listen("products/a");
    await subscription.ready;
    live.write("a", "books");
    await until(() => changes.length === 1);
    live.append("a", "books");
    live.write("a", "books");
    await quiet();
    expect(changes).toHaveLength(1);
    await clock.advance(500, quiet);
    await until(() => changes.length === 3);
    expect(changes.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it("gives each filter its own changes, with enter and leave", async () => {
    start();
    const books = listen("products?category=books");
    const toys = listen("products?category=toys");
    const all = listen("products");
    await Promise.all([books, toys, all].map(({ subscription }) => subscription.ready));
    live.write("a", "books");
    live.write("a", "toys");
    live.write("b", "other");
    live.write("a", undefined);
    await until(() => all.changes.length === 4);
    await quiet();
    const ops = ({ changes }: typeof all) => changes.map(({ op }) => op);
    expect(ops(all)).toEqual(["create", "update", "create", "delete"]);
    expect(ops(books)).toEqual(["create", "leave"]);
    expect(ops(toys)).toEqual(["enter", "delete"]);
  });

  it("holds back live changes until the missed ones have arrived", async () => {
    fill(3);
    const replay = Promise.withResolvers<void>();
    live.replaying = () => replay.promise;
    start();
    const { subscription, seqs } = listen("products", live.cursor(0));
    await until(() => subscribes().length === 1);
    live.write("x", "books");
    await quiet();
    expect(seqs()).toEqual([]);
    replay.resolve();
    await subscription.ready;
    expect(seqs()).toEqual([1, 2, 3, 4]);
  });

  it("does not take a live change for the first missed one", async () => {
    fill(7);
    const replay = Promise.withResolvers<void>();
    live.replaying = () => replay.promise;
    start();
    const { subscription, seqs } = listen("products", live.cursor(7));
    await until(() => live.peers[0]?.topics.size === 1);
    const eight = live.append("x", "books");
    live.write("y", "books");
    replay.resolve();
    await subscription.ready;
    live.fanOut(eight);
    await quiet();
    expect(seqs()).toEqual([8, 9]);
  });

  it("resumes from its last change after a lost connection", async () => {
    start();
    const down: number[] = [];
    client.on("down", ({ code }) => down.push(code));
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    live.peers[0]?.drop();
    await until(() => down.length === 1);
    live.append("b", "books");
    await clock.advance(30_000, quiet);
    await until(() => seqs().length === 2);
    expect(subscribes().at(-1)).toMatchObject({ since: "at-1" });
    live.write("c", "books");
    await until(() => seqs().length === 3);
  });

  it("asks only for what follows its last change", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    for (const id of ["a", "b", "c"]) {
      live.write(id, "books");
      await until(() => seqs().at(-1) === live.log.length);
    }
    live.peers[0]?.drop();
    await clock.advance(30_000, quiet);
    await until(() => live.peers.length === 2);
    await until(() => (live.peers[1]?.received.length ?? 0) > 1);
    expect(subscribes().at(-1)).toMatchObject({ since: "at-3" });
  });

  it("hands over to a second connection at goaway, without loss or repetition", async () => {
    start();
    const { subscription, seqs } = listen();
    const said: string[] = [];
    client.on("message", ({ message }) => said.push(message));
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    const replay = Promise.withResolvers<void>();
    live.replaying = () => replay.promise;
    const [first] = live.peers;
    first?.send({ type: "goaway", heads: {} });
    await until(() => subscribes().length === 3);
    live.write("b", "books"); // arrives over both connections
    await client.send("hi");
    await quiet();
    expect(live.open.size).toBe(2);
    replay.resolve();
    await until(() => live.open.size === 1);
    expect(first && live.open.has(first)).toBe(false);
    live.write("c", "books");
    await until(() => seqs().length === 3);
    await quiet();
    expect(seqs()).toEqual([1, 2, 3]);
    expect(said).toEqual(["hi"]);
    live.deliver = (_, frame) => [frame, frame];
    for (const text of ["again", "again"]) await client.send(text);
    await until(() => said.length === 3);
    await quiet();
    expect(said).toEqual(["hi", "again", "again"]);
  });

  it("continues on the second connection if the first is lost during a handover", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    const replay = Promise.withResolvers<void>();
    live.replaying = () => replay.promise;
    live.peers[0]?.send({ type: "goaway", heads: {} });
    await until(() => subscribes().length === 2);
    live.peers[0]?.drop();
    await quiet();
    live.write("a", "books");
    replay.resolve();
    await until(() => seqs().length === 1);
    expect(live.peers).toHaveLength(2);
  });

  it("replaces a connection that does not answer a ping", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.intercept = (_, { action }) => action === "ping";
    await clock.advance(60_000, quiet);
    expect(live.peers).toHaveLength(1);
    await clock.advance(12_000, quiet);
    await until(() => live.peers.length === 2);
    live.intercept = () => false;
    live.write("a", "books");
    await until(() => seqs().length === 1);
  });

  it("renews the token on the same connection before it expires", async () => {
    live.authExpiresAt = new Date(clock.now() + 3_600_000).toISOString();
    const refused: (string | undefined)[] = [];
    start({ token: (old) => `jwt-${refused.push(old)}`, pingEvery: 590_000 });
    await listen().subscription.ready;
    await quiet();
    live.authExpiresAt = new Date(clock.now() + 7_200_000).toISOString();
    const auth = () => live.peers[0]?.received.filter(({ action }) => action === "auth");
    await clock.advance(3_530_000, quiet);
    expect(auth()).toEqual([]);
    await clock.advance(20_000, quiet);
    await until(() => auth()?.length === 1);
    expect(auth()).toMatchObject([{ token: "jwt-2" }]);
    expect(refused).toEqual([undefined, "jwt-1"]);
    await clock.advance(3_600_000, quiet);
    expect(auth()).toHaveLength(2);
    expect(live.peers).toHaveLength(1);
  });

  it("moves to a connection with a new ticket before the first one's token expires", async () => {
    live.authExpiresAt = new Date(clock.now() + 600_000).toISOString();
    let count = 0;
    const ticket = () => {
      if (++count === 2) live.authExpiresAt = null;
      return `t${count}`;
    };
    client = createLive({ url: server.url, ticket, timers: clock });
    await listen().subscription.ready;
    await quiet();
    await clock.advance(545_000, quiet);
    await until(() => live.peers.length === 2 && live.open.size === 1);
    expect(live.peers[1]?.url).toBe("/live?ticket=t2");
  });

  it("asks for another token after a refused handshake, and waits longer each time", async () => {
    let tries = 0;
    const times: number[] = [];
    server.refuse(() => {
      times.push(clock.now());
      return ++tries < 4 ? 503 : undefined;
    });
    const refused: (string | undefined)[] = [];
    start({ token: (old) => `jwt-${refused.push(old)}` });
    const { subscription } = listen();
    await until(() => tries === 1);
    await quiet();
    await clock.advance(10_000, quiet);
    await subscription.ready;
    expect(refused).toEqual([undefined, "jwt-1", "jwt-2", "jwt-3"]);
    const waits = times.slice(1).map((time, n) => time - (times[n] ?? 0));
    expect(waits).toEqual([250, 500, 1_000]); // half of 500, 1 000 and 2 000 ms
  });

  it("waits longer after each connection that ends at once, and as at first after a good one", async () => {
    start({ pingEvery: 10 ** 9 });
    let ended = 0;
    client.on("down", () => ended++);
    listen();
    /** Ends the newest connection, and returns how long the client waits before the next one. */
    const waitAfterEnd = async () => {
      const { length } = live.peers;
      const before = ended;
      live.peers.at(-1)?.drop();
      await until(() => ended === before + 1);
      const from = clock.now();
      for (;;) {
        await clock.advance(50, quiet);
        if (live.peers.length > length) return clock.now() - from;
      }
    };
    await until(() => live.peers.length === 1);
    await quiet();
    const waits = [await waitAfterEnd(), await waitAfterEnd(), await waitAfterEnd()];
    expect(waits).toEqual([250, 500, 1_000]); // half of 500, 1 000 and 2 000 ms
    await clock.advance(10_050, quiet); // the connection is good by now
    expect(await waitAfterEnd()).toBe(250);
  });

  it("reconnects with another token after an unauthenticated error", async () => {
    const tokens: (string | undefined)[] = [];
    start({ token: (old) => `jwt-${tokens.push(old)}` });
    live.intercept = (peer, { action, id }) => {
      const refused = action === "subscribe" && peer === live.peers[0];
      if (refused) peer.send({ type: "error", code: "unauthenticated", detail: "", replyTo: id });
      return refused;
    };
    const { subscription } = listen();
    await until(() => live.peers.length === 1);
    await quiet();
    await clock.advance(10_000, quiet);
    await subscription.ready;
    expect(tokens).toEqual([undefined, "jwt-1"]);
  });

  it("reports a reset with its reason, and continues after it", async () => {
    fill(5);
    live.expired = 4;
    start();
    const { subscription, seqs, resets } = listen("products", "at-2");
    await subscription.ready;
    expect(resets).toEqual(["cursor_expired"]);
    live.write("x", "books");
    await until(() => seqs().length === 1);
    expect(seqs()).toEqual([6]);
  });

  it("retries an unavailable subscription, and ends a forbidden one", async () => {
    start();
    const answers: ("unavailable" | "forbidden_topic")[] = ["unavailable"];
    live.intercept = (peer, { action, id }) => {
      const code = action === "subscribe" ? answers.shift() : undefined;
      if (code) peer.send({ type: "error", code, detail: "No", replyTo: id });
      return code !== undefined;
    };
    const { subscription } = listen();
    await until(() => live.peers[0]?.received.length === 2);
    await quiet();
    await clock.advance(5_000, quiet);
    await subscription.ready;
    answers.push("forbidden_topic");
    const errors: LiveError[] = [];
    const other = client.subscribe("users", {
      event: () => undefined,
      error: (error) => errors.push(error),
    });
    await expect(other.ready).rejects.toMatchObject({ code: "forbidden_topic" });
    expect(errors).toHaveLength(1);
  });

  it("unsubscribes from a topic when its last subscription is closed", async () => {
    start();
    const [one, two] = [listen(), listen()];
    await Promise.all([one.subscription.ready, two.subscription.ready]);
    one.subscription.close();
    await quiet();
    expect(live.peers[0]?.topics.size).toBe(1);
    two.subscription.close();
    await until(() => live.peers[0]?.topics.size === 0);
  });

  it("loses nothing for a slow reader, beyond the size of its queue too", async () => {
    start();
    const stream: Stream = client.subscribe("products");
    await stream.ready;
    for (let n = 0; n < 2_500; n++) live.write(`p${n}`, "books");
    await quiet();
    const seqs: number[] = [];
    for await (const entry of stream) {
      if (entry.type === "event") seqs.push(entry.event.seq);
      if (seqs.length === 2_500) break;
    }
    expect(seqs).toEqual(Array.from({ length: 2_500 }, (_, n) => n + 1));
    await until(() => live.peers[0]?.topics.size === 0);
  });

  it.each(["products", "products?category=books"] as const)(
    "receives more changes of %s than it may buffer, part by part",
    async (topic) => {
      fill(50);
      start({ buffer: 10 });
      const { subscription, seqs } = listen(topic, live.cursor(0));
      await subscription.ready;
      await until(() => seqs().length === 50);
      expect(seqs()).toEqual(live.log.map(({ seq }) => seq));
      await clock.advance(60_000, quiet);
      for (const change of live.log) live.fanOut(change);
      await quiet();
      expect(seqs()).toHaveLength(50);
      expect(clock.pending).toBeLessThan(10);
    },
  );

  it("buffers a bounded number of changes behind a gap, and gets the others again", async () => {
    start({ buffer: 10 });
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    live.append("lost", "books");
    for (let n = 0; n < 50; n++) live.write("a", "books");
    await quiet();
    await clock.advance(2_000, quiet);
    await until(() => seqs().length === 52);
    expect(seqs()).toEqual(Array.from({ length: 52 }, (_, n) => n + 1));
  });

  it("delivers to others when a handler throws, and reports the error", async () => {
    start();
    const errors: Error[] = [];
    client.on("error", (error) => errors.push(error));
    const { subscription, seqs } = listen();
    const other = client.subscribe("products", {
      event: () => {
        throw new Error("broken");
      },
    });
    await Promise.all([subscription.ready, other.ready]);
    for (let n = 0; n < 3; n++) live.write("a", "books");
    await until(() => seqs().length === 3 && errors.length === 3);
    expect(errors[0]?.message).toBe("broken");
  });

  it("joins its channels on each new connection", async () => {
    start();
    await client.join("team");
    live.peers[0]?.drop();
    await quiet();
    await clock.advance(5_000, quiet);
    await until(() => live.peers.length === 2);
    const joins = () => live.peers[1]?.received.filter(({ action }) => action === "join");
    await until(() => joins()?.length === 1);
    await client.leave("team");
    expect(joins()).toMatchObject([{ channel: "team" }]);
  });

  it("leaves no connection, timer or waiting promise when it is closed", async () => {
    start();
    const { subscription } = listen();
    const stream = client.subscribe("users");
    await subscription.ready;
    const next = stream[Symbol.asyncIterator]().next();
    client.close();
    await until(() => live.open.size === 0);
    expect(clock.pending).toBe(0);
    expect(await next).toEqual({ done: true, value: undefined });
    await expect(client.send("hi")).rejects.toThrow(LiveError);
    await expect(client.subscribe("users").ready).rejects.toMatchObject({ code: "closed" });
    await quiet();
    expect(live.peers).toHaveLength(1);
  });

  it("does not compile with a wrong topic, handler or credential", () => {
    const wrong = (other: Live) => [
      // @ts-expect-error -- not a feed
      other.subscribe("product"),
      // @ts-expect-error -- users have no filters
      other.subscribe("users?email=a"),
      // @ts-expect-error -- at least one topic
      other.subscribe([]),
      // @ts-expect-error -- not an event of the client
      other.on("close", () => undefined),
      // @ts-expect-error -- a subscription with handlers cannot be iterated
      other.subscribe("users", { event: () => undefined })[Symbol.asyncIterator],
      // @ts-expect-error -- records need a version
      other.collection("users", { load: async () => ({ records: [{ id: "" }], cursor: "" }) }),
      // @ts-expect-error -- either a token or tickets
      createLive({ url: "", token: "", ticket: () => "" }),
    ];
    expectTypeOf(wrong).toBeFunction();
    start();
  });
});
