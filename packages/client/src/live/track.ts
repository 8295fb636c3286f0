import type { Feed } from "@stockwire/core/catalog/index";
import type { Change } from "@stockwire/core/changes/change";
import { Held } from "./held.ts";
import type { Timers } from "../timers.ts";
import { Versions } from "./versions.ts";

/** Who listens, and who can subscribe. */
export interface TrackPort {
  /** False if it can't be taken now: it and what follows comes again after `resume`. */
  deliver: (change: Change) => boolean;
  reset: (reason: string) => void;
  /** Asks to be subscribed anew, after what has been handed out. */
  subscribe: () => void;
}

export interface TrackOptions {
  feed: Feed;
  /** Whether it is the whole feed, whose numbers have no holes. */
  whole: boolean;
  since?: string | undefined;
  /** Ms that a hole waits for a delivery that was overtaken. */
  holdFor: number;
  /** Changes that wait at most. */
  buffer: number;
  timers: Timers;
}

/** One subscribe frame and what the server answers to it. */
export interface Window {
  since: string | undefined;
  subscribed: (cursor: string) => void;
  reset: (reason: string, cursor: string) => void;
  caughtUp: (cursor: string) => void;
  abort: () => void;
}

interface Arrivals {
  /** Numbers that waited when it began: in the answer, or before `since`. */
  witnesses: Set<number>;
  /** The highest that had arrived when it began. */
  latest: number;
  /** What has arrived since. */
  seen: Set<number>;
}

/** Handed out beyond the floor before the floor is moved. */
const MAX_HANDED = 1_000;

/**
 * One listener's place in one feed: what comes from any connection goes in, each change once and in
 * order comes out.
 *
 * `since` is a cursor up to which nothing is missing. The floor is a number below which nothing is
 * wanted any more; cursors are opaque, so the first floor must be found out: of what the server
 * tells after `since`, the lowest number is the first that is wanted. That it was the server's answer
 * and not a live event is known if it is a witness: a change that had arrived before the question was
 * in the log before it, so it is in the answer, or lies before `since` and is dropped.
 *
 * In a whole feed the floor moves with each change. In a part of one, holes are natural and a late
 * change can't be told from none: the floor moves when the server has told all (`caughtUp`).
 */
export class Track {
  readonly feed: Feed;
  readonly #port: TrackPort;
  readonly #options: TrackOptions;
  readonly #held: Held;
  readonly #handed = new Set<number>();
  readonly #versions = new Versions();
  #since: string | undefined;
  #floor: number | undefined;
  #window: (Window & Arrivals) | undefined;
  #stalled = false;
  #hole: unknown;
  #fruitless = 0;
  #head: string | undefined;
  #verified: ReadonlySet<string | undefined> = new Set();
  #arrived = false;

  constructor(options: TrackOptions, port: TrackPort) {
    this.feed = options.feed;
    this.#options = options;
    this.#port = port;
    this.#held = new Held(options.buffer);
    this.#since = options.since;
  }

  /** Whether it takes nothing until `resume`. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Whether all that has arrived so far is handed out, or known to wait for what has not. */
  get settled(): boolean {
    return this.#floor !== undefined || this.#held.size === 0;
  }

