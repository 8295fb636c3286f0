/**
 * Subscribes a connection to topics and replays what it missed. No change is lost: the subscription
 * is written, then the heads are read, then the log is replayed up to them. A change appended
 * before the heads were read is replayed; a later one finds the subscription and is delivered.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Feed } from "../catalog/index.ts";
import * as ChangeLog from "../changes/log.ts";
import type { LoggedChange } from "../changes/log-row.ts";
import * as Offset from "../changes/offset.ts";
import { parse, type Topic } from "../changes/topic.ts";
import { AppError } from "../error.ts";
import * as Connection from "./connection.ts";
import { eventFrames, type Reply, type ResetReason } from "./protocol.ts";

/**
 * Answers to a subscribe frame: one `subscribed`, then a `reset` for each feed that cannot be
 * replayed, then the replay's `events`, then `caught_up`. A feed whose changes turn out to be missing
 * is reset during the replay. Live `events` can come in between.
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

/**
 * Ms after which a replay that has nothing to send sends a frame without changes: its cursor shows the
 * client that the replay continues, and is where to resume if the connection is lost.
 */
const SILENCE = 5_000;

const PAGE = 100;

/** A replay that has begun. It is plain data, so that a queue can carry it. */
export interface Replay {
  /** The feeds that are left, each with the offset from which and the seq up to which. */
  feeds: { feed: Feed; topics: string[]; seq: number; digest?: string | undefined; head: number }[];
  /** Up to here the connection has been sent every change or a `reset`. */
  sent: Offset.Offset;
  heads: Offset.Offset;
}

/**
 * Subscribes a connection, and replays the changes after the cursor `since` if there is one. Stops
 * as soon as the connection is gone. At `until` (epoch ms) it returns what is left of the replay, for
 * `continueReplay`. Throws `invalid_cursor`, `unavailable`, and the refusal of `guard`.
 */
export async function subscribe(
  connection: Connection.Connection,
  topics: readonly Topic[],
  since: string | undefined,
  sender: Sender,
  until = Infinity,
  guard: Guard = ALL,
): Promise<Replay | undefined> {
  // A forged cursor is refused here, before anything is written.
  const from = since === undefined ? undefined : offsetOf(since);
  const byFeed = Map.groupBy(topics, ({ feed }) => feed);
  const { heads, lost } = await subscribeThenRead(connection, topics, guard.permits);
  if (lost.length > 0) throw guard.refusal(lost);
  const feeds = [...byFeed].map(([feed, feedTopics]) => {
    const head = heads.seqs[feed] ?? 0;
    return { feed, topics: textsOf(feedTopics), head, ...startOf(feed, from, heads) };
  });

  // An expired cursor has no offset that can be kept.
  const known = from === "expired" ? undefined : (from ?? heads);
  let sent = createSent(
    known,
    feeds.map(({ feed }) => feed),
    heads,
  );
  const cursor = since ?? Offset.encode(heads);
  if (!(await sender.reply({ type: "subscribed", topics: textsOf(topics), cursor }))) {
    return undefined;
  }
  for (const { feed, topics: feedTopics, reset: reason } of feeds) {
    if (reason === undefined) continue;
    sent = sentUpTo(sent, feed, endOf(feed, heads));
    const frame = { topics: feedTopics, reason, cursor: Offset.encode(sent) };
    if (!(await sender.reply({ type: "reset", ...frame }))) return undefined;
  }
  if (since === undefined) return undefined;
  const left = feeds.map(({ reset: _reset, ...feed }) => feed);
  return continueReplay({ feeds: left, sent, heads }, sender, { until });
}

/** What to do if an `auth` stores another token while a subscription is written. */
interface Guard {
  permits: (token: Connection.Connection, topic: Topic) => boolean;
  /** The error for the topics that the new token does not permit; others of the frame are kept. */
  refusal: (topics: readonly Topic[]) => Error;
}

const ALL: Guard = { permits: () => true, refusal: () => new Error("all topics are permitted") };

/**
 * Subscribes, with the token that is stored in the end, and returns the heads as they were afterwards.
 * Topics that a new token does not permit are ended and returned.
 */
async function subscribeThenRead(
  connection: Connection.Connection,
  topics: readonly Topic[],
  permits: Guard["permits"],
): Promise<{ heads: Offset.Offset; lost: Topic[] }> {
  await Connection.subscribe(connection, topics);
  const [heads, renewed] = await Promise.all([
    ChangeLog.heads([...new Set(topics.map(({ feed }) => feed))]),
    Connection.renewedSince(connection),
  ]);
  if (renewed === undefined) return { heads, lost: [] };
  const { kept = [], lost = [] } = Object.groupBy(topics, (topic) =>
    permits(renewed, topic) ? "kept" : "lost",
  );
  await Connection.unsubscribe(
    renewed.id,
    lost.map(({ key }) => key),
  );
  const end = await subscribeThenRead(renewed, kept, permits);
  return { heads: end.heads, lost: [...lost, ...end.lost] };
}

/**
 * Sends the changes that are left of a replay, and then `caught_up`. At `until` (epoch ms) it returns
 * what is left, but not before one page of changes, so that each call makes progress. Topics that are
 * not subscribed any more are left out. Stops as soon as the connection is gone. Throws `unavailable`.
 */
