import { newId } from "@stockwire/core/id";
import * as Offset from "@stockwire/core/changes/offset";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { connect, type Frame, type LiveClient } from "./client.ts";
import type { RunningLaptop } from "../laptop.ts";

/**
 * A minimal live client that keeps a map of the records, whatever happens to its connection. It applies
 * changes in the order of `seq`, each once, and subscribes again when one is missing or when a pong
 * reports a later head.
 */
export interface Follower {
  /** By feed: all changes so far; the change with seq n is at index n − 1. */
  logs: Map<string, Frame[]>;
  has(key: string): boolean;
  /** The current records by `feed/id`. */
  records(): Map<string, Frame>;
  /** How many changes were received more than once. */
  repeated: number;
  /** How often it subscribed again because changes were missing. */
  catchUps: number;
  connections: number;
  /** True if it is connected and has all changes up to the heads in the last pong. */
  hasAll(): boolean;
  cut(how: "reset" | "close" | "stop reading"): void;
  stop(): void;
}

const PING_EVERY = 1000; // ms

/** `laptop` returns the running laptop, which changes with each restart. */
export function follow(laptop: () => RunningLaptop, feeds: readonly string[]): Follower {
  const cursors = new Map<string, string>();
  const outOfOrder = new Map(feeds.map((feed) => [feed, new Map<number, Frame>()]));
  const records = new Map<string, Frame>();
  let client: LiveClient | undefined;
  let following = true;
  let complete = false;

  const follower: Follower = {
    logs: new Map(feeds.map((feed) => [feed, []])),
    has: (key) => records.has(key),
    records: () => records,
    repeated: 0,
    catchUps: 0,
    connections: 0,
    hasAll: () => complete,
    cut(how) {
      complete = false;
      if (how === "close") client?.ws.close();
      else if (how === "stop reading") client?.ws.pause();
      else client?.ws.terminate();
    },
    stop() {
      following = false;
      client?.ws.terminate();
    },
  };

  function receiveChange(change: Frame): void {
    const feed = String(change["feed"]);
    const log = follower.logs.get(feed) ?? [];
    const waiting = outOfOrder.get(feed);
    const seq = Number(change["seq"]);
    const known = log[seq - 1] ?? waiting?.get(seq);
    if (known !== undefined) {
      follower.repeated++;
      expect(change).toEqual(known);
      return;
    }
    waiting?.set(seq, change);
    for (let next; (next = waiting?.get(log.length + 1)) !== undefined;) {
      waiting?.delete(log.length + 1);
      log.push(next);
      cursors.set(feed, String(next["cursor"]));
      apply(next);
    }
  }

  function apply({ feed, id, op, version, data }: Frame): void {
    const key = `${feed}/${id}`;
    const last = follower.logs
      .get(feed)
      ?.findLast((one, n, all) => n < all.length - 1 && one["id"] === id);
    expect([key, version]).toEqual([key, Number(last?.["version"] ?? 0) + 1]);
    if (op === "delete") records.delete(key);
    else records.set(key, data);
  }

  const subscribe = (feed: string) => {
    const since = cursors.get(feed);
    client?.send({ action: "subscribe", topics: [feed], ...(since !== undefined && { since }) });
  };

  /** Holds one connection until it is closed. */
  async function holdConnection(): Promise<void> {
    const token = laptop().token({ sub: newId(), scope: "admin" });
    client = await connect(laptop(), { token });
    if (client.status !== 101) throw new Error(`the handshake was answered ${client.status}`);
    follower.connections++;
    const { ws } = client;
    // The first subscription starts before the first change, at seq 0.
    for (const feed of feeds) {
      if (!cursors.has(feed))
        cursors.set(feed, Offset.encode({ seqs: { [feed]: 0 }, at: Date.now() }));
      subscribe(feed);
    }
    const ping = setInterval(() => {
      if (ws.readyState === ws.OPEN) client?.send({ action: "ping" });
    }, PING_EVERY);
    ws.on("message", (text: Buffer) => receive(JSON.parse(text.toString()) as Frame));
    await new Promise((resolve) => ws.once("close", resolve));
    clearInterval(ping);
    complete = false;
  }

  function receive(frame: Frame): void {
    if (frame.type === "events") {
      for (const change of frame["events"]) receiveChange(change as Frame);
    }
    if (frame.type === "reset") expect.fail(`unexpected ${JSON.stringify(frame)}`);
    if (frame.type !== "pong") return;
    const behind = feeds.filter((feed) => {
      const { seqs } = Offset.decode(frame["heads"][feed] as string, "head");
      return (seqs[feed] ?? 0) > (follower.logs.get(feed)?.length ?? 0);
    });
    complete = behind.length === 0 && Object.keys(frame["heads"]).length === feeds.length;
    for (const feed of behind) {
      follower.catchUps++;
      subscribe(feed);
    }
  }

  const run = async () => {
    while (following) {
      await holdConnection().catch(() => pause(50)); // the server is down
    }
  };
  void run();
  return follower;
}
