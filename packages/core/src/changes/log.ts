import type { Change, NewChange, Feed } from "./change.ts";
import { AppError } from "../error.ts";
import { type Page, paged } from "../store/pagination.ts";
import * as Offset from "./offset.ts";
import {
  type Attributes,
  backOff,
  TransactionCancelled,
  type Key,
  query,
  read,
  transact,
  type Write,
} from "../store/dynamodb.ts";

/**
 * The change log: each change of a record once, and numbered in its feed without gaps. An item's key
 * is its record and version, so that the same change can't get in twice, whatever the stream
 * delivers again; the index has it under its number; each feed's head holds the last number.
 */

/** A change in its place. */
export type LoggedChange = NewChange & { seq: number };

const changeKey = ({ feed, id, version }: Pick<NewChange, "feed" | "id" | "version">): Key => ({
  pk: `${feed}#${id}`,
  sk: String(version).padStart(15, "0"),
});
const headKey = (feed: Feed): Key => ({ pk: `HEAD#${feed}`, sk: "HEAD" });
const seqKey = (seq: number) => String(seq).padStart(15, "0");

/** Of one transaction: with its head, DynamoDB takes 100 items and 4 MB. */
const MAX_ENTRIES = 80;

/** The last number that this process saw in each feed; a later one only costs a try. */
const seen = new Map<Feed, number>();

/**
 * Appends what is not in the log yet, and gives all of it with its numbers, in the order given; of
 * one record the order is that of its versions. Throws `unavailable`.
 */
export async function append(
  entries: readonly NewChange[],
  deadline: number,
): Promise<LoggedChange[]> {
  const once = new Map(entries.map((entry) => [textOf(changeKey(entry)), entry]));
  const feeds = Map.groupBy(inOrder([...once.values()]), ({ feed }) => feed);
  const logged = await Promise.all(
    feeds.entries().map(async ([feed, all]) => {
      const done: LoggedChange[] = [];
      for (let from = 0; from < all.length; from += MAX_ENTRIES) {
        done.push(...(await appendTo(feed, all.slice(from, from + MAX_ENTRIES), deadline)));
      }
      return done;
    }),
  );
  return logged.flat();
}

const textOf = ({ pk, sk }: Key) => `${pk} ${sk}`;

/** Versions of one record are put in order where they stand; a stream has them so already. */
function inOrder(entries: readonly NewChange[]): NewChange[] {
  const records = Map.groupBy(entries, ({ feed, id }) => `${feed}#${id}`);
  for (const versions of records.values()) versions.sort((a, b) => a.version - b.version);
  return entries.flatMap(({ feed, id }) => records.get(`${feed}#${id}`)?.shift() ?? []);
}

async function appendTo(
  feed: Feed,
  entries: readonly NewChange[],
  deadline: number,
): Promise<LoggedChange[]> {
  const logged: LoggedChange[] = [];
  let head = seen.get(feed) ?? (await headOf(feed));
  let fresh = entries;
  for (let tries = 1; fresh.length > 0; tries++) {
    const numbered = fresh.map((entry, index) => ({ ...entry, seq: head + 1 + index }));
    try {
      await transact(
        [advance(feed, head, fresh.length), ...numbered.map(putChange)],
        deadline,
        "Changes",
      );
      logged.push(...numbered);
      head += fresh.length;
      break;
    } catch (error) {
      if (!(error instanceof TransactionCancelled)) throw error;
      for (const [index, old] of error.failed) {
        if (index === 0) head = Number(old?.["seq"] ?? 0);
        else logged.push(loggedOf(old as Attributes)); // it was delivered before
      }
      fresh = fresh.filter((_, index) => !error.failed.has(index + 1));
    }
    if (Date.now() > deadline) throw new AppError("unavailable", "The log's head is contended");
    if (tries > 1) await backOff(tries);
  }
  seen.set(feed, Math.max(head, seen.get(feed) ?? 0));
  return logged.toSorted((a, b) => a.seq - b.seq);
}

/** Moves the head on from where it is taken to be. */
const advance = (feed: Feed, head: number, count: number): Write => ({
  Update: {
    Key: headKey(feed),
    UpdateExpression: "SET seq = :next",
    ConditionExpression: head === 0 ? "attribute_not_exists(pk)" : "seq = :head",
    ExpressionAttributeValues: { ":next": head + count, ...(head > 0 && { ":head": head }) },
  },
});

/** The change is kept as JSON text: exact, whatever DynamoDB's own types hold. */
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

