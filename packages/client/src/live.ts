/**
 * The client of the Live API, for browsers and Node ≥ 20. Subscribers get each change once and in
 * order, or a reset, over any number of lost connections (STATES.md).
 */

import type { Change, Feed } from "./api.gen.ts";
import { LiveError } from "./error.ts";
import { Collection, type CollectionOptions, type Versioned } from "./live/collection.ts";
import { type ConnectionOptions, Connector, type LiveEvents } from "./live/connector.ts";
import type { FeedSubscription } from "./live/feed-subscription.ts";
import {
  deferred,
  type Handlers,
  type Stream,
  StreamQueue,
  type SubscribeOptions,
  type Subscription,
} from "./live/subscription.ts";
import { parseTopic, type ParsedTopic, type Topic } from "./live/topic.ts";
import { createTracker } from "./live/tracker.ts";
import { systemTimers } from "./timer.ts";

export type { Collection, CollectionChange, CollectionOptions } from "./live/collection.ts";
export type { ChannelMessage } from "./live/channel.ts";
export type { LiveEvents } from "./live/connector.ts";
export { type LiveCode, LiveError } from "./error.ts";
export type { Handlers, Reset, Stream, StreamItem, Subscription } from "./live/subscription.ts";
export type { Topic } from "./live/topic.ts";
export type { Change, Feed } from "./api.gen.ts";

export type LiveOptions = ConnectionOptions & {
  /** Ms that a gap in `seq` waits for a change that another one overtook; 500. */
  holdFor?: number;
  /** The most changes of one feed that wait for an earlier one; 5 000. */
  buffer?: number;
};

type Topics = Topic | readonly [Topic, ...Topic[]];

export interface Live {
  /**
   * Calls `event` with each change. Without handlers the result is iterated, and a slow reader gets
   * the changes at its own pace. Throws `TypeError` for a topic without a feed; the server's
   * refusals reject `ready`.
   */
  subscribe(topics: Topics, handlers: Handlers): Subscription;
  subscribe(topics: Topics, options?: SubscribeOptions): Stream;
  /** A live map of a topic's records, loaded by HTTP and kept up to date. */
  collection<T extends Versioned>(topic: Topic, options: CollectionOptions<T>): Collection<T>;
  /** Sends a message of at most 4096 characters to a channel (`lobby`) once a connection is open. */
  send(message: string, channel?: string): Promise<void>;
  /** Joins a channel, on later connections too. Rejects with `LiveError` if it is refused. */
  join(channel: string): Promise<void>;
  leave(channel: string): Promise<void>;
  /** Returns a function that removes the listener. */
  on<E extends keyof LiveEvents>(event: E, listener: (payload: LiveEvents[E]) => void): () => void;
  /** Final: no connection, no timer and no subscription is left. */
  close(): void;
}

/**
 * Creates a client. It connects at its first use, and again after each loss until it is closed.
 * Throws `TypeError` if the runtime has no WebSocket and none is given.
 */
export function createLive(options: LiveOptions): Live {
  const { holdFor = 500, buffer = 5_000, timers = systemTimers, random = Math.random } = options;
  const connector = new Connector(options);
  const closing = new Set<() => void>();
  const reportThrown = (error: unknown) => connector.events.reportThrown(error);
  const report = (detail: string, cause: unknown) => connector.events.report(detail, cause);
  /** Calls a handler of the caller. An error in it must not reach the tracker. */
  const guarded = (call: () => void) => {
    try {
      call();
    } catch (error) {
      reportThrown(error);
    }
  };

  function subscribe(topics: Topics, handlers: Handlers): Subscription;
  function subscribe(topics: Topics, options?: SubscribeOptions): Stream;
  function subscribe(topics: Topics, given: Partial<Handlers> = {}): Subscription | Stream {
    const parsed = (typeof topics === "string" ? [topics] : topics).map(parseTopic);
    const byFeed = new Map<Feed, ParsedTopic[]>();
    for (const topic of new Map(parsed.map((one) => [one.key, one])).values()) {
      byFeed.set(topic.feed, [...(byFeed.get(topic.feed) ?? []), topic]);
    }
    const queue = given.event
      ? undefined
      : new StreamQueue(() => subscriptions.forEach(({ tracker }) => tracker.resume()));
    const ready = deferred();
    let unready = byFeed.size;

    const close = (error?: LiveError) => {
      if (!closing.delete(close)) return;
      for (const subscription of subscriptions) {
        subscription.tracker.close();
        connector.remove(subscription);
      }
      queue?.end(error);
      ready.reject(error ?? new LiveError("closed", "The subscription was closed"));
      if (error) guarded(() => given.error?.(error));
    };
    const deliver = (change: Change): boolean => {
      if (queue) return queue.offer(change);
      guarded(() => given.event?.(change));
      return true;
    };

    const subscriptions = [...byFeed].map(([feed, own]): FeedSubscription => {
      const whole = own.some(({ id, filter }) => id === undefined && !filter);
      const tracker = createTracker(
        { feed, whole, since: given.since, holdFor, buffer, timers },
        {
          deliver,
          reset: (reason) => {
            const reset = { topics: own.map(({ text }) => text), reason };
            queue?.push({ type: "reset", ...reset });
            guarded(() => given.reset?.(reset));
          },
          subscribe: () => connector.subscribe(subscription),
        },
      );
      let first = true;
      const isReady = () => {
        if (first && --unready === 0) ready.resolve();
        first = false;
      };
      const subscription = { feed, topics: own, tracker, ready: isReady, refused: close };
      return subscription;
    });
    closing.add(close);
    for (const subscription of subscriptions) connector.add(subscription);
    const result = { ready: ready.promise, close: () => close() };
    if (!queue) return result;
    async function* items(from: StreamQueue) {
      try {
        yield* from.read();
      } finally {
        close(); // a reader that leaves its loop ends the subscription
      }
    }
    return { ...result, [Symbol.asyncIterator]: () => items(queue) };
  }

  return {
    subscribe,
    collection(topic, load) {
      const port = { subscribe, report, reportThrown, timers, random };
      const collection = new Collection(topic, load, port);
      const close = () => collection.close();
      closing.add(close);
      collection.onClose(() => closing.delete(close));
      return collection;
    },
    send: (message, channel = "lobby") => connector.send(message, channel),
    join: (channel) => connector.join(channel),
    leave: (channel) => connector.leave(channel),
    on: (event, listener) => connector.events.on(event, listener),
    close() {
      for (const close of closing) close();
      connector.close();
    },
  };
}
