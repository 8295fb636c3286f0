import { newId } from "@stockwire/core/id";
import * as Offset from "@stockwire/core/changes/offset";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { connect, type Frame, type LiveClient } from "./client.ts";
import type { RunningLaptop } from "../laptop.ts";

/**
 * Keeps a map of records by listening, whatever happens to its connection: events in the order of
 * their numbers, each once; a hole, and a head that is further on, make it ask again.
 */
export interface Follower {
  /** By feed: all events so far, number n at n − 1. */
  logs: Map<string, Frame[]>;
  has(key: string): boolean;
  /** By feed and id, as they are now. */
  records(): Map<string, Frame>;
  /** Events that came again, and times that it asked for what was missing. */
  repeated: number;
  asked: number;
  connections: number;
  /** Whether it is connected and has all up to the head, as the server's answer to a ping says. */
  hasAll(): boolean;
  cut(how: "reset" | "close" | "stop reading"): void;
  stop(): void;
}

const PING_EVERY = 1000; // ms

export function follow(of: () => RunningLaptop, feeds: readonly string[]): Follower {
  const cursors = new Map<string, string>();
  const held = new Map(feeds.map((feed) => [feed, new Map<number, Frame>()]));
  const records = new Map<string, Frame>();
  let client: LiveClient | undefined;
  let following = true;
  let complete = false;

  const follower: Follower = {
    logs: new Map(feeds.map((feed) => [feed, []])),
    has: (key) => records.has(key),
    records: () => records,
    repeated: 0,
    asked: 0,
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

  function take(event: Frame): void {
    const feed = String(event["feed"]);
    const log = follower.logs.get(feed) ?? [];
    const waiting = held.get(feed);
    const seq = Number(event["seq"]);
    const known = log[seq - 1] ?? waiting?.get(seq);
    if (known !== undefined) {
      follower.repeated++;
      expect(event).toEqual(known);
      return;
    }
    waiting?.set(seq, event);
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

  async function connection(): Promise<void> {
    const token = of().token({ sub: newId(), scope: "admin" });
    client = await connect(of(), { token });
    if (client.status !== 101) throw new Error(`the handshake was answered ${client.status}`);
    follower.connections++;
    const { ws } = client;
    // From the very beginning there is a position before the first change.
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
    if (frame.type === "events") for (const event of frame["events"]) take(event as Frame);
    if (frame.type === "reset") expect.fail(`there was no need of ${JSON.stringify(frame)}`);
    if (frame.type !== "pong") return;
    const behind = feeds.filter((feed) => {
      const { seqs } = Offset.decode(frame["heads"][feed] as string, "head");
      return (seqs[feed] ?? 0) > (follower.logs.get(feed)?.length ?? 0);
    });
    complete = behind.length === 0 && Object.keys(frame["heads"]).length === feeds.length;
    for (const feed of behind) {
      follower.asked++;
      subscribe(feed);
    }
  }

  const run = async () => {
    while (following) {
      await connection().catch(() => pause(50)); // the server is down
    }
  };
  void run();
  return follower;
}