  /** Begins to subscribe; what has arrived before this is known to be in the log. */
  begin(): Window {
    this.#disarm();
    const head = this.#head;
    const witnesses = new Set(this.#held.seqs());
    const latest = [...this.#handed, ...witnesses].reduce((a, b) => Math.max(a, b), 0);
    this.#held.complete = true;
    const ours = (then: (cursor: string) => void) => (cursor: string) => {
      if (this.#window === window) then(cursor);
    };
    const window = {
      since: this.#since,
      witnesses,
      latest,
      seen: new Set<number>(),
      subscribed: ours((cursor) => {
        if (this.#since !== undefined) return;
        this.#window = undefined;
        this.#since = cursor;
        this.#verified = new Set([head, cursor]);
        this.#pump();
      }),
      reset: (reason: string, cursor: string) => {
        if (this.#window !== window) return;
        this.#forget(cursor);
        this.#port.reset(reason);
      },
      caughtUp: ours((cursor) => {
        this.#window = undefined;
        this.#settle(window, cursor);
        // What had to go is still to be asked for.
        if (this.#held.complete && !this.#stalled) this.#verified = new Set([head, cursor]);
      }),
      abort: () => {
        if (this.#window !== window) return;
        this.#window = undefined;
        this.#fruitless++;
        this.#await();
      },
    };
    this.#window = window;
    return window;
  }

  /** Takes a change that a connection told. */
  offer(change: Change): void {
    const { seq } = change;
    if (this.#stalled) return;
    this.#arrived = true;
    this.#window?.seen.add(seq);
    if (seq <= (this.#floor ?? 0) || this.#handed.has(seq)) return;
    this.#held.add(change);
    this.#pump();
  }

  /** Takes where the feed ends: asks again if something may have been lost on the way. */
  head(cursor: string): void {
    const moved = cursor !== this.#head;
    const arrived = this.#arrived;
    this.#head = cursor;
    this.#arrived = false;
    if (this.#window || this.#stalled || this.#verified.has(cursor)) return;
    // While the whole feed comes in, what is missing shows as a hole.
    if (this.#options.whole && arrived && moved) return;
    this.#port.subscribe();
  }

  /** Takes changes again, from the one that was refused on. */
  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#port.subscribe();
  }

  /** Starts anew from now: its cursor is none that the server knows. */
  restart(reason: string): void {
    this.#forget(undefined);
    this.#held.clear();
    this.#port.reset(reason);
  }

  end(): void {
    this.#disarm();
    this.#window = undefined;
    this.#stalled = true;
    this.#held.clear();
  }

  #forget(cursor: string | undefined): void {
    this.#since = cursor;
    this.#floor = undefined;
    this.#window?.witnesses.clear();
    this.#window?.seen.clear();
    this.#handed.clear();
    this.#versions.clear();
  }

  /** All up to the head is here: what is to be known of the floor is known now. */
  #settle({ witnesses, latest, seen }: Arrivals, cursor: string): void {
    if (this.#floor === undefined) {
      const first = seen.values().reduce((a, b) => Math.min(a, b), Infinity);
      if (!witnesses.has(first)) {
        // What did not come again lies before `since`; what came is asked about next.
        for (const seq of witnesses) if (!seen.has(seq)) this.#held.delete(seq);
        if (seen.size === 0) this.#since = cursor;
        this.#pump();
        return;
      }
      this.#floor = first - 1;
      this.#held.deleteUpTo(this.#floor);
    }
    if (this.#options.whole) {
      const floor = this.#floor;
      this.#drain();
      this.#fruitless = this.#floor === floor && this.#held.size > 0 ? this.#fruitless + 1 : 0;
      if (!this.#held.complete) this.#port.subscribe();
      else if (this.#held.size === 0 && !this.#stalled) this.#since = cursor;
      this.#await();
      return;
    }
    const { complete } = this.#held;
    let last: Change | undefined;
    for (const change of this.#held.inOrder()) {
      if (!this.#hand(change)) return;
      last = change;
    }
    this.#since = complete ? cursor : (last?.cursor ?? this.#since);
    this.#floor = Math.max(this.#floor, complete ? latest : (last?.seq ?? 0));
    for (const seq of this.#handed) if (seq <= this.#floor) this.#handed.delete(seq);
    if (!complete) this.#port.subscribe();
  }

  #pump(): void {
    if (this.#floor === undefined) {
      if (!this.#window && this.#held.size > 0) this.#port.subscribe();
      return;
    }
    if (this.#options.whole) this.#drain();
    else if (!this.#window) {
      for (const change of this.#held.inOrder()) {
        if (!this.#versions.skippedBy(change) && !this.#hand(change)) return;
      }
      if (this.#handed.size > MAX_HANDED) this.#port.subscribe();
    }
    this.#await();
  }

  /** Hands out what follows the floor without a hole. */
  #drain(): void {
    while (this.#floor !== undefined) {
      const next = this.#held.get(this.#floor + 1);
      if (next === undefined || !this.#hand(next)) return;
      this.#floor = next.seq;
      this.#since = next.cursor;
    }
  }

  #hand(change: Change): boolean {
    if (this.#stalled) return false;
    if (!this.#port.deliver(change)) {
      this.#stalled = true;
      this.#window = undefined;
      this.#disarm();
      this.#held.clear();
      return false;
    }
    this.#held.delete(change.seq);
    if (!this.#options.whole) {
      this.#handed.add(change.seq);
      this.#versions.add(change);
    }
    return true;
  }

  /** Gives a hole some time to close before it is asked for. */
  #await(): void {
    if (this.#held.size === 0 || this.#stalled) {
      this.#disarm();
      return;
    }
    if (this.#window || this.#hole !== undefined) return;
    const { timers, holdFor } = this.#options;
    this.#hole = timers.setTimeout(
      () => {
        this.#hole = undefined;
        this.#port.subscribe();
      },
      holdFor * 2 ** Math.min(this.#fruitless, 6),
    );
  }

  #disarm(): void {
    if (this.#hole !== undefined) this.#options.timers.clearTimeout(this.#hole);
    this.#hole = undefined;
  }
}
