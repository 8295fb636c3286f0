/**
 * Topics: what a client can subscribe to. It is a feed, one record of it, or the records in one of
 * its filters. Each topic has one key, whatever its spelling, and each change lists the keys that
 * it matches, so that subscribers are found by equality.
 */

import { type Feed, isFeed, resourceOf, resources, type Scope } from "../catalog/index.ts";
import { canonicalId, PathId } from "../id.ts";
import type { Change } from "./change.ts";
import type { LoggedChange } from "./log-row.ts";

export interface Topic {
  text: string; // as the client wrote it
  feed: Feed;
  /** The same for all spellings. */
  key: string;
}

/** Returns the scope that reads the changes of a feed; `admin` grants it as well. */
export const readScope = (feed: Feed): Scope => resources[feed].scopes.read;

const MAX_LENGTH = 1024;

/** Returns the topic of a text such as `users`, `users/ID` or `items?type=a`; undefined if none. */
export function parse(text: string): Topic | undefined {
  const [, feed = "", kind, rest = ""] = /^([a-z]+)(?:([/?])(.*))?$/su.exec(text) ?? [];
  if (!isFeed(feed) || text.length > MAX_LENGTH) return undefined;
  if (kind === undefined) return { text, feed, key: feed };
  if (kind === "/") {
    if (!PathId.safeParse(rest).success) return undefined;
    return { text, feed, key: `${feed}/${feed === "items" ? rest : canonicalId(rest)}` };
  }
  const { filter } = resourceOf(feed);
  const parameters = [...new URLSearchParams(rest)];
  const [first] = parameters;
  const value =
    parameters.length === 1 && first && first[0] === filter?.parameter ? first[1] : undefined;
  const partition = value === undefined ? undefined : filter?.partition(value);
  return partition === undefined ? undefined : { text, feed, key: `${feed}?${partition}` };
}

/** Returns the keys of all topics that a change matches. */
export const keysOf = ({ feed, id, was, is }: LoggedChange): string[] => [
  ...new Set([
    feed,
    `${feed}/${id}`,
    ...[was, is].flatMap((partition) => (partition === undefined ? [] : `${feed}?${partition}`)),
  ]),
];

/**
 * Returns a change's `op` for a subscriber, given the keys of its topics; undefined if the change
 * matches none. A subscriber to filters only sees an update as `enter` or `leave` if it moves the
 * record into or out of all of them.
 */
export function opFor(
  { feed, id, op, was, is }: LoggedChange,
  isSubscribed: (key: string) => boolean,
): Change["op"] | undefined {
  if (isSubscribed(feed) || isSubscribed(`${feed}/${id}`)) return op;
  const left = was !== undefined && isSubscribed(`${feed}?${was}`);
  const entered = is !== undefined && isSubscribed(`${feed}?${is}`);
  if (left && entered) return op;
  if (entered) return op === "create" ? op : "enter";
  if (left) return op === "delete" ? op : "leave";
  return undefined;
}
