import type { Feed } from "@stockwire/core/catalog/index";
import type { Change } from "@stockwire/core/changes/change";

/** A feed, one record of it, or the records in one of its filters. */
export type Topic =
  | Feed
  | `${Feed}/${string}`
  | `products?category=${string}`
  | `inventory?level=${"low" | "out"}`
  | `items?type=${string}`;

export interface ParsedTopic {
  text: Topic;
  feed: Feed;
  /** The same for all spellings that the server takes for the same. */
  key: string;
  id?: string;
  filter?: { member: string; value: string };
}

/** Throws `TypeError` for what has no feed; the server says what else is no topic. */
export function parseTopic(text: Topic): ParsedTopic {
  const [, feed, kind, rest = ""] = /^([a-z]+)(?:([/?])(.*))?$/su.exec(text) ?? [];
  if (feed === undefined) throw new TypeError("not a topic");
  const topic = { text, feed: feed as Feed };
  if (kind === undefined) return { ...topic, key: feed };
  if (kind === "/") return { ...topic, key: text, id: rest };
  const [[member = "", given = ""] = []] = new URLSearchParams(rest);
  const value = folded(member, given);
  return { ...topic, key: `${feed}?${member}=${value}`, filter: { member, value } };
}

/** As the server's index has it. */
const folded = (member: string, value: string): string =>
  member === "category" ? value.trim().normalize("NFKC").toLowerCase() : value;

/**
 * What a change is to somebody with some topics of its feed; undefined if it is nothing to them.
 * A connection tells each change once, as it is to all topics of the connection together, so the
 * change itself must tell. One that is truncated can't: it is as the server says if these are all
 * topics (`alone`), else it could be anybody's.
 */
export function changeFor(
  change: Change,
  topics: readonly ParsedTopic[],
  alone: boolean,
): Change | undefined {
  const crossing = change.op === "enter" || change.op === "leave";
  const plain = crossing ? { ...change, op: "update" as const } : change;
  if (topics.some(({ id, filter }) => (id ?? change.id) === change.id && !filter)) return plain;
  const filters = topics.flatMap(({ filter }) => filter ?? []);
  if (filters.length === 0) return undefined;
  if (change.truncated) return alone ? change : plain;

  const { before, data } = change;
  const holds = (record: Change["data"]) =>
    filters.some(({ member, value }) => {
      const own = record?.[member];
      return typeof own === "string" && folded(member, own) === value;
    });
  const was = plain.op !== "create" && holds({ ...data, ...absent(change), ...before });
  const is = plain.op !== "delete" && holds(data);
  if (was && is) return plain;
  if (is) return plain.op === "create" ? plain : { ...plain, op: "enter" };
  if (was) return plain.op === "delete" ? plain : { ...plain, op: "leave" };
  return undefined;
}

/** Members that an update added: they were not there before. */
const absent = ({ changed, before }: Change) =>
  Object.fromEntries(
    changed.filter((name) => !(before && name in before)).map((name) => [name, undefined]),
  );
