/** The newest changes of some topics. Memory is bounded, and the screen is updated once a frame. */

import { signal, type Signal } from "@preact/signals";
import type { Topic } from "@stockwire/client/live";
import { oncePerFrame } from "../animation-frame.ts";
import type { Change } from "../catalog.ts";
import type { Connection } from "../connection.ts";

/** Rows on screen. */
export const SHOWN = 60;
const KEPT = 500; // changes

export interface ReceivedChange {
  change: Change;
  /** Committed while the connection was down, and received afterwards. */
  late: boolean;
}

export interface Monitor {
  /** At most SHOWN, newest first. */
  changes: Signal<readonly ReceivedChange[]>;
  received: Signal<number>;
  late: Signal<number>;
  /** Numbers of a feed that were skipped. The client's guarantee is that there are none. */
  missing: Signal<number>;
  /** True once the server has confirmed the subscription. */
  ready: Signal<boolean>;
  refused: Signal<string | undefined>;
  paused: Signal<boolean>;
  clear: () => void;
  close: () => void;
}

export function openMonitor({ live }: Connection, topics: readonly [Topic, ...Topic[]]): Monitor {
  const kept: ReceivedChange[] = [];
  const changes = signal<readonly ReceivedChange[]>([]);
  const [received, late, missing] = [signal(0), signal(0), signal(0)];
  const paused = signal(false);
  const refused = signal<string>();
  const ready = signal(false);
  const lastSeq = new Map<string, number>();
  // The numbers of a filtered topic have gaps by nature.
  const areWholeFeeds = topics.every((topic) => !/[/?]/.test(topic));
  let counts = { received: 0, late: 0, missing: 0 };
  let downSince: number | undefined;
  let backAt: number | undefined;

  const draw = oncePerFrame(() => {
    received.value = counts.received;
    late.value = counts.late;
    missing.value = counts.missing;
    if (!paused.peek()) changes.value = kept.slice(0, SHOWN);
  });

  const subscription = live.subscribe(topics, {
    event(change) {
      const { feed, seq } = change;
      const before = lastSeq.get(feed);
      if (areWholeFeeds && before !== undefined) counts.missing += Math.max(0, seq - before - 1);
      lastSeq.set(feed, seq);
      const at = Date.parse(change.at);
      const isLate = downSince !== undefined && at >= downSince && at <= (backAt ?? Infinity);
      counts.received++;
      if (isLate) counts.late++;
      kept.unshift({ change, late: isLate });
      kept.length = Math.min(kept.length, KEPT);
      draw();
    },
    reset: ({ reason }) => (refused.value = `Some changes are not available any more: ${reason}`),
    error: ({ message }) => (refused.value = message),
  });
  subscription.ready.then(
    () => (ready.value = true),
    () => undefined, // `error` has shown it
  );
  const unsubscribers = [
    live.on("down", () => {
      downSince = Date.now();
      backAt = undefined;
    }),
    live.on("open", () => (backAt = Date.now())),
    paused.subscribe((isPaused) => {
      if (!isPaused) draw();
    }),
  ];

  return {
    changes,
    received,
    late,
    missing,
    ready,
    refused,
    paused,
    clear() {
      kept.length = 0;
      counts = { received: 0, late: 0, missing: 0 };
      draw();
    },
    close() {
      for (const unsubscribe of unsubscribers) unsubscribe();
      subscription.close();
    },
  };
}
