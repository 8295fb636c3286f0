/** Appends to the change log: numbers each change once, without gaps, whatever the stream delivers again. */

import { hash } from "node:crypto";
import type { Feed } from "../catalog/index.ts";
import { AppError } from "../error.ts";
import {
  type Attributes,
  type Key,
  transact,
  TransactionCancelled,
  type Write,
} from "../store/dynamodb.ts";
import { backOff } from "../store/retry.ts";
import type { NewChange } from "./change.ts";
import {
  changeKey,
  type Head,
  headIn,
  headKey,
  headOf,
  type LoggedChange,
  loggedOf,
  putChange,
} from "./log-row.ts";
import type * as Offset from "./offset.ts";

/** Changes of one transaction. With the head they stay within its 100 items and 4 MB. */
const MAX_CHANGES = 80;

/**
 * The head of each feed when this process last saw it. It saves a read for each append; if it is
 * out of date, the transaction fails and returns the real head.
 */
const lastHeads = new Map<Feed, Head>();

/** Forgets the heads that this process knows, for tests that switch to other tables. */
export const forgetHeads = (): void => lastHeads.clear();

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
    const numbered = numberedAfter(head, pending);
    const last = numbered.at(-1) as LoggedChange;
    try {
      await transact([moveHead(feed, head, last), ...numbered.map(putChange)], deadline, "Changes");
      logged.push(...numbered);
      head = { seq: last.seq, digest: last.digest };
      break;
    } catch (error) {
      if (!(error instanceof TransactionCancelled)) throw error;
      for (const [index, old] of error.failed) {
        if (index === 0) head = headIn(old);
        else logged.push(loggedOf(old as Attributes));
      }
      pending = pending.filter((_, index) => !error.failed.has(index + 1));
    }
    if (Date.now() > deadline) throw new AppError("unavailable", "The log's head is contended");
    if (tries > 1) await backOff(tries);
  }
  if (head.seq > (lastHeads.get(feed)?.seq ?? 0)) lastHeads.set(feed, head);
  return logged.toSorted((a, b) => a.seq - b.seq);
}

function numberedAfter(head: Offset.FeedOffset, changes: readonly NewChange[]): LoggedChange[] {
  const appendedAt = Date.now();
  let previous = head.digest;
  return changes.map((change, index) => {
    const digest = digestOf(previous, change);
    const numbered = { ...change, seq: head.seq + 1 + index, digest, previous, appendedAt };
    previous = digest;
    return numbered;
  });
}

/**
 * Returns the digest of a feed up to a change, from the digest up to the change before it. Logs with
 * the same digest have the same changes up to there, so it detects a cursor of a log that a restore
 * has replaced. 48 bits: this is a check of identity, cursors are signed.
 */
const digestOf = (previous: string | undefined, { id, version, at, requestId }: NewChange) =>
  hash("sha256", JSON.stringify([previous, id, version, at, requestId]), "base64url").slice(0, 8);

/** Moves the head on, if it is where it is assumed to be. */
const moveHead = (feed: Feed, head: Head, { seq, digest, appendedAt }: LoggedChange): Write => ({
  Update: {
    Key: headKey(feed),
    UpdateExpression: "SET seq = :next, digest = :digest, movedAt = :now",
    ConditionExpression: head.seq === 0 ? "attribute_not_exists(pk)" : "seq = :head",
    ExpressionAttributeValues: {
      ":next": seq,
      ":digest": digest,
      ":now": appendedAt,
      ...(head.seq > 0 && { ":head": head.seq }),
    },
  },
});
