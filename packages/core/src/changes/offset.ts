/**
 * Offsets and cursors. A cursor is an offset in the opaque, signed form that clients hold. Changes
 * are kept for longer than any cursor that leads to them is accepted.
 */

import { hash } from "node:crypto";
import { AppError } from "../error.ts";
import * as SignedToken from "../store/signed-token.ts";

/** The offset in one feed: after the change `seq`, with the digest up to there if it is known. */
export interface FeedOffset {
  seq: number;
  digest?: string | undefined;
}

/**
 * A reader's offset in each feed: the seq of the last change that it has, since every feed is
 * numbered separately. `at` is a time at which no later change had been appended; from it follows
 * whether the next changes are still kept.
 */
export interface Offset {
  seqs: Readonly<Record<string, number>>;
  /**
   * The digest of the log up to each seq, where it is known. After a restore the log has other
   * changes under the same numbers, and another digest.
   */
  digests?: Readonly<Record<string, string | undefined>>;
  at: number; // epoch ms
}

const SCOPE = "changes";
const DAY = 24 * 60 * 60 * 1000; // ms

let retention = 30 * DAY;
/** Names the log in cursors. A restore creates a table of another name, whose log is another one. */
let epoch = "";

/** Sets for how many days changes can be read, and the real name of the table of the log. */
export const configure = (days: number, table = ""): void => {
  retention = days * DAY;
  epoch = hash("sha256", table, "base64url").slice(0, 6);
};

/** Returns when a change that is appended now expires, in epoch seconds: after all its cursors. */
export const expiryOf = (now: number): number => Math.ceil((now + retention + 2 * DAY) / 1000);

/** Returns the part of an offset that is about one feed. */
export const ofFeed = ({ seqs, digests, at }: Offset, feed: string): Offset => ({
  seqs: { [feed]: seqs[feed] ?? 0 },
  digests: { [feed]: digests?.[feed] },
  at,
});

/** What a cursor holds. Cursors without an epoch were issued before it was introduced. */
type Payload = [
  offsets: Record<string, number | [seq: number, digest: string]>,
  at: number,
  epoch?: string,
];

/** Returns the cursor of an offset. */
export function encode({ seqs, digests, at }: Offset): string {
  const offsets = Object.entries(seqs).map(([feed, seq]) => {
    const digest = digests?.[feed];
    return [feed, digest === undefined ? seq : [seq, digest]];
  });
  const payload = [Object.fromEntries(offsets), at, epoch] as Payload;
  return SignedToken.encode(JSON.stringify(payload), SCOPE);
}

/**
 * Returns the offset of a cursor; `parameter` names where the cursor came from. Throws
 * `invalid_cursor`, and `cursor_expired` if changes after it may have been deleted or if it belongs
 * to another log.
 */
export function decode(cursor: string, parameter: string, now = Date.now()): Offset {
  const text = SignedToken.decode(cursor, SCOPE, parameter);
  const [offsets, at, of = epoch] = JSON.parse(text) as Payload;
  if (now - at > retention || of !== epoch) throw expired();
  const entries = Object.entries(offsets);
  const digests = entries.flatMap(([feed, offset]) =>
    typeof offset === "number" ? [] : [[feed, offset[1]]],
  );
  return {
    seqs: Object.fromEntries(
      entries.map(([feed, offset]) => [feed, typeof offset === "number" ? offset : offset[0]]),
    ),
    ...(digests.length > 0 && { digests: Object.fromEntries(digests) as Record<string, string> }),
    at,
  };
}

/** The changes after a cursor cannot be read: too old, missing, or of a log that was replaced. */
export const expired = (): AppError =>
  new AppError(
    "cursor_expired",
    "Changes after this cursor are no longer kept; read the records again",
  );
