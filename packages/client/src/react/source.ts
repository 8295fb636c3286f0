/** Which records a hook shows, where they are read, and the topic of their changes. */

import type { Client, Feed } from "../api.gen.ts";
import type { Answer } from "../call.ts";
import { MissingCursorError, ProblemError } from "../error.ts";
import { pages, type Snapshot, unwrap } from "../http.ts";
import type { Topic } from "../live/topic.ts";

type Listed<F extends Feed> =
  Awaited<ReturnType<Client[F]["$get"]>> extends Answer<infer P>
    ? P extends { items: (infer T)[] }
      ? T
      : never
    : never;

/** The record of each feed. */
export type Records = { [F in Feed]: Listed<F> };

/** The filters that topics have. */
export interface Filters {
  products: { readonly category?: string | undefined };
  inventory: { readonly level?: "low" | "out" | undefined };
  items: { readonly type?: string | undefined };
}

/** The filter of a feed; of the others none can be given. */
export type Filter<F extends Feed> = F extends keyof Filters
  ? Filters[F]
  : Readonly<Record<string, never>>;

/** `key` names the source: hooks with the same key share one collection. */
export interface Source<T> {
  feed: Feed;
  key: Topic;
  load: (client: Client, signal: AbortSignal) => Promise<Snapshot<T>>;
}

interface Page {
  items: Records[Feed][];
  nextToken: string | null;
}

/** Throws `TypeError` for more than one filter: no topic has two. */
export function listSource<F extends Feed>(feed: F, filter: Filter<F> | undefined) {
  const given = Object.entries(filter ?? {}).filter(([, value]) => value !== undefined);
  if (given.length > 1) throw new TypeError("A collection has one filter at most");
  const query = given.map(([name, value]) => `?${name}=${encodeURIComponent(String(value))}`);
  const source: Source<Records[F]> = {
    feed,
    key: `${feed}${query.join("")}` as Topic,
    load: (client, signal) => {
      const list = client[feed].$get as (
        input: { query: object },
        options: { signal: AbortSignal },
      ) => Promise<Answer<Page>>;
      const all: object = Object.fromEntries(given);
      return pages((page) => list({ query: { ...page, ...all } }, { signal }))() as Promise<
        Snapshot<Records[F]>
      >;
    },
  };
  return source;
}

/** The one record with this id, or none: it may be created later. */
export function recordSource<F extends Feed>(feed: F, id: string) {
  const source: Source<Records[F]> = {
    feed,
    key: `${feed}/${id}`,
    async load(client, signal) {
      const first = await readRecord(client, feed, id, signal);
      if (first) return first as Snapshot<Records[F]>;
      // A 404 has no cursor. One that is taken before the record is read again misses no change.
      const list = await client[feed].$get({ query: { limit: 1 } }, { signal });
      await unwrap<unknown>(list);
      const cursor = cursorOf(list);
      const second = await readRecord(client, feed, id, signal);
      return (second ?? { records: [], cursor }) as Snapshot<Records[F]>;
    },
  };
  return source;
}

function cursorOf({ headers }: Response): string {
  const cursor = headers.get("Feed-Cursor");
  if (cursor === null) throw new MissingCursorError("the answer has no Feed-Cursor");
  return cursor;
}

/** Undefined if there is no record with this id. */
export async function readRecord(client: Client, feed: Feed, id: string, signal: AbortSignal) {
  const answer: Answer<Records[Feed]> =
    feed === "inventory"
      ? await client.inventory[":productId"].$get({ param: { productId: id } }, { signal })
      : await client[feed][":id"].$get({ param: { id } }, { signal });
  try {
    const record = await unwrap(answer);
    return { records: [record], cursor: cursorOf(answer) };
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return undefined;
    throw error;
  }
}
