/**
 * Reads the change log. Each change of a record is in it once, and each feed is numbered 1, 2, 3, …
 * without gaps. The index, through which changes are read, may be behind the heads.
 */

import type { Feed } from "../catalog/index.ts";
import { query } from "../store/dynamodb.ts";
import { type Page, paged } from "../store/pagination.ts";
import { forgetHeads } from "./append.ts";
import type { Change } from "./change.ts";
import { changeKey, type Head, headOf, type LoggedChange, loggedOf, seqKey } from "./log-row.ts";
import * as Offset from "./offset.ts";

const HOUR = 60 * 60 * 1000; // ms

/**
 * Returns the offset of the end of some feeds, read strongly consistently. Its time is rounded down
 * to the hour, so that the cursor of a quiet feed stays the same for a while and can be cached.
 * Throws `unavailable`.
 */
export async function heads(feeds: readonly Feed[]): Promise<Heads> {
  const now = Date.now();
  const at = now - (now % HOUR);
  const offsets = await Promise.all(feeds.map(async (feed) => [feed, await headOf(feed)] as const));
  const movedAt = Math.max(0, ...offsets.map(([, head]) => head.movedAt ?? 0));
  return { ...offsetOf(offsets, at), movedAt };
}

/** The end of some feeds, and when the last of them was moved there, in epoch ms. */
type Heads = Offset.Offset & { movedAt: number };

const offsetOf = (
  offsets: readonly (readonly [Feed, Offset.FeedOffset])[],
  at: number,
): Offset.Offset => ({
  seqs: Object.fromEntries(offsets.map(([feed, { seq }]) => [feed, seq])),
  digests: Object.fromEntries(offsets.map(([feed, { digest }]) => [feed, digest])),
  at,
});

/**
 * False if a reader's offset in a feed is ahead of the head, or at the head with other changes
 * before it: the log was lost or replaced. `changesAfter` checks an offset before the head.
 */
export function isOfSameLog(feed: Feed, offset: Offset.Offset, head: Offset.Offset): boolean {
  const [seq, end] = [offset.seqs[feed] ?? 0, head.seqs[feed] ?? 0];
  return seq < end || (seq === end && !differ(offset.digests?.[feed], head.digests?.[feed]));
}

/** A change or cursor from before digests were introduced has none. */
const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

/** Ms for which a cursor is reused. An older cursor is safe: it only repeats some changes. */
const CURSOR_REUSE = 1_000;

const recentCursors = new Map<string, { at: number; cursor: Promise<string> }>();

/** Ms by which an index, of the records or of the log, is assumed to be behind at most. */
export const INDEX_LAG = 5_000;

/**
 * Returns a cursor for a read of records that starts after this call. The head is read before the
 * records: in this order a change is in the records, or after the cursor, or both, but never
 * missed. `throughIndex` is for records that are read through an index, which may be behind: their
 * cursor is some seconds older. Reads within a second share one read of the heads. Throws
 * `unavailable`.
 */
export async function cursorBefore(feeds: readonly Feed[], throughIndex = false): Promise<string> {
  const key = `${throughIndex} ${feeds.join(" ")}`;
  let recent = recentCursors.get(key);
  const now = Date.now();
  // In both directions: the clock may have been set back.
  if (recent === undefined || Math.abs(now - recent.at) > CURSOR_REUSE) {
    const offset = throughIndex ? offsetAt(feeds, now - INDEX_LAG) : heads(feeds);
    recent = { at: now, cursor: offset.then(Offset.encode) }; // a signature for each second
    recentCursors.set(key, recent);
    recent.cursor.catch(() => recentCursors.delete(key)); // a failure must not be reused
  }
  return recent.cursor;
}

/** Returns an offset before all changes that were appended since `time` (epoch ms). */
async function offsetAt(feeds: readonly Feed[], time: number): Promise<Offset.Offset> {
  const at = time - (time % HOUR);
  const offsets = feeds.map(
    async (feed) => [feed, await feedOffsetAt(feed, await headOf(feed), time)] as const,
  );
  return offsetOf(await Promise.all(offsets), at);
}

const PAGE = 100;
const MAX_PAGES = 20;

/**
 * Returns an offset up to which all changes were appended before `time`, or an older one. It reads
 * back from the head, which needs no query if the head has not moved since.
 */
