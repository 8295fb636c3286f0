/**
 * The newest changes of some topics: the last ones of the log, then those that come. Memory is bounded,
 * and the screen is updated once a frame.
 */

import { signal, type Signal } from "@preact/signals";
import { unwrap } from "@stockwire/client/http";
import type { Subscription, Topic } from "@stockwire/client/live";
import { oncePerFrame } from "../animation-frame.ts";
import type { Change } from "../catalog.ts";
import { type Connection, isLate } from "../connection.ts";
import { type ChangeFilter, EVERYTHING, newestOf, passes } from "./filter.ts";

/** Rows on screen. */
export const SHOWN = 60;
const FROM_LOG = 50; // changes
const KEPT = 5_000; // changes
const KEPT_IN_PAUSE = 50_000; // changes

export interface ReceivedChange {
  change: Change;
  /** Committed while the connection was down, and received afterwards. */
  late: boolean;
}

export interface Monitor {
  /** At most SHOWN that pass the filter, newest first, from `from` on. */
  changes: Signal<readonly ReceivedChange[]>;
  /** Changes that pass the filter. */
  found: Signal<number>;
  /** The place of the first row, from 0. */
  from: Signal<number>;
  filter: Signal<ChangeFilter>;
  /** Received since the page was opened. */
  received: Signal<number>;
  late: Signal<number>;
  /** Numbers of a feed that were skipped. The client's guarantee is that there are none. */
  missing: Signal<number>;
  /** Received while paused. */
  waiting: Signal<number>;
  /** True once the server has confirmed the subscription. */
  ready: Signal<boolean>;
  refused: Signal<string | undefined>;
  paused: Signal<boolean>;
  clear: () => void;
  /** All changes that pass the filter and are not waiting, newest first. */
  listed: () => Change[];
  close: () => void;
}

export function openMonitor(
  { http, live }: Connection,
  topics: readonly [Topic, ...Topic[]],
): Monitor {
  let kept: ReceivedChange[] = [];
  const held: ReceivedChange[] = []; // while paused, oldest first
  const changes = signal<readonly ReceivedChange[]>([]);
  const [received, late, missing, waiting] = [signal(0), signal(0), signal(0), signal(0)];
  const [found, from] = [signal(0), signal(0)];
  const filter = signal(EVERYTHING);
  const paused = signal(false);
  const refused = signal<string>();
  const ready = signal(false);
  const lastSeq = new Map<string, number>();
  const subscriptions: Subscription[] = [];
  let isClosed = false;
  let counts = { received: 0, late: 0, missing: 0 };

  const passing = () => kept.filter(({ change }) => passes(filter.peek(), change));
  const draw = oncePerFrame(() => {
    received.value = counts.received;
    late.value = counts.late;
    missing.value = counts.missing;
    waiting.value = held.length;
    const all = passing();
    found.value = all.length;
    changes.value = all.slice(from.peek(), from.peek() + SHOWN);
  });
  const release = () => {
    kept = [...held.splice(0).toReversed(), ...kept].slice(0, KEPT);
    draw();
  };

  const onChange = (change: Change, isWholeFeed: boolean) => {
    const { feed, seq } = change;
    const before = lastSeq.get(feed);
    // The numbers of a filtered topic have gaps by nature.
    if (isWholeFeed && before !== undefined) counts.missing += Math.max(0, seq - before - 1);
    lastSeq.set(feed, seq);
    const isLateChange = isLate(change.at);
    counts.received++;
    if (isLateChange) counts.late++;
    const one = { change, late: isLateChange };
    if (paused.peek()) {
      held.push(one);
      if (held.length > KEPT_IN_PAUSE) held.shift();
    } else {
      kept.unshift(one);
      kept.length = Math.min(kept.length, KEPT);
    }
    draw();
  };

  /** The last changes of a topic, and the cursor after them. From now on, if they can't be read. */
  const readLog = async (topic: Topic): Promise<{ events: Change[]; cursor?: string }> => {
    try {
      return await unwrap(http.changes.$get({ query: { topic, last: FROM_LOG } }));
    } catch {
      return { events: [] };
    }
  };
  const open = async () => {
    const logs = await Promise.all(topics.map(readLog));
    if (isClosed) return;
    for (const { feed, seq } of logs.flatMap(({ events }) => events)) {
      lastSeq.set(feed, Math.max(seq, lastSeq.get(feed) ?? 0));
    }
    const newest = newestOf(
      logs.map(({ events }) => events),
      FROM_LOG,
    );
    kept = newest.map((change) => ({ change, late: isLate(change.at) }));
    draw();
    for (const [index, topic] of topics.entries()) {
      const cursor = logs[index]?.cursor;
      const isWholeFeed = !/[/?]/.test(topic);
      subscriptions.push(
        live.subscribe(topic, {
          ...(cursor !== undefined && { since: cursor }),
          event: (change) => onChange(change, isWholeFeed),
          reset: ({ reason }) =>
            (refused.value = `Some changes are not available any more: ${reason}`),
          error: ({ message }) => (refused.value = message),
        }),
      );
    }
    await Promise.all(subscriptions.map((each) => each.ready));
    ready.value = true;
  };
  open().catch(() => undefined); // `error` has shown it
  const unsubscribers = [
    paused.subscribe((isPaused) => {
      if (!isPaused) release();
    }),
    filter.subscribe(draw),
    from.subscribe(draw),
  ];

  return {
    changes,
    found,
    from,
    filter,
    received,
    late,
    missing,
    waiting,
    ready,
    refused,
    paused,
    clear() {
      kept = [];
      held.length = 0;
      from.value = 0;
      changes.value = [];
      counts = { received: 0, late: 0, missing: 0 };
      draw();
    },
    listed: () => passing().map(({ change }) => change),
    close() {
      isClosed = true;
      for (const unsubscribe of unsubscribers) unsubscribe();
      for (const subscription of subscriptions) subscription.close();
    },
  };
}
