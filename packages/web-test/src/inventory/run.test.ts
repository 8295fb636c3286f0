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

class Refused extends Error {}

function options(send: (difference: Difference, key: string) => Promise<unknown>) {
  const progress: number[] = [];
  const controller = new AbortController();
  return {
    progress,
    controller,
    given: {
      run: "r",
      send,
      refusalOf: (error: unknown) => (error instanceof Refused ? error.message : undefined),
      untilBack: () => Promise.resolve(),
      onProgress: (outcomes: readonly unknown[]) => progress.push(outcomes.length),
      signal: controller.signal,
    },
  };
}

test("everything is counted, in chunks, and each with a key of its own", async () => {
  const keys: string[] = [];
  const { progress, given } = options(async (_, key) => keys.push(key));
  const outcomes = await runCount(all, given);
  expect(outcomes).toHaveLength(60);
  expect(new Set(keys).size).toBe(60);
  expect(progress).toEqual([CHUNK, 2 * CHUNK, 60]);
});

test("a chunk begins when the one before it is settled", async () => {
  let settled = 0;
  const early: number[] = []; // lines; what `send` throws would be sent again
  const { given } = options(async ({ line }) => {
    if (settled < Math.floor((line - 1) / CHUNK) * CHUNK) early.push(line);
    await Promise.resolve();
    settled++;
  });
  await runCount(all, given);
  expect([settled, early]).toEqual([60, []]);
});

test("what got no answer is sent again with the same key until it is answered", async () => {
  const tries = new Map<string, string[]>();
  const { given } = options(async ({ productId }, key) => {
    const before = tries.get(productId) ?? [];
    tries.set(productId, [...before, key]);
    if (before.length < Number(productId.slice(1)) % 3) throw new TypeError("connection lost");
  });
  const outcomes = await runCount(all, given);
  expect(outcomes.filter(({ refusal }) => refusal === undefined)).toHaveLength(60);
  expect(tries.get("p2")).toHaveLength(3);
  for (const keys of tries.values()) expect(new Set(keys).size).toBe(1);
});

test("a refusal is reported and not repeated", async () => {
  let sent = 0;
  const { given } = options(async ({ productId }) => {
    sent++;
    if (productId === "p7") throw new Refused("The quantity is not the expected one");
  });
  const outcomes = await runCount(all, given);
  expect(sent).toBe(60);
  expect(outcomes.filter(({ refusal }) => refusal !== undefined)).toEqual([
    { difference: all[7], refusal: "The quantity is not the expected one" },
  ]);
});

test("a count that is stopped sends nothing more", async () => {
  let sent = 0;
  const { controller, given } = options(async () => {
    if (++sent === 30) controller.abort();
  });
  const outcomes = await runCount(all, given);
  expect(outcomes.length).toBeLessThan(36);
  expect(sent).toBeLessThan(36);
});
