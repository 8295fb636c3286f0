import { expect, test } from "vitest";
import type { Difference } from "./difference.ts";
import { CHUNK, runCount } from "./run.ts";

const all = Array.from({ length: 60 }, (_, index): Difference => ({
  line: index + 1,
  typed: `S${index}`,
  kind: "change",
  productId: `p${index}`,
  name: `P${index}`,
  from: 0,
  to: index,
}));

/** The server refuses these products. */
class Refused extends Error {
  readonly products: readonly string[];
  constructor(...products: readonly string[]) {
    super("refused");
    this.products = products;
  }
}

type Chunk = readonly Difference[];

function options(send: (chunk: Chunk, key: string) => Promise<unknown>) {
  const progress: number[] = [];
  const controller = new AbortController();
  return {
    progress,
    controller,
    given: {
      run: "r",
      send,
      refusalsOf: (error: unknown, chunk: Chunk) =>
        error instanceof Refused
          ? new Map(
              chunk
                .filter(({ productId }) => error.products.includes(productId))
                .map((difference) => [difference, "sold meanwhile"]),
            )
          : undefined,
      untilBack: () => Promise.resolve(),
      onProgress: (outcomes: readonly unknown[]) => progress.push(outcomes.length),
      signal: controller.signal,
    },
  };
}

const idsOf = (chunk: Chunk) => chunk.map(({ productId }) => productId);

test("everything is counted, in chunks, and each with a key of its own", async () => {
  const sent: string[][] = [];
  const keys: string[] = [];
  const { progress, given } = options(async (chunk, key) => {
    sent.push(idsOf(chunk));
    keys.push(key);
  });
  const outcomes = await runCount(all, given);
  expect(outcomes).toEqual(all.map((difference) => ({ difference, kind: "counted" })));
  expect(sent.map((ids) => ids.length)).toEqual([CHUNK, CHUNK, 10]);
  expect(sent.flat()).toEqual(idsOf(all));
  expect(new Set(keys).size).toBe(3);
  expect(progress).toEqual([CHUNK, 2 * CHUNK, 60]);
});

test("a chunk begins when the one before it is settled", async () => {
  let inFlight = 0;
  let most = 0;
  const { given } = options(async () => {
    most = Math.max(most, ++inFlight);
    await Promise.resolve();
    inFlight--;
  });
  await runCount(all, given);
  expect(most).toBe(1);
});

test("a chunk without an answer is sent again with the same key and products", async () => {
  const tries = new Map<string, string[]>();
  const { given } = options(async (chunk, key) => {
    const before = tries.get(key) ?? [];
    tries.set(key, [...before, idsOf(chunk).join(" ")]);
    if (before.length < 2) throw new TypeError("connection lost");
  });
  const outcomes = await runCount(all, given);
  expect(outcomes.filter(({ kind }) => kind === "counted")).toHaveLength(60);
  expect([...tries.values()].map((sent) => sent.length)).toEqual([3, 3, 3]);
  for (const sent of tries.values()) expect(new Set(sent).size).toBe(1);
});

test("of a refused chunk the others are held back, and it is not repeated", async () => {
  let sent = 0;
  const { given } = options(async (chunk) => {
    sent++;
    if (idsOf(chunk).includes("p30")) throw new Refused("p30", "p31");
  });
  const outcomes = await runCount(all, given);
  expect(sent).toBe(3);
  const of = (kind: string) => outcomes.filter((outcome) => outcome.kind === kind);
  expect(of("refused")).toEqual([
    { difference: all[30], kind: "refused", refusal: "sold meanwhile" },
    { difference: all[31], kind: "refused", refusal: "sold meanwhile" },
  ]);
  expect(of("held").map(({ difference }) => difference)).toEqual([
    ...all.slice(25, 30),
    ...all.slice(32, 50),
  ]);
  expect(of("counted")).toHaveLength(35);
});

test("a count that is stopped sends nothing more", async () => {
  let sent = 0;
  const { controller, given } = options(async () => {
    if (++sent === 2) controller.abort();
  });
  const outcomes = await runCount(all, given);
  expect(sent).toBe(2);
  expect(outcomes).toHaveLength(2 * CHUNK);
});

test("a count that is stopped while the server is away does not wait for it", async () => {
  let sent = 0;
  const { controller, given } = options(async () => {
    if (++sent === 3) controller.abort();
    throw new TypeError("connection lost");
  });
  expect(await runCount(all, given)).toEqual([]);
  expect(sent).toBe(3);
});
