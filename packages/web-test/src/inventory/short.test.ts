import { expect, test } from "vitest";
import { pageOfShort } from "./short.ts";

/** A list of `out` and `low` levels, whose page tokens are offsets. */
function listOf(out: number, low: number) {
  const all = {
    out: Array.from({ length: out }, (_, index) => `out${index}`),
    low: Array.from({ length: low }, (_, index) => `low${index}`),
  };
  return async (query: { limit: string; level: "out" | "low"; nextToken?: string }) => {
    const from = Number(query.nextToken ?? 0);
    const to = from + Number(query.limit);
    const items = all[query.level].slice(from, to);
    return { items, nextToken: to < all[query.level].length ? String(to) : null };
  };
}

async function walk(out: number, low: number, limit: number): Promise<string[]> {
  const list = listOf(out, low);
  const items: string[] = [];
  let token: string | null = "out:";
  while (token !== null) {
    const page: { items: readonly string[]; nextToken: string | null } = await pageOfShort(
      list,
      limit,
      token,
    );
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    token = page.nextToken;
  }
  return items;
}

test("a walk returns what is out, then what is low, each once", async () => {
  for (const [out, low] of [
    [0, 0],
    [3, 0],
    [0, 7],
    [5, 5],
    [4, 9],
    [12, 1],
  ] as const) {
    const items = await walk(out, low, 5);
    expect(items.length, `${out} out, ${low} low`).toBe(out + low);
    expect(items.slice(0, out).every((item) => item.startsWith("out"))).toBe(true);
    expect(new Set(items).size).toBe(out + low);
  }
});
