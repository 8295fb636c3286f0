/**
 * The change log. Each change of a record is in it once, whatever the stream delivers again, and
 * each feed is numbered 1, 2, 3, … without gaps. A change's key is its record and version, so that
 * it cannot be appended twice; the index finds it by feed and seq; the feed's head holds the last
 * seq.
 */

import type { Feed } from "../catalog/index.ts";
import { AppError } from "../error.ts";
import {
  type Attributes,
  backOff,
  type Key,
  query,
  read,
  transact,
  TransactionCancelled,
  type Write,
} from "../store/dynamodb.ts";
import { type Page, paged } from "../store/pagination.ts";
import type { Change, NewChange } from "./change.ts";
import * as Offset from "./offset.ts";

/** A change with its number in the feed. */
export type LoggedChange = NewChange & { seq: number };

const changeKey = ({ feed, id, version }: Pick<NewChange, "feed" | "id" | "version">): Key => ({
  pk: `${feed}#${id}`,
  sk: String(version).padStart(15, "0"),
});
const headKey = (feed: Feed): Key => ({ pk: `HEAD#${feed}`, sk: "HEAD" });
/** Padded, so that keys sort as numbers do. */
const seqKey = (seq: number) => String(seq).padStart(15, "0");

/** Changes of one transaction. With the head they stay within its 100 items and 4 MB. */
const MAX_CHANGES = 80;

/**
 * The head of each feed when this process last saw it. It saves a read for each append; if it is
 * out of date, the transaction fails and returns the real head.
 */
const lastHeads = new Map<Feed, number>();

/**
 * Appends the changes that are not in the log yet, and returns all of them with their numbers:
 * those of each feed in ascending order. Versions of a record are numbered in ascending order.
 * Gives up at `deadline` (epoch ms). Throws `unavailable`.
 */
export async function append(
  changes: readonly NewChange[],
  deadline: number,
): Promise<LoggedChange[]> {
  const unique = new Map(changes.map((change) => [textOf(changeKey(change)), change]));
  const feeds = Map.groupBy(inVersionOrder([...unique.values()]), ({ feed }) => feed);
  const logged = await Promise.all(
    feeds.entries().map(async ([feed, all]) => {
      const done: LoggedChange[] = [];
      for (let from = 0; from < all.length; from += MAX_CHANGES) {
        done.push(...(await appendTo(feed, all.slice(from, from + MAX_CHANGES), deadline)));
      }
      return done;
    }),
  );
  return logged.flat();
}

const textOf = ({ pk, sk }: Key) => `${pk} ${sk}`;

/** Sorts the versions of each record among their own places. A stream delivers them sorted. */
function inVersionOrder(changes: readonly NewChange[]): NewChange[] {
  const records = Map.groupBy(changes, ({ feed, id }) => `${feed}#${id}`);
  for (const versions of records.values()) versions.sort((a, b) => a.version - b.version);
  return changes.flatMap(({ feed, id }) => records.get(`${feed}#${id}`)?.shift() ?? []);
}

/**
 * One transaction moves the head from n to n + k and puts k changes, so that a number is used only
 * with its change. If it is refused, the items that it returns say why: the head was moved by
 * another process, or a change is in the log already and keeps the number that it has there.
 */
async function appendTo(
  feed: Feed,
  changes: readonly NewChange[],
  deadline: number,
): Promise<LoggedChange[]> {
  const logged: LoggedChange[] = [];
  let head = lastHeads.get(feed) ?? (await headOf(feed));
  let pending = changes;
  for (let tries = 1; pending.length > 0; tries++) {
    const numbered = pending.map((change, index) => ({ ...change, seq: head + 1 + index }));
    try {
      await transact(
        [moveHead(feed, head, pending.length), ...numbered.map(putChange)],
        deadline,
        "Changes",
      );
      logged.push(...numbered);
      head += pending.length;
      break;
    } catch (error) {
      if (!(error instanceof TransactionCancelled)) throw error;
      for (const [index, old] of error.failed) {
        if (index === 0) head = Number(old?.["seq"] ?? 0);
        else logged.push(loggedOf(old as Attributes));
      }
      pending = pending.filter((_, index) => !error.failed.has(index + 1));
    }
    if (Date.now() > deadline) throw new AppError("unavailable", "The log's head is contended");
    if (tries > 1) await backOff(tries);
  }
  lastHeads.set(feed, Math.max(head, lastHeads.get(feed) ?? 0));
  return logged.toSorted((a, b) => a.seq - b.seq);
}

/** Moves the head on, if it is where it is assumed to be. */
const moveHead = (feed: Feed, head: number, count: number): Write => ({
  Update: {
    Key: headKey(feed),
    UpdateExpression: "SET seq = :next",
    ConditionExpression: head === 0 ? "attribute_not_exists(pk)" : "seq = :head",
    ExpressionAttributeValues: { ":next": head + count, ...(head > 0 && { ":head": head }) },
  },
});

