/** Long poll: reads the changes of one topic over HTTP, with the same order as the Live API. */

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
/** Changes of the feed that one call examines for its topic. */
const MAX_EXAMINED = 2_000;
/** Bytes of changes in one answer, as `answerBytes` counts them. A Lambda's answer has at most 6 MB. */
const MAX_BYTES = 3 * 1024 * 1024;

/**
 * Returns up to `limit` changes of a topic after the cursor `since`; without one, from now on.
 * Waits up to `wait` ms for the first. Throws `invalid_cursor`, `cursor_expired`, `unavailable`.
 */
export async function poll(
  topic: Topic,
  since: string | undefined,
  { limit, wait }: { limit: number; wait: number },
): Promise<ChangesPage> {
  const deadline = Date.now() + wait;
  let { seq, at } = await startOf(topic, since);
  const isSubscribed = (key: string) => key === topic.key;
  const events: Change[] = [];
  let bytes = 0;
  let examined = 0;
  for (;;) {
    const now = Date.now();
    const { changes, more } = await ChangeLog.changesAfter(topic.feed, seq, limit);
    for (const change of changes) {
      if (events.length === limit || bytes > MAX_BYTES) break;
      seq = change.seq;
      at = Date.parse(change.at);
      examined++;
      const op = opFor(change, isSubscribed);
      if (op === undefined) continue;
      events.push(ChangeLog.toClient(change, op));
      bytes += answerBytes(change);
    }
    const behind = more || seq < (changes.at(-1)?.seq ?? 0);
    // At the end of the feed the cursor is as young as the read, so that it does not expire.
    if (!behind) at = Math.max(at, now);
    const full = events.length === limit || bytes > MAX_BYTES || examined >= MAX_EXAMINED;
    if (full || (!behind && (events.length > 0 || now >= deadline))) {
      return {
        events,
        cursor: Offset.encode({ seqs: { [topic.feed]: seq }, at }),
        more: behind,
      };
    }
    if (!behind) await pause(Math.min(POLL_INTERVAL, Math.max(0, deadline - now)));
  }
}

async function startOf({ feed }: Topic, since: string | undefined) {
  const { seqs, at: now } = await ChangeLog.heads([feed]);
  const head = seqs[feed] ?? 0;
  if (since === undefined) return { seq: head, at: now };
  const offset = Offset.decode(since, "since");
  const seq = offset.seqs[feed];
  if (seq === undefined) {
    throw new AppError("invalid_cursor", "This cursor belongs to another feed", {
      errors: [{ parameter: "since", code: "invalid", detail: "Not a cursor of this feed" }],
    });
  }
  // A cursor beyond the head comes from a log that was lost or replaced.
  if (seq > head) {
    const detail = "This cursor is ahead of the change log; read the records again";
    throw new AppError("cursor_expired", detail);
  }
  return { seq, at: offset.at };
}
