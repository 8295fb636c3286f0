import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { ANNOUNCED, FEEDS, resources, SCOPES } from "../../src/catalog/index.ts";
import { keysOf, parse, readScope } from "../../src/changes/topic.ts";

/** Returns the kinds of all record stores that the files of the catalog export. */
async function storedKinds(): Promise<string[]> {
  const folder = new URL("../../src/catalog/", import.meta.url);
  const kinds: string[] = [];
  for (const name of readdirSync(folder)) {
    const module = (await import(new URL(name, folder).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      const isStore = typeof value === "object" && value !== null && "newRecord" in value;
      if (isStore && "kind" in value) kinds.push(String(value.kind));
    }
  }
  return kinds;
}

test("every resource that is stored is listed, so that its changes are announced", async () => {
  const kinds = await storedKinds();
  expect(kinds.length).toBeGreaterThan(0);
  expect(Object.values(resources).map(({ records }) => records.kind)).toEqual(
    expect.arrayContaining(kinds),
  );
  expect(ANNOUNCED.toSorted()).toEqual(kinds.map((kind) => `${kind}#`).toSorted());
});

test("each resource has a kind, a tag and a not-found code of its own", () => {
  const all = Object.values(resources);
  for (const values of [
    all.map(({ records }) => records.kind),
    all.map(({ tag }) => tag),
    all.map(({ records }) => records.notFound),
  ]) {
    expect(new Set(values).size).toBe(all.length);
  }
});

test.each(FEEDS)("%s has topics for the feed, one record and its filter", (feed) => {
  expect(parse(feed)).toMatchObject({ feed, key: feed });
  expect(parse(`${feed}/a-record`)).toMatchObject({ feed, key: `${feed}/a-record` });
  expect(parse(`${feed}?unknown=low`)).toBeUndefined();
  const { filter } = { filter: undefined, ...resources[feed] };
  if (filter === undefined) return;
  const topic = parse(`${feed}?${filter.parameter}=low`);
  const change = { feed, id: "a-record", was: undefined, is: filter.partition("low") };
  expect(keysOf(change as Parameters<typeof keysOf>[0])).toContain(topic?.key);
});

test("the read scope of each feed is one that tokens can have", () => {
  for (const feed of FEEDS) expect(SCOPES).toContain(readScope(feed));
  expect(SCOPES).toContain("admin");
});