async function feedOffsetAt(feed: Feed, head: Head, time: number): Promise<Offset.FeedOffset> {
  if (head.seq === 0 || (head.movedAt ?? time) < time) return head;
  let offset: Offset.FeedOffset = head;
  for (let page = 0; page < MAX_PAGES && offset.seq > 0; page++) {
    const { items } = await query(
      {
        IndexName: "gsi1",
        KeyConditionExpression: "gsi1pk = :feed AND gsi1sk <= :seq",
        ExpressionAttributeValues: { ":feed": feed, ":seq": seqKey(offset.seq) },
        ScanIndexForward: false,
        Limit: PAGE,
      },
      "Changes",
    );
    for (const change of items.map(loggedOf)) {
      if (appendTimeOf(change) < time) return change;
      offset = { seq: change.seq - 1, digest: change.previous };
    }
    // The first changes of a feed may not be in the index yet.
    if (items.length === 0) return page > 0 || head.movedAt === undefined ? offset : { seq: 0 };
  }
  return offset;
}

/** Changes from before append times were stored have only the time of their request. */
const appendTimeOf = ({ appendedAt, at }: LoggedChange): number => appendedAt ?? Date.parse(at);

/** Forgets what this process knows of the log, for tests that switch to other tables. */
export const reset = (): void => {
  forgetHeads();
  recentCursors.clear();
};

/**
 * Returns up to `limit` changes of a feed after `seq`, without a gap. Where a number is missing the
 * index is behind, so the changes after it are left for a later read. `more` is true if a next page
 * can be read now. Throws `cursor_expired` if the change after `seq` is missing for longer than an
 * index is behind, or if it does not follow the changes with this `digest`.
 */
export async function changesAfter(
  feed: Feed,
  seq: number,
  limit: number,
  digest?: string,
): Promise<{ changes: LoggedChange[]; more: boolean }> {
  const { items, more } = await query(
    {
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :feed AND gsi1sk > :seq",
      ExpressionAttributeValues: { ":feed": feed, ":seq": seqKey(seq) },
      Limit: limit,
    },
    "Changes",
  );
  const changes: LoggedChange[] = [];
  for (const item of items) {
    const change = loggedOf(item);
    if (change.seq !== seq + changes.length + 1) {
      if (changes.length === 0 && appendTimeOf(change) < Date.now() - INDEX_LAG) {
        throw Offset.expired();
      }
      return { changes, more: false };
    }
    if (changes.length === 0 && differ(change.previous, digest)) throw Offset.expired();
    changes.push(change);
  }
  return { changes, more };
}

/**
 * Returns up to `count` of the newest changes of a feed, in ascending order and without a gap. Where a
 * number is missing because the index is behind, the changes after it are left for a later read; where
 * older changes have expired, the result begins after them.
 */
export async function newestChanges(feed: Feed, count: number): Promise<LoggedChange[]> {
  const { items } = await query(
    {
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :feed",
      ExpressionAttributeValues: { ":feed": feed },
      ScanIndexForward: false,
      Limit: count,
    },
    "Changes",
  );
  let changes: LoggedChange[] = []; // newest first
  for (const change of items.map(loggedOf)) {
    const later = changes.at(-1);
    if (later && later.seq !== change.seq + 1) {
      if (appendTimeOf(later) < Date.now() - INDEX_LAG) break;
      changes = [];
    }
    changes.push(change);
  }
  return changes.toReversed();
}

/** Returns a change in the form of clients, with its cursor and its `op` for a subscriber. */
export const toClient = (
  { was: _was, is: _is, digest, previous: _previous, appendedAt: _at, ...change }: LoggedChange,
  op = change.op,
): Change => ({
  ...change,
  op,
  cursor: Offset.encode({
    seqs: { [change.feed]: change.seq },
    digests: { [change.feed]: digest },
    at: Date.parse(change.at),
  }),
});

const withoutPlace = ({
  digest: _digest,
  previous: _previous,
  appendedAt: _at,
  ...change
}: LoggedChange): LoggedChange => change;

/** Returns a page of a record's changes that are still kept. Throws `invalid_cursor`. */
export const history = (
  feed: Feed,
  id: string,
  list: { limit: number; order: "asc" | "desc"; nextToken?: string | undefined },
): Promise<Page<LoggedChange>> =>
  paged(`history ${feed} ${id}`, list, async ({ limit, order, after }) => {
    const following = after === undefined ? "" : ` AND sk ${order === "asc" ? ">" : "<"} :after`;
    const { items, more } = await query(
      {
        KeyConditionExpression: `pk = :pk${following}`,
        ExpressionAttributeValues: {
          ":pk": changeKey({ feed, id, version: 0 }).pk,
          ...(after !== undefined && { ":after": after }),
        },
        ConsistentRead: true,
        ScanIndexForward: order === "asc",
        Limit: limit + 1, // to detect another page
      },
      "Changes",
    );
    const page = items.slice(0, limit);
    return {
      items: page.map(loggedOf).map(withoutPlace),
      next: more || items.length > limit ? String(page.at(-1)?.["sk"]) : undefined,
    };
  });
