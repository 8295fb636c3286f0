import { signal, type Signal } from "@preact/signals";
import type { Topic } from "@stockwire/client/live";
import type { Connection } from "../connection.ts";
import { perFrame } from "../frame.ts";
import type { Change } from "../record/kind.ts";

/** Changes that are on screen at most. */
export const SHOWN = 60;
const KEPT = 500;

export interface Entry {
  change: Change;
  /** It happened while the line was cut, and was told afterwards. */
  late: boolean;
}

export interface Log {
  entries: Signal<readonly Entry[]>;
  received: Signal<number>;
  late: Signal<number>;
  /** Numbers of a feed that never came. */
  holes: Signal<number>;
  /** Whether the server has said that it tells all from here on. */
  ready: Signal<boolean>;
  refused: Signal<string | undefined>;
  paused: Signal<boolean>;
  clear: () => void;
  close: () => void;
}

/** The newest changes of some topics. It is bounded, and drawn once a frame however many come. */
export function openLog({ live }: Connection, topics: readonly [Topic, ...Topic[]]): Log {
  const kept: Entry[] = [];
  const entries = signal<readonly Entry[]>([]);
  const [received, late, holes] = [signal(0), signal(0), signal(0)];
  const paused = signal(false);
  const refused = signal<string>();
  const ready = signal(false);
  const last = new Map<string, number>();
  const whole = topics.every((topic) => !/[/?]/.test(topic));
  let counts = { received: 0, late: 0, holes: 0 };
  let downSince: number | undefined;
  let backAt: number | undefined;

  const draw = perFrame(() => {
    received.value = counts.received;
    late.value = counts.late;
    holes.value = counts.holes;
    if (!paused.peek()) entries.value = kept.slice(0, SHOWN);
  });
  const resume = paused.subscribe((on) => {
    if (!on) draw();
  });

  const subscription = live.subscribe(topics, {
    event(change) {
      const { feed, seq } = change;
      const before = last.get(feed);
      if (whole && before !== undefined) counts.holes += Math.max(0, seq - before - 1);
      last.set(feed, seq);
      const at = Date.parse(change.at);
      const isLate = downSince !== undefined && at >= downSince && at <= (backAt ?? Infinity);
      counts.received++;
      if (isLate) counts.late++;
      kept.unshift({ change, late: isLate });
      kept.length = Math.min(kept.length, KEPT);
      draw();
    },
    reset: ({ reason }) => (refused.value = `Some changes can't be told any more: ${reason}`),
    error: ({ message }) => (refused.value = message),
  });
  subscription.ready.then(
    () => (ready.value = true),
    () => undefined, // told by `error`
  );
  const offs = [
    live.on("down", () => {
      downSince = Date.now();
      backAt = undefined;
    }),
    live.on("open", () => (backAt = Date.now())),
    resume,
  ];

  return {
    entries,
    received,
    late,
    holes,
    ready,
    refused,
    paused,
    clear() {
      kept.length = 0;
      counts = { received: 0, late: 0, holes: 0 };
      draw();
    },
    close() {
      for (const off of offs) off();
      subscription.close();
    },
  };
}
