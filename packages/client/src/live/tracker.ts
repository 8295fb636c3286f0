/**
 * Puts the changes of one feed in order for one subscription. They arrive from any connection, late,
 * repeated or not at all; each is delivered once, and in a whole feed only directly after the change
 * before it. STATES.md draws the states and gives the reasons.
 */

import type { Change, Feed } from "../api.gen.ts";
import type { Timers } from "../timer.ts";
import { createChangeBuffer } from "./change-buffer.ts";
import { createRecordVersions } from "./record-version.ts";
import { StateMachine } from "./state-machine.ts";
import {
  ANCHORED,
  IN_FLIGHT,
  STOPPED,
  type TrackerEvent,
  type TrackerState,
  trackerTable,
} from "./tracker-state.ts";

/** The consumer of the changes, and the connection to subscribe on. */
export interface TrackerPort {
  /** False if the consumer is full: it gets this change and what follows after `resume`. */
  deliver: (change: Change) => boolean;
  /** Changes are missing for good: the consumer must read its records again. */
  reset: (reason: string) => void;
  /** Asks for a subscribe frame. It is sent later, never during this call; `begin` then follows. */
  subscribe: () => void;
}

export interface TrackerOptions {
  feed: Feed;
  /** True for a whole feed, whose seqs have no gaps; false for a record or a filter. */
  whole: boolean;
  /** The cursor to begin from; from now without one. */
  since?: string | undefined;
  /** Ms that a gap waits for a change that another one overtook, before the tracker asks for it. */
  holdFor: number;
  /** The most changes that are buffered. */
  buffer: number;
  timers: Timers;
}

/** One subscribe frame and the server's answers to it. A replay that was superseded has no effect. */
export interface Replay {
  /** The cursor that the frame must carry. */
  since: string | undefined;
  subscribed: (cursor: string) => void;
  reset: (cursor: string, reason: string) => void;
  caughtUp: (cursor: string) => void;
  fail: () => void;
}

export interface Tracker {
  readonly state: TrackerState;
  /** True unless a change that has arrived waits for the watermark to be found. */
  readonly settled: boolean;
  /**
   * Begins a replay; the caller sends its subscribe frame directly afterwards. Changes that have
   * arrived before this call are in the log, so the answer includes those after `since`.
   * Undefined if the tracker is stopped and no frame must be sent.
   */
  begin: () => Replay | undefined;
  /** Takes a change that a connection has brought. */
  offer: (change: Change) => void;
  /** Takes the cursor of the feed's newest change; asks for a replay if changes may be lost. */
  head: (cursor: string) => void;
  /** Takes changes again, beginning with the one that the consumer did not take. */
  resume: () => void;
  /** Begins again from now, because the server does not know the cursor. */
  restart: (reason: string) => void;
  close: () => void;
}

/** Delivered seqs above the watermark that are remembered before a replay moves the watermark. */
const MAX_DELIVERED = 1_000;

/**
 * No change between `since` and the newest delivered one is missing, and none with a seq up to the
 * watermark is wanted. The first watermark must be found out, because a cursor is opaque: the
 * lowest seq that the server sends after `since` is the first wanted one. A live change could be
 * mistaken for that answer. A witness cannot: it had arrived before the question, so it was in the
 * log by then. It is either in the answer, or lies before `since` and is dropped.
 *
 * In a whole feed the watermark moves with each change. In a part of one, gaps are natural and a
 * late change looks like none, so the watermark moves only after a complete answer (`caughtUp`).
 */
