import { expect, test } from "vitest";
import { type ListQuery, MOST, readFirst } from "./first.ts";

/** A list of numbers; a page token is the number of records before the page. */
function listOf(length: number, perPage = Infinity) {
  const queries: ListQuery[] = [];
  const fetchPage = async (query: ListQuery) => {
    queries.push(query);
    await Promise.resolve();
    const from = Number(query.nextToken ?? 0);
    const to = Math.min(length, from + Math.min(Number(query.limit), perPage));
    const items = Array.from({ length: to - from }, (_, index) => from + index);
    return { items, nextToken: to < length ? String(to) : null };
  };
  return { fetchPage, queries };
}

const upTo = (length: number) => Array.from({ length }, (_, index) => index);

test("a list is read to its end, also if its pages are shorter than was asked", async () => {
  for (const perPage of [Infinity, 7]) {
    const { fetchPage, queries } = listOf(250, perPage);
    const read = await readFirst(fetchPage, "asc", () => true);
    expect(read).toEqual({ items: upTo(250), isWhole: true });
    expect(new Set(queries.map(({ order }) => order))).toEqual(new Set(["asc"]));
  }
});

test("of a long list the first records are read, and it is known that there are more", async () => {
  const { fetchPage, queries } = listOf(MOST + 1, 70);
  const read = await readFirst(fetchPage, "desc", () => true);
  expect(read).toEqual({ items: upTo(MOST), isWhole: false });
  expect(queries.at(-1)?.limit).toBe(String(MOST % 70));
  expect(await readFirst(listOf(MOST).fetchPage, "desc", () => true)).toMatchObject({
    isWhole: true,
  });
});

test("an empty list is one request, and a list that is no longer wanted is not read on", async () => {
  const empty = listOf(0);
  expect(await readFirst(empty.fetchPage, "desc", () => true)).toEqual({
    items: [],
    isWhole: true,
  });
  expect(empty.queries).toHaveLength(1);
  const long = listOf(500);
  await readFirst(long.fetchPage, "desc", () => long.queries.length < 2);
  expect(long.queries).toHaveLength(2);
});
