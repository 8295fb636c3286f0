/**
 * Subscribe and unsubscribe frames of one connection. The server's changes do not say which frame
 * they answer, so at most one frame of a feed is in flight: what arrives belongs to one replay.
 */

import type { Change, Feed } from "../api.gen.ts";
import { LiveError } from "../error.ts";
import type { Socket } from "./socket.ts";
import { changeFor, type ParsedTopic } from "./topic.ts";
import type { Tracker } from "./tracker.ts";

/** The topics of one subscription that are in the same feed. A subscription to two feeds has two. */
export interface FeedSubscription {
  feed: Feed;
  topics: readonly ParsedTopic[];
  tracker: Tracker;
  /** Subscribed and caught up. Called again after each later replay. */
  ready: () => void;
  /** The server refuses the topics for good. */
  refused: (error: LiveError) => void;
}

/** `failed` is worth another try on the same connection, `unauthenticated` needs another one. */
export type SubscribeResult = "done" | "failed" | "refused" | "unauthenticated" | "invalid_cursor";

/** Error codes that may be gone at the next try. */
const TRANSIENT: ReadonlySet<string> = new Set(["unavailable", "internal"]);

/** The subscriptions of one connection, and their frames. */
export class ConnectionSubscriptions {
  readonly #socket: Socket;
  readonly #all: ReadonlySet<FeedSubscription>;
  /** The last frame of each feed, in flight or waiting for the one before it. */
  readonly #last = new Map<Feed, Promise<unknown>>();
  readonly #waiting = new Map<FeedSubscription, Promise<SubscribeResult>>();
  /** Those that have caught up on this connection. */
  readonly done = new WeakSet<FeedSubscription>();

  constructor(socket: Socket, all: ReadonlySet<FeedSubscription>) {
    this.#socket = socket;
    this.#all = all;
  }

  /** Sends a subscribe frame when it is its turn. Calls before that share the frame. */
  subscribe(subscription: FeedSubscription): Promise<SubscribeResult> {
    const waiting = this.#waiting.get(subscription);
    if (waiting) return waiting;
    const result = this.#inTurn(subscription.feed, () => {
      this.#waiting.delete(subscription);
      return this.#subscribe(subscription);
    });
    this.#waiting.set(subscription, result);
    return result;
  }

  /** Unsubscribes from the topics that no other subscription has. */
  async unsubscribe({ feed, topics }: FeedSubscription): Promise<void> {
    await this.#inTurn(feed, async () => {
      const used = new Set([...this.#all].flatMap((one) => one.topics.map(({ key }) => key)));
      const unused = topics.filter(({ key }) => !used.has(key)).map(({ text }) => text);
      if (unused.length === 0) return;
      await new Promise<void>((resolve) => {
        this.#socket.request({ action: "unsubscribe", topics: unused }, () => {
          resolve();
          return true;
        });
      });
    });
  }

  #inTurn<T>(feed: Feed, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(feed) ?? Promise.resolve()).then(work);
    this.#last.set(feed, result);
    return result;
  }

  #subscribe(subscription: FeedSubscription): Promise<SubscribeResult> {
    return new Promise((resolve) => {
      const { tracker, topics } = subscription;
      const replay = this.#all.has(subscription) ? tracker.begin() : undefined;
      if (!replay) {
        resolve("done"); // closed or paused meanwhile: there is nothing to subscribe
        return;
      }
      const { since } = replay;
      const end = (result: SubscribeResult): true => {
        if (result === "done") {
          this.done.add(subscription);
          if (tracker.settled) subscription.ready();
        } else {
          replay.fail();
        }
        resolve(result);
        return true;
      };
      const frame = {
        action: "subscribe",
        topics: topics.map(({ text }) => text),
        ...(since !== undefined && { since }),
      } as const;
      this.#socket.request(frame, (reply) => {
        switch (reply?.type) {
          case "subscribed":
            replay.subscribed(reply.cursor);
            return since === undefined && end("done"); // with `since`, `caught_up` follows
          case "reset":
            replay.reset(reply.cursor, reply.reason);
            return false;
          case "caught_up":
            replay.caughtUp(reply.cursor);
            return end("done");
          case "error": {
            const { code, detail } = reply;
            if (code === "unauthenticated" || code === "invalid_cursor") return end(code);
            if (TRANSIENT.has(code)) return end("failed");
            end("refused");
            subscription.refused(new LiveError(code, detail));
            return true;
          }
          case undefined:
            return end("failed");
          default:
            return false;
        }
      });
    });
  }
}

/** Gives each subscription those changes of a frame that match its topics. */
export function distribute(
  changes: readonly Change[],
  subscriptions: ReadonlySet<FeedSubscription>,
): void {
  for (const change of changes) {
    const inFeed = [...subscriptions].filter(({ feed }) => feed === change.feed);
    const keys = new Set(inFeed.flatMap(({ topics }) => topics.map(({ key }) => key)));
    for (const { topics, tracker } of inFeed) {
      const own = changeFor(change, topics, topics.length === keys.size);
      if (own) tracker.offer(own);
    }
  }
}