export function createTracker(options: TrackerOptions, port: TrackerPort): Tracker {
  const { whole, holdFor, timers } = options;
  const machine = new StateMachine(trackerTable, "unanchored");
  const buffer = createChangeBuffer(options.buffer);
  /** In a part of a feed: the cursors of the delivered changes above the watermark, by seq. */
  const delivered = new Map<number, string>();
  const versions = createRecordVersions();
  let { since } = options;
  let watermark = 0;
  /** Seqs that were buffered when the last replay began: in its answer, or before `since`. */
  let witnesses = new Set<number>();
  /** Seqs that have arrived since then. */
  let seen = new Set<number>();
  let lastReplay: Replay | undefined;
  let timer: unknown;
  /** Replays in a row that brought nothing to deliver; each doubles the wait at the next gap. */
  let fruitless = 0;
  let lastHead: string | undefined;
  /** Heads up to which nothing is missing. */
  let verified: readonly (string | undefined)[] = [];
  let arrivedSinceHead = false;

  /** Changes the state. The timer runs in `gap` only. True if the state is another one. */
  const fire = (event: TrackerEvent): boolean => {
    const from = machine.state;
    const changed = machine.fire(event);
    if (changed && from === "gap") timers.clearTimeout(timer);
    if (changed && machine.state === "gap") {
      timer = timers.setTimeout(
        () => {
          fire("timeout");
          port.subscribe();
        },
        holdFor * 2 ** Math.min(fruitless, 6),
      );
    }
    return changed;
  };

  /** False if the consumer did not take the change, or closed the tracker during an earlier one. */
  const deliver = (change: Change): boolean => {
    if (STOPPED.has(machine.state)) return false;
    if (!port.deliver(change)) {
      buffer.clear();
      fire("refused");
      return false;
    }
    buffer.delete(change.seq);
    if (!whole) {
      delivered.set(change.seq, change.cursor);
      versions.add(change);
    }
    return true;
  };

  /** Delivers the changes that follow the watermark without a gap. */
  const deliverContiguous = () => {
    for (;;) {
      const next = buffer.get(watermark + 1);
      if (next === undefined || !deliver(next)) return;
      watermark = next.seq;
      since = next.cursor;
    }
  };

  /** Delivers what can be delivered now; without a watermark it asks for a replay. */
  const flush = () => {
    const { state } = machine;
    if (state === "unanchored" && buffer.size > 0) port.subscribe();
    if (!ANCHORED.has(state)) return;
    if (whole) deliverContiguous();
    // In a part of a feed nothing shows that changes are missing: the replay must bring them first.
    else if (state === "live" || state === "gap") {
      for (const change of buffer.inOrder()) {
        if (!versions.hasGapBefore(change) && !deliver(change)) return;
      }
      if (delivered.size > MAX_DELIVERED) port.subscribe();
    }
    fire(buffer.size === 0 ? "drained" : "blocked");
  };

  /** Takes the lowest seq of a complete answer for the first wanted one, if that is proved. */
  const anchor = (cursor: string): boolean => {
    const first = [...seen].reduce((a, b) => Math.min(a, b), Infinity);
    if (witnesses.has(first)) {
      watermark = first - 1;
      buffer.deleteUpTo(watermark);
      fire("anchored");
      return true;
    }
    // A witness that did not arrive again lies before `since`. The next replay has the changes
    // that are buffered now as its witnesses.
    for (const seq of witnesses) if (!seen.has(seq)) buffer.delete(seq);
    if (seen.size === 0) since = cursor;
    return false;
  };

  const startFrom = (cursor: string | undefined) => {
    fire("reset");
    since = cursor;
    watermark = 0;
    witnesses.clear();
    seen.clear();
    delivered.clear();
    versions.clear();
  };

  /** Takes a complete answer: all changes up to the head have arrived. */
  const complete = (cursor: string, latest: number) => {
    const anchored = ANCHORED.has(machine.state) || anchor(cursor);
    const { overflowed } = buffer;
    fire(overflowed ? "incomplete" : "answered");
    if (!anchored) {
      flush();
    } else if (whole) {
      const before = watermark;
      deliverContiguous();
      fruitless = watermark === before && buffer.size > 0 ? fruitless + 1 : 0;
      // The answer reaches at least to each witness. If one still waits, twice in a row, the change
      // before it is not after `since`: the watermark is too low, because an old change arrived
      // twice. Without a new start the tracker would wait for that change for ever.
      if (fruitless > 1 && [...witnesses].some((seq) => buffer.get(seq))) {
        startFrom(since);
        port.reset("invalid_cursor");
        flush();
        return;
      }
      if (!overflowed && buffer.size === 0 && !STOPPED.has(machine.state)) since = cursor;
    } else {
      let last = 0;
      let skipped = false;
      for (const change of buffer.inOrder()) {
        // Up to `latest` the answer is complete; a later change may have overtaken another one.
        if (change.seq > latest && versions.hasGapBefore(change)) {
          skipped = true;
          continue;
        }
        if (!deliver(change)) return;
        last = change.seq;
      }
      // After an overflow the answer is complete up to the last change that was kept. It ends
      // somewhere above `latest`; changes above that may be live ones with a lost one before them.
      watermark = Math.max(watermark, overflowed ? Math.min(latest, last) : latest);
      for (const [seq, at] of [...delivered].sort(([a], [b]) => a - b)) {
        if (seq > watermark) break;
        since = at;
        delivered.delete(seq);
      }
      if (!overflowed && !skipped) since = cursor;
    }
    if (anchored) fire(buffer.size === 0 ? "drained" : "blocked");
    if (anchored && overflowed) port.subscribe(); // for the changes that were dropped
  };

  const begin = () => {
    fire("subscribe");
    if (!IN_FLIGHT.has(machine.state)) return undefined;
    const head = lastHead;
    witnesses = new Set(buffer.seqs());
    seen = new Set();
    const latest = [...delivered.keys(), ...witnesses].reduce((a, b) => Math.max(a, b), 0);
    buffer.overflowed = false;
    /** Runs only while this replay is the last one and its answer is not complete. */
    const whileOpen =
      (then: (cursor: string, reason: string) => void) =>
      (cursor = "", reason = "") => {
        if (lastReplay === replay && IN_FLIGHT.has(machine.state)) then(cursor, reason);
      };
    const replay: Replay = {
      since,
      subscribed: whileOpen((cursor) => {
        if (since !== undefined) return; // `caught_up` follows
        fire("answered");
        since = cursor;
        verified = [head, cursor];
        flush();
      }),
      reset: whileOpen((cursor, reason) => {
        startFrom(cursor);
        port.reset(reason);
      }),
      caughtUp: whileOpen((cursor) => {
        complete(cursor, latest);
        // After an overflow the head is not reached yet.
        if (!buffer.overflowed && !STOPPED.has(machine.state)) verified = [head, cursor];
      }),
      fail: whileOpen(() => {
        fruitless++;
        fire("incomplete"); // the connection tries again, or the next one does
      }),
    };
    return (lastReplay = replay);
  };

  return {
    get state() {
      return machine.state;
    },
    get settled() {
      return ANCHORED.has(machine.state) || buffer.size === 0;
    },
    begin,
    offer(change) {
      const { seq } = change;
      if (STOPPED.has(machine.state)) return;
      arrivedSinceHead = true;
      if (IN_FLIGHT.has(machine.state)) seen.add(seq);
      if (seq <= watermark || delivered.has(seq)) return;
      buffer.add(change);
      flush();
    },
    head(cursor) {
      const moved = cursor !== lastHead;
      const arrived = arrivedSinceHead;
      lastHead = cursor;
      arrivedSinceHead = false;
      const { state } = machine;
      if (IN_FLIGHT.has(state) || STOPPED.has(state)) return;
      if (verified.includes(cursor) && !buffer.overflowed) return;
      // While changes of a whole feed arrive, a lost one shows as a gap.
      if (!whole || !arrived || !moved) port.subscribe();
    },
    resume() {
      if (fire("resume")) port.subscribe();
    },
    restart(reason) {
      startFrom(undefined);
      buffer.clear();
      if (machine.state !== "closed") port.reset(reason);
    },
    close() {
      fire("close");
      buffer.clear();
    },
  };
}
