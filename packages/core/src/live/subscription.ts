import { eventFrames, type ResetReason } from "./protocol.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Feed } from "../changes/change.ts";
import * as ChangeLog from "../changes/log.ts";
import * as Connection from "./connection.ts";
import { AppError } from "../error.ts";
import * as Offset from "../changes/offset.ts";
import type { Topic } from "../changes/topic.ts";

/** What a subscription tells its client, in this order but for `events` that are live already. */
export type SubscriptionFrame =
  | { type: "subscribed"; topics: string[]; cursor: string }
  | { type: "reset"; topics: string[]; reason: ResetReason; cursor: string }
  | { type: "caught_up"; cursor: string };

/** More changes than this are not replayed: reading records anew is quicker. */
export const MAX_REPLAY = 10_000; // of one feed

const PAGE = 100;
/** Ms that an index may be behind before the client is told to try again. */
const PATIENCE = 5_000;

/**
 * Subscribes a connection, tells what it missed since a cursor, and says when it has caught up.
 *
 * The order is what makes it lossless: the subscription is written, then the heads are read, then
 * the log is read up to them. A change that is appended before the heads were read is replayed; one
 * that is appended later finds the subscription. Throws `invalid_cursor`, `unavailable`.
 */
export async function subscribe(
  connection: Connection.Connection,
  topics: readonly Topic[],
  since: string | undefined,
  port: {
    tell: (frame: SubscriptionFrame) => Promise<boolean>;
    /** Sends a frame as it is; false once the connection is gone. */
    send: (frame: string) => Promise<boolean>;
  },
): Promise<void> {
  const from = since === undefined ? undefined : positionOf(since);
  await Connection.subscribe(connection, topics);
  const byFeed = Map.groupBy(topics, ({ feed }) => feed);
  const heads = await ChangeLog.heads([...byFeed.keys()]);
  const starts = [...byFeed].map(([feed, of]) => ({
    feed,
    topics: of,
    ...startOf(feed, from, heads.seqs[feed] ?? 0),
  }));

  const seqs = Object.fromEntries(starts.map(({ feed, seq }) => [feed, seq]));
  const at = from === "expired" || from === undefined ? heads.at : Math.min(from.at, heads.at);
  const position = Offset.encode({ seqs, at });
  const texts = topics.map(({ text }) => text);
  if (!(await port.tell({ type: "subscribed", topics: texts, cursor: position }))) return;
  const caughtUp = Offset.encode(heads);
  for (const { topics: of, reset } of starts) {
    if (reset === undefined) continue;
    const reread = { topics: of.map(({ text }) => text), reason: reset, cursor: caughtUp };
    if (!(await port.tell({ type: "reset", ...reread }))) return;
  }
  if (since === undefined) return;
  for (const { feed, topics: of, seq } of starts) {
    const keys = new Set(of.map(({ key }) => key));
    const listens = (key: string) => keys.has(key);
    for await (const changes of changesUpTo(feed, seq, heads.seqs[feed] ?? 0)) {
      for (const frame of eventFrames(changes, listens)) {
        if (!(await port.send(frame))) return;
      }
    }
  }
  await port.tell({ type: "caught_up", cursor: caughtUp });
}

function positionOf(since: string): Offset.Offset | "expired" {
  try {
    return Offset.decode(since, "since");
  } catch (error) {
    if (error instanceof AppError && error.code === "cursor_expired") return "expired";
    throw error;
  }
}

/** Where replay starts; at the head, and with a reason, where it can't start from the cursor. */
function startOf(
  feed: Feed,
  from: Offset.Offset | "expired" | undefined,
  head: number,
): { seq: number; reset?: ResetReason } {
  if (from === undefined) return { seq: head };
  if (from === "expired") return { seq: head, reset: "cursor_expired" };
  const seq = from.seqs[feed];
  if (seq === undefined) return { seq: head, reset: "not_in_cursor" };
  if (seq > head) return { seq: head, reset: "unknown_position" };
  if (head - seq > MAX_REPLAY) return { seq: head, reset: "too_far_behind" };
  return { seq };
}

/** The changes of a feed up to a head that has been read, without a gap. */
async function* changesUpTo(feed: Feed, start: number, head: number) {
  let seq = start;
  let patience = Date.now() + PATIENCE;
  while (seq < head) {
    const { changes } = await ChangeLog.changesAfter(feed, seq, PAGE);
    const wanted = changes.filter((change) => change.seq <= head);
    if (wanted.length === 0) {
      // The index is behind the head; what is in the log will come.
      if (Date.now() > patience) throw new AppError("unavailable", "The log is behind; try again");
      await pause(20);
      continue;
    }
    patience = Date.now() + PATIENCE;
    seq += wanted.length;
    yield wanted;
  }
}
