import type { Change } from "@stockwire/core/changes/change";
import { Collection, type CollectionOptions, type Versioned } from "./live/collection.ts";
import { type ConnectionOptions, Connector, type LiveEvents } from "./live/connector.ts";
import { LiveError } from "./error.ts";
import type { Leg } from "./live/leg.ts";
import {
  type Handlers,
  Queue,
  type Stream,
  type SubscribeOptions,
  type Subscription,
} from "./live/subscription.ts";
import { systemTimers } from "./timers.ts";
import { parseTopic, type ParsedTopic, type Topic } from "./live/topic.ts";
import { Track } from "./live/track.ts";

export type { Collection, CollectionChange, CollectionOptions } from "./live/collection.ts";
export type { ChannelMessage } from "./live/channel.ts";
export type { LiveEvents } from "./live/connector.ts";
export { type LiveCode, LiveError } from "./error.ts";
export type { Entry, Handlers, Reset, Stream, Subscription } from "./live/subscription.ts";
export type { Topic } from "./live/topic.ts";

export type LiveOptions = ConnectionOptions & {
  /** Ms that a hole in `seq` waits for a delivery that was overtaken before it is asked for; 500. */
  holdFor?: number;
  /** Changes of one feed that wait for others, at most; 5 000. */
  buffer?: number;
};

type Topics = Topic | readonly [Topic, ...Topic[]];

export interface Live {
  /** Hands each change to `event`; without it the subscription itself is to be iterated. */
  subscribe(topics: Topics, handlers: Handlers): Subscription;
  subscribe(topics: Topics, options?: SubscribeOptions): Stream;
  /** A live map of a topic's records, loaded by HTTP and kept up to date. */
  collection<T extends Versioned>(topic: Topic, options: CollectionOptions<T>): Collection<T>;
  /** Says something on a channel (`lobby`), as soon as a connection is open; ≤ 4096 characters. */
  send(message: string, channel?: string): Promise<void>;
  /** Rejects with `LiveError` if the server refuses it. It outlives connections. */
  join(channel: string): Promise<void>;
  leave(channel: string): Promise<void>;
  /** Returns what ends the listening. */
  on<E extends keyof LiveEvents>(event: E, listener: (of: LiveEvents[E]) => void): () => void;
  /** Final: no connection, no timer and no subscription is left. */
  close(): void;
}

/** A live client. It connects when it is first used, and again until it is closed. */
export function createLive(options: LiveOptions): Live {
  const { holdFor = 500, buffer = 5_000, timers = systemTimers, random = Math.random } = options;
  const connector = new Connector(options);
  const closing = new Set<() => void>();
  const threw = (error: unknown) => connector.events.threw(error);
  const report = (detail: string, cause: unknown) => connector.events.report(detail, cause);

  function subscribe(topics: Topics, handlers: Handlers): Subscription;
  function subscribe(topics: Topics, options?: SubscribeOptions): Stream;
  function subscribe(topics: Topics, given: Partial<Handlers> = {}): Subscription | Stream {
    const parsed = (typeof topics === "string" ? [topics] : topics).map(parseTopic);
    const once = new Map(parsed.map((topic) => [topic.key, topic]));
    const feeds = [...Map.groupBy(once.values(), ({ feed }) => feed).values()];
    const queue = given.event
      ? undefined
      : new Queue(() => legs.forEach((leg) => leg.track.resume()));
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => undefined); // whoever awaits it is told
    let unready = feeds.length;

    const guarded = (call: () => void) => {
      try {
        call();
      } catch (error) {
        threw(error);
      }
    };
    const close = (error?: LiveError) => {
      if (!closing.delete(close)) return;
      for (const leg of legs) {
        leg.track.end();
        connector.remove(leg);
      }
      queue?.end(error);
      ready.reject(error ?? new LiveError("closed", "The subscription was closed"));
      const { error: tell } = given;
      if (error && tell) guarded(() => tell(error));
    };
    const deliver = (change: Change): boolean => {
      if (queue) return queue.offer(change);
      guarded(() => given.event?.(change));
      return true;
    };
    const reset = (of: readonly ParsedTopic[], reason: string) => {
      const told = { topics: of.map(({ text }) => text), reason };
      queue?.push({ type: "reset", ...told });
      guarded(() => given.reset?.(told));
    };

    const legs = feeds.map((of): Leg => {
      const [{ feed } = { feed: "users" as const }] = of;
      const whole = of.some(({ id, filter }) => id === undefined && !filter);
      const track = new Track(
        { feed, whole, since: given.since, holdFor, buffer, timers },
        {
          deliver,
          reset: (reason) => reset(of, reason),
          subscribe: () => connector.subscribe(leg),
        },
      );
      let first = true;
      const isReady = () => {
        if (first && --unready === 0) ready.resolve();
        first = false;
      };
      const leg: Leg = { feed, topics: of, track, ready: isReady, refused: close };
      return leg;
    });
    closing.add(close);
    for (const leg of legs) connector.add(leg);
    const subscription = { ready: ready.promise, close: () => close() };
    if (!queue) return subscription;
    async function* entries(from: Queue) {
      try {
        yield* from.read();
      } finally {
        close();
      }
    }
    return { ...subscription, [Symbol.asyncIterator]: () => entries(queue) };
  }

  return {
    subscribe,
    collection(topic, load) {
      const collection = new Collection(topic, load, { subscribe, report, threw, timers, random });
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