/** A change is stored as JSON text, since DynamoDB's own types would change some values. */
const putChange = ({ seq, was, is, ...change }: LoggedChange): Write => ({
  Put: {
    Item: {
      ...changeKey(change),
      gsi1pk: change.feed,
      gsi1sk: seqKey(seq),
      seq,
      was,
      is,
      change: JSON.stringify(change),
      expiresAt: Offset.expiryOf(Date.now()),
    },
    ConditionExpression: "attribute_not_exists(pk)",
  },
});

function loggedOf({ change, seq, was, is }: Attributes): LoggedChange {
  return {
    ...(JSON.parse(String(change)) as NewChange),
    seq: Number(seq),
    ...(typeof was === "string" && { was }),
    ...(typeof is === "string" && { is }),
  };
}

/** Returns the seq of a feed's last change, strongly consistently; 0 if there is none. */
async function headOf(feed: Feed): Promise<number> {
  return Number((await read(headKey(feed), "Changes"))?.["seq"] ?? 0);
}

const HOUR = 60 * 60 * 1000; // ms

/**
 * Returns the offset of the end of some feeds, read strongly consistently. Its time is rounded down
 * to the hour, so that the cursor of a quiet feed stays the same for a while and can be cached.
 * Throws `unavailable`.
 */
export async function heads(feeds: readonly Feed[]): Promise<Offset.Offset> {
  const now = Date.now();
  const at = now - (now % HOUR);
  const seqs = await Promise.all(feeds.map(async (feed) => [feed, await headOf(feed)] as const));
  return { seqs: Object.fromEntries(seqs), at };
}

/** Ms for which a cursor is reused. An older cursor is safe: it only repeats some changes. */
const CURSOR_REUSE = 1_000;

const recentOffsets = new Map<string, { at: number; offset: Promise<Offset.Offset> }>();

/** Ms by which an index of the records is assumed to be behind at most. */
const INDEX_LAG = 5_000;

/**
 * Returns a cursor for a read of records that starts after this call. The head is read before the
 * records: in this order a change is in the records, or after the cursor, or both, but never
 * missed. `throughIndex` is for records that are read through an index, which may be behind: their
 * cursor is some seconds older. Reads within a second share one read of the heads. Throws
 * `unavailable`.
 */
export async function cursorBefore(feeds: readonly Feed[], throughIndex = false): Promise<string> {
  const key = `${throughIndex} ${feeds.join(" ")}`;
  let recent = recentOffsets.get(key);
  if (recent === undefined || Date.now() - recent.at > CURSOR_REUSE) {
    const now = Date.now();
    const offset = throughIndex ? offsetAt(feeds, now - INDEX_LAG) : heads(feeds);
    recent = { at: now, offset };
    recentOffsets.set(key, recent);
    recent.offset.catch(() => recentOffsets.delete(key)); // a failure must not be reused
  }
  return Offset.encode(await recent.offset);
}

/** Returns an offset before all changes since `time` (epoch ms). */
async function offsetAt(feeds: readonly Feed[], time: number): Promise<Offset.Offset> {
  const { seqs, at } = await heads(feeds);
  const earlier = await Promise.all(
    Object.entries(seqs).map(async ([feed, head]) => [
      feed,
      await lastSeqBefore(feed as Feed, head, time),
    ]),
  );
  return { seqs: Object.fromEntries(earlier) as Record<string, number>, at };
}

const PAGE = 100;
const MAX_PAGES = 20;

/** Returns a seq up to which all changes are older than `time`. It reads back from the head. */
async function lastSeqBefore(feed: Feed, head: number, time: number): Promise<number> {
  let last = head;
  for (let page = 0; page < MAX_PAGES && last > 0; page++) {
    const from = Math.max(0, last - PAGE);
    const { changes } = await changesAfter(feed, from, last - from);
    const recent = changes.find(({ at }) => Date.parse(at) >= time);
    if (recent === undefined) return changes.at(-1)?.seq ?? from; // as far as the index shows them
    if (recent.seq > from + 1) return recent.seq - 1;
    last = from;
  }
  return last;
}

/** Forgets what this process knows of the log, for tests that switch to other tables. */
export const reset = (): void => {
  lastHeads.clear();
  recentOffsets.clear();
};

/**
 * Returns up to `limit` changes of a feed after `seq`, without a gap. Where a number is missing the
 * index is behind, so the changes after it are left for a later read. `more` is true if a next page
 * can be read now.
 */
export async function changesAfter(
  feed: Feed,
  seq: number,
  limit: number,
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
    if (change.seq !== seq + changes.length + 1) return { changes, more: false };
    changes.push(change);
  }
  return { changes, more };
}

/** Returns a change in the form of clients, with its cursor and its `op` for a subscriber. */
export const toClient = (
  { was: _was, is: _is, ...change }: LoggedChange,
  op = change.op,
): Change => ({
  ...change,
  op,
  cursor: Offset.encode({
    seqs: { [change.feed]: change.seq },
    at: Date.parse(change.at),
  }),
});

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
      items: page.map(loggedOf),
      next: more || items.length > limit ? String(page.at(-1)?.["sk"]) : undefined,
    };
  });
