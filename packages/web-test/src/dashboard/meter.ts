/** Counts the changes that this window gets, from when the dashboard is first opened. */

import { type Signal, signal } from "@preact/signals";
import type { Live } from "@stockwire/client/live";
import { oncePerFrame } from "../animation-frame.ts";
import { type Feed, FEEDS, RESOURCES } from "../catalog.ts";
import { isLate } from "../connection.ts";
import { hasScope } from "../session.ts";
import { Minutes } from "./minute.ts";

export interface Meter {
  since: number; // epoch ms
  /** Changes by the time of their request. */
  committed: Minutes;
  /** Changes by the time of their arrival, with the ms since their request. */
  delivered: Minutes;
  byFeed: ReadonlyMap<Feed, number>;
  /** The ms from request to arrival of the latest change. */
  lag: number | undefined;
  /** Rises with each change. */
  drawn: Signal<number>;
}

const meters = new WeakMap<Live, Meter>();

/** The meter of a connection. It counts until the session ends, also while other pages are shown. */
export function meterOf(live: Live): Meter {
  const known = meters.get(live);
  if (known) return known;
  const byFeed = new Map<Feed, number>();
  const meter: Meter = {
    since: Date.now(),
    committed: new Minutes(),
    delivered: new Minutes(),
    byFeed,
    lag: undefined,
    drawn: signal(0),
  };
  meters.set(live, meter);
  const draw = oncePerFrame(() => void meter.drawn.value++);
  for (const feed of FEEDS.filter((name) => hasScope(RESOURCES[name].readScope))) {
    byFeed.set(feed, 0);
    live.subscribe(feed, {
      event({ at }) {
        const [time, now] = [Date.parse(at), Date.now()];
        byFeed.set(feed, (byFeed.get(feed) ?? 0) + 1);
        meter.committed.add(time);
        // What came after a cut was not slow.
        const lag = isLate(at) ? undefined : Math.max(0, now - time);
        meter.delivered.add(now, lag);
        meter.lag = lag ?? meter.lag;
        draw();
      },
      error: () => undefined, // the session page shows what the token may read
    });
  }
  return meter;
}