/** The number of a feed's last change, strongly consistently; 0 if there is none. */
async function headOf(feed: Feed): Promise<number> {
  return Number((await read(headKey(feed), "Changes"))?.["seq"] ?? 0);
}

const HOUR = 60 * 60 * 1000; // ms

/**
 * Where some feeds end. The time is that of the hour's beginning, so that a feed in which nothing
 * happens has the same cursor for a while. Throws `unavailable`.
 */
export async function heads(feeds: readonly Feed[]): Promise<Offset.Offset> {
  const now = Date.now();
  const at = now - (now % HOUR);
  const seqs = await Promise.all(feeds.map(async (feed) => [feed, await headOf(feed)] as const));
  return { seqs: Object.fromEntries(seqs), at };
}

/** Of a position that is handed out again, in ms: an earlier one only repeats some changes. */
const FRESH = 1_000;

const recent = new Map<string, { at: number; position: Promise<Offset.Offset> }>();

/** Ms by which an index of the records may be behind them. */
const INDEX_LAG = 5_000;

/**
 * A cursor from before now: whoever reads records after this call, and then the changes after the
 * cursor, misses nothing. For records that are read through an index, which may be behind, it is an
 * earlier one. Many reads a second share one look at the heads.
 */
export async function cursorBefore(feeds: readonly Feed[], throughIndex = false): Promise<string> {
  const key = `${throughIndex} ${feeds.join(" ")}`;
  let known = recent.get(key);
  if (known === undefined || Date.now() - known.at > FRESH) {
    const now = Date.now();
    const position = throughIndex ? positionAt(feeds, now - INDEX_LAG) : heads(feeds);
    known = { at: now, position };
    recent.set(key, known);
    known.position.catch(() => recent.delete(key));
  }
  return Offset.encode(await known.position);
}

/** A position after which there is every change that was made since a time, in epoch ms. */
async function positionAt(feeds: readonly Feed[], time: number): Promise<Offset.Offset> {
  const { seqs, at } = await heads(feeds);
  const earlier = await Promise.all(
    Object.entries(seqs).map(async ([feed, head]) => [
      feed,
      await lastBefore(feed as Feed, head, time),
    ]),
  );
  return { seqs: Object.fromEntries(earlier) as Record<string, number>, at };
}

const PAGE = 100;
const MAX_PAGES = 20;

/** The number of a change up to which all are older than a time. */
async function lastBefore(feed: Feed, head: number, time: number): Promise<number> {
  let last = head;
  for (let page = 0; page < MAX_PAGES && last > 0; page++) {
    const from = Math.max(0, last - PAGE);
    const { changes } = await changesAfter(feed, from, last - from);
    const young = changes.find(({ at }) => Date.parse(at) >= time);
    if (young === undefined) return changes.at(-1)?.seq ?? from; // what the log's index shows yet
    if (young.seq > from + 1) return young.seq - 1;
    last = from;
  }
  return last;
}

/** Forgets what this process has seen: its tables are others now. */
export const reset = (): void => {
  seen.clear();
  recent.clear();
};

/**
 * Up to `limit` changes of a feed after a number, without a gap: where one is missing the index is
 * behind, and what follows is told later. `more` says whether there was no end in sight.
 */
export async function changesAfter(
  feed: Feed,
  seq: number,
  limit: number,
): Promise<{ changes: LoggedChange[]; more: boolean }> {
  const { items, more } = await query(
    {
      IndexName: "gsi1",
      KeyConditionExpression: "gsi1pk = :feed AND gsi1sk > :place",
      ExpressionAttributeValues: { ":feed": feed, ":place": seqKey(seq) },
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

/** The change as clients are told. */
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

/** The changes of one record, newest first or last; those that are still kept. */
export const history = (
  feed: Feed,
  id: string,
  list: { limit: number; order: "asc" | "desc"; nextToken?: string | undefined },
): Promise<Page<LoggedChange>> =>
  paged(`history ${feed} ${id}`, list, async ({ limit, order, after: from }) => {
    const { items, more } = await query(
      {
        KeyConditionExpression: `pk = :pk${from === undefined ? "" : ` AND sk ${order === "asc" ? ">" : "<"} :from`}`,
        ExpressionAttributeValues: {
          ":pk": changeKey({ feed, id, version: 0 }).pk,
          ...(from !== undefined && { ":from": from }),
        },
        ConsistentRead: true,
        ScanIndexForward: order === "asc",
        Limit: limit + 1,
      },
      "Changes",
    );
    const page = items.slice(0, limit);
    return {
      items: page.map(loggedOf),
      next: more || items.length > limit ? String(page.at(-1)?.["sk"]) : undefined,
    };
  });
