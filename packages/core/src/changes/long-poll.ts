/**
 * Long poll: reads the changes of one topic over HTTP, with the same order as the Live API. What a
 * reader may be given, and when its cursor has expired, is decided here, also for `follow`.
 */

import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "../error.ts";
import { answerBytes } from "../store/pagination.ts";
import type { Change } from "./change.ts";
import * as ChangeLog from "./log.ts";
import * as Offset from "./offset.ts";
import { opFor, type Topic } from "./topic.ts";

export interface ChangesPage {
  events: Change[];
  /** Continues after all changes that were examined, also those of other topics. */
  cursor: string;
  /** True if there are more changes to read now. */
  more: boolean;
}

/** Ms between reads of the log while there is nothing new. */
const POLL_INTERVAL = 150;
/** Changes in one read of the log. A small `limit` does not make reads smaller. */
const PAGE = 100;
/** Changes of the feed that one call examines for its topic. */
const MAX_EXAMINED = 2_000;
/** Ms after which a call that waits for nothing returns its cursor, although it is behind. */
const EXAMINE_FOR = 3_000;
/** Bytes of changes in one answer, as `answerBytes` counts them. A Lambda's answer has at most 6 MB. */
const MAX_BYTES = 3 * 1024 * 1024;

/** How much one call may return, and how long it may take. */
interface Options {
  limit: number; // changes
  /** Ms to wait for a first change. */
  wait: number;
  /** Ms between reads of the log while there is nothing new. By default 150. */
  interval?: number;
  /** The last change may pass it. By default 3 MiB. */
  maxBytes?: number;
  /** Where the cursor came from, for the error of one that is not valid. By default `since`. */
  parameter?: string;
  /** Ends the wait: the call then throws an `AbortError`. */
  signal?: AbortSignal;
}

/**
 * Returns up to `limit` changes of a topic after the cursor `since`; without one, from now on.
 * Waits up to `wait` ms for the first. Throws `invalid_cursor`, `cursor_expired`, `unavailable`.
 */
export async function poll(
  topic: Topic,
  since: string | undefined,
  {
    limit,
    wait,
    interval = POLL_INTERVAL,
    maxBytes = MAX_BYTES,
    parameter = "since",
    signal,
  }: Options,
): Promise<ChangesPage> {
  const began = Date.now();
  const deadline = began + wait;
  let { seq, at, digest, head } = await startOf(topic, since, parameter);
  const isSubscribed = (key: string) => key === topic.key;
  const events: Change[] = [];
  let bytes = 0;
  let examined = 0;
  for (;;) {
    const now = Date.now();
    const { changes, more } = await ChangeLog.changesAfter(topic.feed, seq, PAGE, digest);
    for (const change of changes) {
      if (events.length === limit || bytes > maxBytes) break;
      ({ seq, digest } = change);
      at = Date.parse(change.at);
      examined++;
      const op = opFor(change, isSubscribed);
      if (op === undefined) continue;
      events.push(ChangeLog.toClient(change, op));
      bytes += answerBytes(change);
    }
    const behind = more || seq < (changes.at(-1)?.seq ?? 0);
    // The index has nothing up to a head that has not moved for a while: those changes are missing.
    if (seq < head.seq && changes.length === 0 && now - head.movedAt > ChangeLog.INDEX_LAG) {
      throw Offset.expired();
    }
    // At the end of the feed the cursor is as young as the read, so that it does not expire.
    if (!behind && seq >= head.seq) at = Math.max(at, now);
    const full = events.length === limit || bytes > maxBytes || examined >= MAX_EXAMINED;
    const late = behind && Date.now() > Math.max(deadline, began + EXAMINE_FOR);
    if (full || late || (!behind && (events.length > 0 || now >= deadline))) {
      const offset = { seqs: { [topic.feed]: seq }, digests: { [topic.feed]: digest }, at };
      return { events, cursor: Offset.encode(offset), more: behind };
    }
    if (!behind) {
      const ms = Math.min(interval, Math.max(0, deadline - now));
      await pause(ms, undefined, signal && { signal });
    }
  }
}

/**
 * Returns those of the last `count` changes of the topic's feed that match the topic, in the order of
 * the feed, and the cursor after them. Throws `unavailable`.
 */
export async function latest({ feed, key }: Topic, count: number): Promise<ChangesPage> {
  const heads = await ChangeLog.heads([feed]);
  const changes = await ChangeLog.newestChanges(feed, count);
  const events = changes.flatMap((change) => {
    const op = opFor(change, (other) => other === key);
    return op === undefined ? [] : [ChangeLog.toClient(change, op)];
  });
  const newest = changes.at(-1);
  if (!newest) {
    // Changes of the last seconds may not be in the index yet: a reader continues before them.
    return { events, cursor: await ChangeLog.cursorBefore([feed], true), more: false };
  }
  const { seq, digest } = newest;
  const isEnd = seq >= (heads.seqs[feed] ?? 0);
  const at = isEnd ? Date.now() : Date.parse(newest.at);
  const offset = { seqs: { [feed]: seq }, digests: { [feed]: digest }, at };
  return { events, cursor: Offset.encode(offset), more: !isEnd };
}

/** Returns the offset to read from, and the head. Throws `invalid_cursor`, `cursor_expired`. */
async function startOf({ feed }: Topic, since: string | undefined, parameter: string) {
  const heads = await ChangeLog.heads([feed]);
  const head = { seq: heads.seqs[feed] ?? 0, movedAt: heads.movedAt };
  const offset = since === undefined ? heads : Offset.decode(since, parameter);
  const seq = offset.seqs[feed];
  if (seq === undefined) {
    throw new AppError("invalid_cursor", "This cursor belongs to another feed", {
      errors: [{ parameter, code: "invalid", detail: "Not a cursor of this feed" }],
    });
  }
  if (!ChangeLog.isOfSameLog(feed, offset, heads)) throw Offset.expired();
  const at = since === undefined ? Date.now() : offset.at;
  return { seq, at, digest: offset.digests?.[feed], head };
}
