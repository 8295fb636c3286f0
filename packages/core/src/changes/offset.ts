/**
 * Offsets and cursors. A cursor is an offset in the opaque, signed form that clients hold. Changes
 * are kept for longer than any cursor that leads to them is accepted.
 */

import { AppError } from "../error.ts";
import * as SignedToken from "../store/signed-token.ts";

/**
 * A reader's offset in each feed: the seq of the last change that it has, since every feed is
 * numbered separately. `at` is a time at which no later change had been appended; from it follows
 * whether the next changes are still kept.
 */
export interface Offset {
  seqs: Readonly<Record<string, number>>;
  at: number; // epoch ms
}

const SCOPE = "changes";
const DAY = 24 * 60 * 60 * 1000; // ms

let retention = 30 * DAY;

/** Sets for how many days changes can be read. */
export const configure = (days: number): void => {
  retention = days * DAY;
};

/** Returns when a change that is appended now expires, in epoch seconds: after all its cursors. */
export const expiryOf = (now: number): number => Math.ceil((now + retention + 2 * DAY) / 1000);

/** Returns the cursor of an offset. */
export const encode = ({ seqs, at }: Offset): string =>
  SignedToken.encode(JSON.stringify([seqs, at]), SCOPE);

/**
 * Returns the offset of a cursor; `parameter` names where the cursor came from. Throws
 * `invalid_cursor`, and `cursor_expired` if changes after it may have been deleted.
 */
export function decode(cursor: string, parameter: string, now = Date.now()): Offset {
  const [seqs, at] = JSON.parse(SignedToken.decode(cursor, SCOPE, parameter)) as [
    Offset["seqs"],
    number,
  ];
  if (now - at > retention) {
    const detail = "Changes after this cursor are no longer kept; read the records again";
    throw new AppError("cursor_expired", detail);
  }
  return { seqs, at };
}
