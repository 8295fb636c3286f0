/**
 * Topics, and which changes belong to one. A connection gets each change once, for all its topics
 * together, so the client must find out again to which of its subscriptions a change belongs, and
 * as what: its results must be those of the server.
 */

import type { Change, Feed } from "../api.gen.ts";

/** A feed, one record of a feed, or the records of a feed in one filter. */
export type Topic =
  | Feed
  | `${Feed}/${string}`
  | `products?category=${string}`
  | `inventory?level=${"low" | "out"}`
  | `items?type=${string}`;

export interface ParsedTopic {
  text: Topic;
  feed: Feed;
  /** The same for all spellings that mean the same to the server. */
  key: string;
  id?: string;
  filter?: { member: string; value: string };
}

/** Throws `TypeError` if the text does not begin with a feed. The server checks the rest. */
export function parseTopic(text: Topic): ParsedTopic {
  const [, feed, kind, rest = ""] = /^([a-z]+)(?:([/?])(.*))?$/su.exec(text) ?? [];
  if (feed === undefined) throw new TypeError("not a topic");
  const topic = { text, feed: feed as Feed };
  if (kind === undefined) return { ...topic, key: feed };
  if (kind === "/") return { ...topic, key: text, id: rest };
  const [[member = "", given = ""] = []] = new URLSearchParams(rest);
  const value = normalize(member, given);
  return { ...topic, key: `${feed}?${member}=${value}`, filter: { member, value } };
}

/** The value as the server's index has it: categories ignore case and surrounding space. */
const normalize = (member: string, value: string): string =>
  member === "category" ? value.trim().normalize("NFKC").toLowerCase() : value;

/**
 * The change as a subscriber of some topics of its feed must see it; undefined if it matches none.
 * The members of the change decide that, as `before` and `data` show whether it was and is in a
 * filter. A truncated change has neither: `alone` says that these are all the connection's topics
 * of the feed, so that the server's own answer holds; otherwise every subscriber gets the change.
 */
export function changeFor(
  change: Change,
  topics: readonly ParsedTopic[],
  alone: boolean,
): Change | undefined {
  // The server decides `enter` and `leave` for all topics of the connection together.
  const crossing = change.op === "enter" || change.op === "leave";
  const plain = crossing ? { ...change, op: "update" as const } : change;
  if (topics.some(({ id, filter }) => (id ?? change.id) === change.id && !filter)) return plain;
  const filters = topics.flatMap(({ filter }) => filter ?? []);
  if (filters.length === 0) return undefined;
  if (change.truncated) return alone ? change : plain;

  const { before, data } = change;
  const matches = (record: Change["data"]) =>
    filters.some(({ member, value }) => {
      const own = record?.[member];
      return typeof own === "string" && normalize(member, own) === value;
    });
  const was = plain.op !== "create" && matches({ ...data, ...added(change), ...before });
  const is = plain.op !== "delete" && matches(data);
  if (was && is) return plain;
  if (is) return plain.op === "create" ? plain : { ...plain, op: "enter" };
  if (was) return plain.op === "delete" ? plain : { ...plain, op: "leave" };
  return undefined;
}

/** The members that an update added, as undefined: the record did not have them before. */
const added = ({ changed, before }: Change) =>
  Object.fromEntries(
    changed.filter((name) => !(before && name in before)).map((name) => [name, undefined]),
  );
