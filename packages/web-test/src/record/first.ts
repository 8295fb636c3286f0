/** The beginning of a list, for an order that the server does not have: it orders lists by id only. */

export interface Page<T> {
  items: readonly T[];
  nextToken: string | null;
}

export interface ListQuery {
  limit: string;
  order: "asc" | "desc";
  nextToken?: string;
}

export type FetchPage<T> = (query: ListQuery) => Promise<Page<T>>;

export interface First<T> {
  items: readonly T[];
  /** False if the list has more records. */
  isWhole: boolean;
}

/** The most records that are read of a list. */
export const MOST = 1_000;

const PER_REQUEST = 100; // records

/** Reads a list from its start up to `MOST` records, or until `isWanted` is false. */
export async function readFirst<T>(
  fetchPage: FetchPage<T>,
  order: ListQuery["order"],
  isWanted: () => boolean,
): Promise<First<T>> {
  const items: T[] = [];
  let nextToken: string | null = null;
  do {
    const page: Page<T> = await fetchPage({
      limit: String(Math.min(PER_REQUEST, MOST - items.length)),
      order,
      ...(nextToken !== null && { nextToken }),
    });
    items.push(...page.items);
    nextToken = page.nextToken;
  } while (nextToken !== null && items.length < MOST && isWanted());
  return { items, isWhole: nextToken === null };
}
