/**
 * How the change log is stored: a change's key is its record and version, so that it cannot be
 * appended twice; the index finds it by feed and seq; the feed's head holds the last seq.
 */

import type { Feed } from "../catalog/index.ts";
import { type Attributes, type Key, read, type Write } from "../store/dynamodb.ts";
import type { NewChange } from "./change.ts";
import * as Offset from "./offset.ts";

/** A change with its number in the feed. */
export type LoggedChange = NewChange & {
  seq: number;
  /** The digest of the feed up to this change, and up to the one before it. See `digestOf`. */
  digest?: string | undefined;
  previous?: string | undefined;
  /** When it was appended, in epoch ms. Its `at` is when its request began. */
  appendedAt?: number | undefined;
};

/** The end of a feed, and when it was moved there, in epoch ms. */
export interface Head extends Offset.FeedOffset {
  movedAt?: number | undefined;
}

export const changeKey = ({
  feed,
  id,
  version,
}: Pick<NewChange, "feed" | "id" | "version">): Key => ({
  pk: `${feed}#${id}`,
  sk: String(version).padStart(15, "0"),
});
export const headKey = (feed: Feed): Key => ({ pk: `HEAD#${feed}`, sk: "HEAD" });
/** Padded, so that keys sort as numbers do. */
export const seqKey = (seq: number) => String(seq).padStart(15, "0");

/** A change is stored as JSON text, since DynamoDB's own types would change some values. */
export const putChange = ({
  seq,
  was,
  is,
  digest,
  previous,
  appendedAt,
  ...change
}: LoggedChange): Write => ({
  Put: {
    Item: {
      ...changeKey(change),
      gsi1pk: change.feed,
      gsi1sk: seqKey(seq),
      seq,
      was,
      is,
      digest,
      previous,
      appendedAt,
      change: JSON.stringify(change),
      expiresAt: Offset.expiryOf(Date.now()),
    },
    ConditionExpression: "attribute_not_exists(pk)",
  },
});

export function loggedOf({ change, seq, was, is, ...row }: Attributes): LoggedChange {
  const { digest, previous, appendedAt } = row as Partial<LoggedChange>;
  return {
    ...(JSON.parse(String(change)) as NewChange),
    seq: Number(seq),
    ...(typeof was === "string" && { was }),
    ...(typeof is === "string" && { is }),
    ...(digest !== undefined && { digest }),
    ...(previous !== undefined && { previous }),
    ...(appendedAt !== undefined && { appendedAt }),
  };
}

export const headIn = (row: Attributes | undefined): Head => {
  const { seq = 0, digest, movedAt } = (row ?? {}) as Partial<Head>;
  return { seq, digest, movedAt };
};

/** Returns the end of a feed, strongly consistently; its seq is 0 if the feed has no change. */
export const headOf = async (feed: Feed): Promise<Head> =>
  headIn(await read(headKey(feed), "Changes"));