export async function continueReplay(
  { feeds, sent: begin, heads }: Replay,
  { reply, send }: Sender,
  { until, isSubscribed }: { until: number; isSubscribed?: (key: string) => boolean },
): Promise<Replay | undefined> {
  let sent = begin;
  let lastFrameAt = Date.now();
  for (const [n, { feed, topics, seq, digest, head }] of feeds.entries()) {
    const keys = new Set(topics.flatMap((text) => parse(text)?.key ?? []));
    const matches = (key: string) => keys.has(key) && (isSubscribed?.(key) ?? true);
    try {
      for await (const changes of changesUpTo(feed, { seq, digest }, head)) {
        const cursorAfter = (last: Offset.FeedOffset) => Offset.encode(sentUpTo(sent, feed, last));
        const frames = eventFrames(changes, matches, cursorAfter);
        const last = changes.at(-1) as LoggedChange;
        sent = sentUpTo(sent, feed, last);
        if (frames.length === 0 && Date.now() - lastFrameAt >= SILENCE) frames.push(progress(sent));
        for (const frame of frames) {
          if (!(await send(frame))) return undefined;
          lastFrameAt = Date.now();
        }
        if (Date.now() < until) continue;
        const rest = { feed, topics, seq: last.seq, digest: last.digest, head };
        return { feeds: [rest, ...feeds.slice(n + 1)], sent, heads };
      }
    } catch (error) {
      if (!isExpired(error)) throw error;
      sent = sentUpTo(sent, feed, endOf(feed, heads));
      const frame = { topics, reason: "cursor_expired", cursor: Offset.encode(sent) } as const;
      if (!(await reply({ type: "reset", ...frame }))) return undefined;
    }
    sent = sentUpTo(sent, feed, endOf(feed, heads));
  }
  await reply({ type: "caught_up", cursor: Offset.encode(heads) });
  return undefined;
}

/** An `events` frame without changes. */
const progress = (sent: Offset.Offset): string =>
  JSON.stringify({ type: "events", events: [], cursor: Offset.encode(sent) });

const endOf = (feed: Feed, { seqs, digests }: Offset.Offset): Offset.FeedOffset => ({
  seq: seqs[feed] ?? 0,
  digest: digests?.[feed],
});

/**
 * Returns the offset up to which the connection has been sent every change or a `reset`, when the
 * answer begins: the client's own in these feeds. Every frame's cursor is such an offset, so that a
 * client which loses its connection after any frame can resume from it. A feed that the client's
 * cursor lacks stays left out until its `reset`.
 */
function createSent(
  own: Offset.Offset | undefined,
  feeds: readonly Feed[],
  heads: Offset.Offset,
): Offset.Offset {
  const known = feeds.filter((feed) => own?.seqs[feed] !== undefined);
  return {
    seqs: Object.fromEntries(known.map((feed) => [feed, own?.seqs[feed] ?? 0])),
    digests: Object.fromEntries(known.map((feed) => [feed, own?.digests?.[feed]])),
    at: Math.min(own?.at ?? heads.at, heads.at),
  };
}

const sentUpTo = (
  { seqs, digests, at }: Offset.Offset,
  feed: Feed,
  { seq, digest }: Offset.FeedOffset,
): Offset.Offset => ({
  seqs: { ...seqs, [feed]: seq },
  digests: { ...digests, [feed]: digest },
  at,
});

const textsOf = (topics: readonly Topic[]) => topics.map(({ text }) => text);

const isExpired = (error: unknown): boolean =>
  error instanceof AppError && error.code === "cursor_expired";

/** An expired cursor does not prevent the subscription: it is answered with a `reset`. */
function offsetOf(since: string): Offset.Offset | "expired" {
  try {
    return Offset.decode(since, "since");
  } catch (error) {
    if (isExpired(error)) return "expired";
    throw error;
  }
}

/** Returns where the replay of a feed starts: at the head, with a reason, if it is not possible. */
function startOf(
  feed: Feed,
  from: Offset.Offset | "expired" | undefined,
  heads: Offset.Offset,
): Offset.FeedOffset & { reset?: ResetReason } {
  const head = endOf(feed, heads);
  if (from === undefined) return head;
  if (from === "expired") return { ...head, reset: "cursor_expired" };
  const seq = from.seqs[feed];
  if (seq === undefined) return { ...head, reset: "not_in_cursor" };
  if (!ChangeLog.isOfSameLog(feed, from, heads)) return { ...head, reset: "unknown_position" };
  if (head.seq - seq > MAX_REPLAY) return { ...head, reset: "too_far_behind" };
  return { seq, digest: from.digests?.[feed] };
}

/**
 * Returns the changes of a feed after an offset and up to `head`, without a gap. The index may be
 * behind the head, which was read strongly consistently. Throws `cursor_expired` if a change is
 * missing for longer than that, or if the changes are not those of the offset's log.
 */
async function* changesUpTo(feed: Feed, { seq: start, digest }: Offset.FeedOffset, head: number) {
  let seq = start;
  let last = digest;
  let giveUpAt = Date.now() + ChangeLog.INDEX_LAG;
  while (seq < head) {
    const { changes } = await ChangeLog.changesAfter(feed, seq, PAGE, last);
    const wanted = changes.filter((change) => change.seq <= head);
    if (wanted.length === 0) {
      if (Date.now() > giveUpAt) throw Offset.expired();
      await pause(20);
      continue;
    }
    giveUpAt = Date.now() + ChangeLog.INDEX_LAG;
    seq += wanted.length;
    last = wanted.at(-1)?.digest;
    yield wanted;
  }
}
