import { type Feed, isFeed, resourceOf, resources } from "../catalog/index.ts";
import type { Change } from "./change.ts";
import type { LoggedChange } from "./log.ts";
import { PathId } from "../id.ts";

/** What a client can listen to: a feed, one record of it, or the records in one of its filters. */
export interface Topic {
  text: string; // as the client wrote it
  feed: Feed;
  /** The same for all spellings. */
  key: string;
}

/** The scope that reads the changes of a feed; `admin` grants it, too. */
export const readScope = (feed: Feed) => resources[feed].scopes.read;

const MAX_LENGTH = 1024;

/** Undefined for what is no topic. */
export function parse(text: string): Topic | undefined {
  const [, feed = "", kind, rest = ""] = /^([a-z]+)(?:([/?])(.*))?$/su.exec(text) ?? [];
  if (!isFeed(feed) || text.length > MAX_LENGTH) return undefined;
  if (kind === undefined) return { text, feed, key: feed };
  if (kind === "/") {
    return PathId.safeParse(rest).success ? { text, feed, key: `${feed}/${rest}` } : undefined;
  }
  const { filter } = resourceOf(feed);
  const given = [...new URLSearchParams(rest)];
  const [first] = given;
  const value =
    given.length === 1 && first && first[0] === filter?.parameter ? first[1] : undefined;
  const key = value === undefined ? undefined : filter?.partition(value);
  return key === undefined ? undefined : { text, feed, key: `${feed}?${key}` };
}

/** The keys of all topics that a change touches. */
export const keysOf = ({ feed, id, was, is }: LoggedChange): string[] => [
  ...new Set([
    feed,
    `${feed}/${id}`,
    ...[was, is].flatMap((partition) => (partition === undefined ? [] : `${feed}?${partition}`)),
  ]),
];

/**
 * What a change is to somebody who listens to some topics; undefined if it is nothing to them. To
 * filters alone an update is `enter` or `leave` where it moves the record across all of them.
 */
export function opFor(
  { feed, id, op, was, is }: LoggedChange,
  listens: (key: string) => boolean,
): Change["op"] | undefined {
  if (listens(feed) || listens(`${feed}/${id}`)) return op;
  const left = was !== undefined && listens(`${feed}?${was}`);
  const entered = is !== undefined && listens(`${feed}?${is}`);
  if (left && entered) return op;
  if (entered) return op === "create" ? op : "enter";
  if (left) return op === "delete" ? op : "leave";
  return undefined;
}
