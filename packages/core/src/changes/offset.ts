import * as SignedToken from "../store/signed-token.ts";
import { AppError } from "../error.ts";

/**
 * Where a reader stands in some feeds. It is a vector, since feeds are numbered apart, with the time
 * at which nothing later than it had been appended: that tells whether what follows is still kept.
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

/** Epoch seconds after which a change that is appended now may go: later than any cursor to it. */
export const expiryOf = (now: number): number => Math.ceil((now + retention + 2 * DAY) / 1000);

/** The opaque form that clients hold. */
export const encode = ({ seqs, at }: Offset): string =>
  SignedToken.encode(JSON.stringify([seqs, at]), SCOPE);

/** Throws `invalid_cursor`, and `cursor_expired` for one that is older than what is kept. */
export function decode(cursor: string, parameter: string, now = Date.now()): Offset {
  const [seqs, at] = JSON.parse(SignedToken.decode(cursor, SCOPE, parameter)) as [
    Offset["seqs"],
    number,
  ];
  if (now - at > retention) {
    throw new AppError("cursor_expired", "Changes after this cursor are no longer kept; read anew");
  }
  return { seqs, at };
}
