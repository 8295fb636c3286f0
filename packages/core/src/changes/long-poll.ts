import { setTimeout as pause } from "node:timers/promises";
import type { Change } from "./change.ts";
import * as ChangeLog from "./log.ts";
import { AppError } from "../error.ts";
import * as Offset from "./offset.ts";
import { opFor, type Topic } from "./topic.ts";

export interface ChangesPage {
  events: Change[];
  cursor: string;
  /** Whether there is more to read at once. */
  more: boolean;
}

/** Ms between looks at the log. */
const PERIOD = 150;
/** Changes that one call looks through for those of its topic. */
const MAX_LOOKED_AT = 2_000;
/** Bytes of changes in one answer: a Lambda answers 6 MB at most. */
const MAX_BYTES = 3 * 1024 * 1024;

/**
 * The changes of a topic after a cursor, from now on without one; waits up to `wait` ms for the
 * first. Throws `invalid_cursor`, `cursor_expired`, `unavailable`.
 */
export async function poll(
  topic: Topic,
  since: string | undefined,
  { limit, wait }: { limit: number; wait: number },
): Promise<ChangesPage> {
  const deadline = Date.now() + wait;
  let { seq, at } = await startOf(topic, since);
  const listens = (key: string) => key === topic.key;
  const events: Change[] = [];
  let bytes = 0;
  let lookedAt = 0;
  for (;;) {
    const now = Date.now();
    const { changes, more } = await ChangeLog.changesAfter(topic.feed, seq, limit);
    for (const change of changes) {
      if (events.length === limit || bytes > MAX_BYTES) break;
      seq = change.seq;
      at = Date.parse(change.at);
      lookedAt++;
      const op = opFor(change, listens);
      if (op === undefined) continue;
      events.push(ChangeLog.toClient(change, op));
      bytes += JSON.stringify(change).length;
    }
    const behind = more || seq < (changes.at(-1)?.seq ?? 0);
    if (!behind) at = Math.max(at, now);
    const enough = events.length === limit || bytes > MAX_BYTES || lookedAt >= MAX_LOOKED_AT;
    if (enough || (!behind && (events.length > 0 || now >= deadline))) {
      return {
        events,
        cursor: Offset.encode({ seqs: { [topic.feed]: seq }, at }),
        more: behind,
      };
    }
    if (!behind) await pause(Math.min(PERIOD, Math.max(0, deadline - now)));
  }
}

async function startOf({ feed }: Topic, since: string | undefined) {
  const { seqs, at: now } = await ChangeLog.heads([feed]);
  const head = seqs[feed] ?? 0;
  if (since === undefined) return { seq: head, at: now };
  const position = Offset.decode(since, "since");
  const seq = position.seqs[feed];
  if (seq === undefined) {
    throw new AppError("invalid_cursor", "This cursor is one of another feed", {
      errors: [{ parameter: "since", code: "invalid", detail: "Not a cursor of this feed" }],
    });
  }
  if (seq > head) throw new AppError("cursor_expired", "These changes are no longer there");
  return { seq, at: position.at };
}
