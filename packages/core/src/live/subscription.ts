/**
 * Subscribes a connection to topics and replays what it missed. No change is lost: the subscription
 * is written, then the heads are read, then the log is replayed up to them. A change appended
 * before the heads were read is replayed; a later one finds the subscription and is delivered.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Feed } from "../catalog/index.ts";
import * as ChangeLog from "../changes/log.ts";
import * as Offset from "../changes/offset.ts";
import type { Topic } from "../changes/topic.ts";
import { AppError } from "../error.ts";
import * as Connection from "./connection.ts";
import { eventFrames, type Reply, type ResetReason } from "./protocol.ts";

/**
 * Answers to a subscribe frame: one `subscribed`, then a `reset` for each feed that cannot be
 * replayed, then the replay's `events`, then `caught_up`. Live `events` can come in between.
 */
export type SubscriptionFrame = Reply<"subscribed" | "reset" | "caught_up">;

/** How frames are sent to the connection. Both resolve to false once it is gone. */
interface Sender {
  /** Sends an answer to the client's frame. */
  reply: (frame: SubscriptionFrame) => Promise<boolean>;
  /** Sends the text of a frame. */
  send: (frame: string) => Promise<boolean>;
}

/** Changes of one feed that are replayed at most; for more, reading the records is quicker. */
export const MAX_REPLAY = 10_000;

const PAGE = 100;
/** Ms for which the index may be behind the head before the replay gives up. */
const INDEX_PATIENCE = 5_000;

/**
 * Subscribes a connection, and replays the changes after the cursor `since` if there is one. Stops
 * as soon as the connection is gone. Throws `invalid_cursor`, `unavailable`.
 */
export async function subscribe(
  connection: Connection.Connection,
  topics: readonly Topic[],
  since: string | undefined,
  { reply, send }: Sender,
): Promise<void> {
  // A forged cursor is refused here, before anything is written.
  const from = since === undefined ? undefined : offsetOf(since);
  await Connection.subscribe(connection, topics);
  const byFeed = Map.groupBy(topics, ({ feed }) => feed);
  const heads = await ChangeLog.heads([...byFeed.keys()]);
  const feeds = [...byFeed].map(([feed, feedTopics]) => {
    const head = heads.seqs[feed] ?? 0;
    return { feed, topics: feedTopics, head, ...startOf(feed, from, head) };
  });

  const seqs = Object.fromEntries(feeds.map(({ feed, seq }) => [feed, seq]));
  const at = from === "expired" || from === undefined ? heads.at : Math.min(from.at, heads.at);
  const start = Offset.encode({ seqs, at });
  if (!(await reply({ type: "subscribed", topics: textsOf(topics), cursor: start }))) return;
  const end = Offset.encode(heads);
  for (const { topics: feedTopics, reset } of feeds) {
    if (reset === undefined) continue;
    const frame = { topics: textsOf(feedTopics), reason: reset, cursor: end };
    if (!(await reply({ type: "reset", ...frame }))) return;
  }
  if (since === undefined) return;
  for (const { feed, topics: feedTopics, seq, head } of feeds) {
    const keys = new Set(feedTopics.map(({ key }) => key));
    const isSubscribed = (key: string) => keys.has(key);
    for await (const changes of changesUpTo(feed, seq, head)) {
      for (const frame of eventFrames(changes, isSubscribed)) {
        if (!(await send(frame))) return;
      }
    }
  }
  await reply({ type: "caught_up", cursor: end });
}

const textsOf = (topics: readonly Topic[]) => topics.map(({ text }) => text);

/** An expired cursor does not prevent the subscription: it is answered with a `reset`. */
function offsetOf(since: string): Offset.Offset | "expired" {
  try {
    return Offset.decode(since, "since");
  } catch (error) {
    if (error instanceof AppError && error.code === "cursor_expired") return "expired";
    throw error;
  }
}

/** Returns where the replay of a feed starts: at the head, with a reason, if it is not possible. */
function startOf(
  feed: Feed,
  from: Offset.Offset | "expired" | undefined,
  head: number,
): { seq: number; reset?: ResetReason } {
  if (from === undefined) return { seq: head };
  if (from === "expired") return { seq: head, reset: "cursor_expired" };
  const seq = from.seqs[feed];
  if (seq === undefined) return { seq: head, reset: "not_in_cursor" };
  if (seq > head) return { seq: head, reset: "unknown_position" }; // the log was lost or replaced
  if (head - seq > MAX_REPLAY) return { seq: head, reset: "too_far_behind" };
  return { seq };
}

/** Returns the changes of a feed after `start` and up to `head`, without a gap. */
async function* changesUpTo(feed: Feed, start: number, head: number) {
  let seq = start;
  let giveUpAt = Date.now() + INDEX_PATIENCE;
  while (seq < head) {
    const { changes } = await ChangeLog.changesAfter(feed, seq, PAGE);
    const wanted = changes.filter((change) => change.seq <= head);
    if (wanted.length === 0) {
      // The head was read strongly consistently, so the index is behind and will have the change.
      if (Date.now() > giveUpAt) throw new AppError("unavailable", "The log is behind; try again");
      await pause(20);
      continue;
    }
    giveUpAt = Date.now() + INDEX_PATIENCE;
    seq += wanted.length;
    yield wanted;
  }
}
