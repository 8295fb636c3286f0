import { expect, test } from "vitest";
import { PagedList } from "./paged-list.ts";

const PAGE = 10;
const KEPT = 2;
const idOf = (n: number) => String(100_000 - n).padStart(6, "0"); // descending

/** A server with records of which some can be deleted; a token is the last id of the page before. */
function server(count: number) {
  const records = Array.from({ length: count }, (_, n) => ({ id: idOf(n) }));
  const tokens: (string | undefined)[] = [];
  let isGone = false;
  return {
    tokens,
    remove: (id: string) =>
      records.splice(
        records.findIndex((each) => each.id === id),
        1,
      ),
    setGone: (gone: boolean) => (isGone = gone),
    read: async (token: string | undefined) => {
      tokens.push(token);
      await Promise.resolve();
      if (isGone) throw new Error("gone");
      const rest = records.filter(({ id }) => token === undefined || id < token);
      const rows = rest.slice(0, PAGE);
      return { rows, next: rest.length > PAGE ? (rows.at(-1)?.id ?? null) : null };
    },
  };
}

function listOf(source: ReturnType<typeof server>) {
  const dropped: string[] = [];
  const list = new PagedList<{ id: string }>({
    read: source.read,
    order: "desc",
    kept: KEPT,
    ahead: 5,
    onChange: () => undefined,
    onDropped: ({ id }) => dropped.push(id),
  });
  return { list, dropped };
}

/** The server answers in microtasks: all reads that follow from one are over when the next task begins. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function scrollTo(list: PagedList<{ id: string }>, index: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    list.show(Math.min(index, list.length), Math.min(index + 7, list.length));
    await settled();
    if (list.at(index) || list.isComplete) return;
  }
}

test("a list asks for a page when its rows are near the screen, not for all", async () => {
  const source = server(1_000);
  const { list } = listOf(source);
  list.show(0, 4);
  await settled();
  expect(source.tokens).toEqual([undefined]);
  list.show(2, 7);
  await settled();
  expect(source.tokens).toEqual([undefined, idOf(9)]);
  expect([list.at(0)?.id, list.at(19)?.id, list.at(20)]).toEqual([idOf(0), idOf(19), undefined]);
});

test("a walk over a long list shows every row once, and holds few of them", async () => {
  const { list, dropped } = listOf(server(300));
  const seen: string[] = [];
  for (let index = 0; index < 300; index++) {
    await scrollTo(list, index);
    seen.push(list.at(index)?.id ?? "none");
    expect(list.held().length).toBeLessThanOrEqual((2 * KEPT + 3) * PAGE);
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => idOf(n)));
  expect([list.length, list.isComplete]).toEqual([300, true]);
  expect(dropped.length).toBeGreaterThan(200);
});

test("rows that were forgotten are read again when they are shown", async () => {
  const source = server(300);
  const { list } = listOf(source);
  await scrollTo(list, 200);
  expect(list.at(0)).toBeUndefined();
  await scrollTo(list, 0);
  expect(list.at(0)?.id).toBe(idOf(0));
});

test("a page that is read again after deletions has no row of the next page", async () => {
  const source = server(300);
  const { list } = listOf(source);
  await scrollTo(list, 200);
  const length = list.length;
  source.remove(idOf(3));
  await scrollTo(list, 0);
  expect(list.length).toBe(length - 1);
  while (list.at(18) === undefined) await settled(); // the page after those on screen
  const rows = Array.from({ length: 19 }, (_, index) => list.at(index)?.id);
  expect(rows).toEqual(Array.from({ length: 20 }, (_, n) => idOf(n)).toSpliced(3, 1));
});

test("a deleted record leaves the list", async () => {
  const { list, dropped } = listOf(server(15));
  await scrollTo(list, 14);
  list.remove(idOf(4));
  expect([list.length, list.at(4)?.id]).toEqual([14, idOf(5)]);
  expect(dropped).toEqual([idOf(4)]);
});

test("a read that fails is kept as the failure, and tried again when asked", async () => {
  const source = server(30);
  source.setGone(true);
  const { list } = listOf(source);
  await settled();
  expect(list.failure).toEqual(new Error("gone"));
  list.show(0, 5);
  await settled();
  expect(source.tokens).toHaveLength(1); // no storm of requests
  source.setGone(false);
  list.retry();
  await settled();
  expect([list.failure, list.at(0)?.id]).toEqual([undefined, idOf(0)]);
});

test("an empty list is complete", async () => {
  const { list } = listOf(server(0));
  await settled();
  expect([list.length, list.isReady, list.isComplete]).toEqual([0, true, true]);
});
