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

/** A listener, and the numbers of what it was told. */
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

/** Real I/O goes on while the clock stands still. */
const quiet = () => server.settled();

const fill = (count: number) => {
  for (let n = 1; n <= count; n++) live.append(`p${n}`, "books");
};

describe("the live client", () => {
  it("signs in by subprotocol, says hello and hands out changes in order", async () => {
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

  it("takes a ticket in place of a token", async () => {
    let count = 0;
    client = createLive({ url: server.url, ticket: () => `t ${++count}`, timers: clock });
    await listen().subscription.ready;
    expect(live.peers[0]?.url).toBe("/live?ticket=t+1");
    expect(live.peers[0]?.protocols).toEqual(["stockwire.v1"]);
  });

  it("hands out each change once, however often it comes", async () => {
    start();
    live.deliver = (_, frame) => [frame, frame, frame];
    const { subscription, seqs } = listen();
    await subscription.ready;
    for (let n = 0; n < 5; n++) live.write("a", "books");
    await until(() => seqs().length >= 5);
    await quiet();
    expect(seqs()).toEqual([1, 2, 3, 4, 5]);
  });

  it("puts deliveries that overtook each other in order, and asks for nothing", async () => {
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    const asked = subscribes().length;
    const [two, three, four] = ["b", "c", "d"].map((id) => live.append(id, "books"));
    for (const change of [four, three]) if (change) live.tell(change);
    await quiet();
    expect(seqs()).toEqual([1]);
    if (two) live.tell(two);
    await until(() => seqs().length === 4);
    await clock.advance(5_000, quiet);
    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(subscribes()).toHaveLength(asked);
  });

  it("does not lose what comes first out of order", async () => {
    fill(7);
    start();
    const { subscription, seqs } = listen();
    await subscription.ready;
    const eight = live.append("x", "books");
    live.write("y", "books");
    await until(() => seqs().length === 2);
    live.tell(eight);
    await quiet();
    expect(seqs()).toEqual([8, 9]);
  });

  it("drops an old change that comes late, from before it subscribed", async () => {
    fill(7);
    start();
    const { subscription, seqs } = listen("products", live.cursor(7));
    await subscription.ready;
    const [old] = live.log.slice(4, 5);
    if (old) live.tell(old);
    await quiet();
    live.write("x", "books");
    await until(() => seqs().length === 1);
    expect(seqs()).toEqual([8]);
  });

  it("asks again from the last change before a hole", async () => {
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

  it("finds a loss at the end by a pong, once", async () => {
    start({ pingEvery: 30_000 });
    const { subscription, seqs } = listen();
    await subscription.ready;
    live.write("a", "books");
    await until(() => seqs().length === 1);
    await clock.advance(30_000, quiet); // something came in this period
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
  ])("finds what was lost of %s by a pong", async (_, topic) => {
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

  it("holds back a version of a record when one before it is missing", async () => {
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

  it("tells filters apart, and who enters and leaves them", async () => {
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

  it("keeps live changes back until what was missed has come", async () => {
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

  it("does not take a live change for the first that was missed", async () => {
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
    live.tell(eight);
    await quiet();
    expect(seqs()).toEqual([8, 9]);
  });

  it("resumes after a drop from where it was", async () => {
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

  it("moves to a second connection at goaway without loss or repetition", async () => {
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
    live.write("b", "books"); // both connections bring it
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
  });

  it("goes on with the second connection if the first is lost meanwhile", async () => {
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

  it("gives up a connection that does not answer a ping", async () => {
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

  it("replaces the token in place before it ends", async () => {
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

  it("moves to a connection with a new ticket before the first one's token ends", async () => {
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

  it("asks for another token when the handshake is refused, and waits longer each time", async () => {
    let tries = 0;
    server.refuse(() => (++tries < 4 ? 503 : undefined));
    const refused: (string | undefined)[] = [];
    start({ token: (old) => `jwt-${refused.push(old)}` });
    const { subscription } = listen();
    await until(() => tries === 1);
    await quiet();
    await clock.advance(10_000, quiet);
    await subscription.ready;
    expect(refused).toEqual([undefined, "jwt-1", "jwt-2", "jwt-3"]);
  });

  it("signs in anew when it is told that it is unauthenticated", async () => {
    const refused: (string | undefined)[] = [];
    start({ token: (old) => `jwt-${refused.push(old)}` });
    live.intercept = (peer, { action, id }) => {
      const ours = action === "subscribe" && peer === live.peers[0];
      if (ours) peer.send({ type: "error", code: "unauthenticated", detail: "", replyTo: id });
      return ours;
    };
    const { subscription } = listen();
    await until(() => live.peers.length === 1);
    await quiet();
    await clock.advance(10_000, quiet);
    await subscription.ready;
    expect(refused).toEqual([undefined, "jwt-1"]);
  });

  it("tells a reset with its reason, and goes on from there", async () => {
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

  it("tries again what is unavailable, and ends what is refused", async () => {
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

  it("unsubscribes what nobody listens to any more", async () => {
    start();
    const [one, two] = [listen(), listen()];
    await Promise.all([one.subscription.ready, two.subscription.ready]);
    one.subscription.close();
    await quiet();
    expect(live.peers[0]?.topics.size).toBe(1);
    two.subscription.close();
    await until(() => live.peers[0]?.topics.size === 0);
  });

  it("makes a slow reader wait for nothing but itself, and loses nothing of it", async () => {
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
    "takes more of %s than it may keep, part by part",
    async (topic) => {
      fill(50);
      start({ buffer: 10 });
      const { subscription, seqs } = listen(topic, live.cursor(0));
      await subscription.ready;
      await until(() => seqs().length === 50);
      expect(seqs()).toEqual(live.log.map(({ seq }) => seq));
      await clock.advance(60_000, quiet);
      for (const change of live.log) live.tell(change);
      await quiet();
      expect(seqs()).toHaveLength(50);
      expect(clock.pending).toBeLessThan(10);
    },
  );

  it("keeps a bounded number of changes back, and gets the others again", async () => {
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

  it("goes on when a listener throws, and tells it", async () => {
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

  it("joins channels on each connection", async () => {
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

  it("leaves nothing when it is closed", async () => {
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

  it("does not compile when it is used wrongly", () => {
    const wrong = (other: Live) => [
      // @ts-expect-error -- no such feed
      other.subscribe("product"),
      // @ts-expect-error -- users have no filter
      other.subscribe("users?email=a"),
      // @ts-expect-error -- no topic at all
      other.subscribe([]),
      // @ts-expect-error -- no such event
      other.on("close", () => undefined),
      // @ts-expect-error -- with handlers it is not to be iterated
      other.subscribe("users", { event: () => undefined })[Symbol.asyncIterator],
      // @ts-expect-error -- records need a version
      other.collection("users", { load: async () => ({ records: [{ id: "" }], cursor: "" }) }),
      // @ts-expect-error -- one way to sign in
      createLive({ url: "", token: "", ticket: () => "" }),
    ];
    expectTypeOf(wrong).toBeFunction();
    start();
  });
});
