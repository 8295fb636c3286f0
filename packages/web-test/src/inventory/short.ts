/** The levels that are out, then those that are low, as one paged list. */

interface Page<T> {
  items: readonly T[];
  nextToken: string | null;
}

interface Query {
  limit: string;
  level: "out" | "low";
  nextToken?: string;
}

/**
 * A page of the joined list. Its page tokens are those of the server with the level before them, as in
 * `out:…`. Where the products that are out end, the page is filled with those that are low.
 */
export async function pageOfShort<T>(
  list: (query: Query) => Promise<Page<T>>,
  limit: number,
  pageToken = "out:",
): Promise<Page<T>> {
  const level = pageToken.startsWith("low:") ? "low" : "out";
  const token = pageToken.slice(4);
  const read = (of: "out" | "low", most: number, from: string) =>
    list({ limit: String(most), level: of, ...(from !== "" && { nextToken: from }) });
  const page = await read(level, limit, token);
  if (page.nextToken !== null) return { ...page, nextToken: `${level}:${page.nextToken}` };
  if (level === "low") return page;
  const left = limit - page.items.length;
  if (left <= 0) return { ...page, nextToken: "low:" };
  const rest = await read("low", left, "");
  const nextToken = rest.nextToken === null ? null : `low:${rest.nextToken}`;
  return { items: [...page.items, ...rest.items], nextToken };
}
