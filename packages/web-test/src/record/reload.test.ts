import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openReload } from "./reload.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reading takes 100 ms, and is due 50 ms after a change. */
function counted() {
  const counts = { reads: 0, parallel: 0, most: 0 };
  const reload = openReload({
    after: () => 50,
    read: async () => {
      counts.reads++;
      counts.most = Math.max(counts.most, ++counts.parallel);
      await new Promise((resolve) => setTimeout(resolve, 100));
      counts.parallel--;
    },
  });
  return { counts, reload };
}

test("a burst of changes is one reading", async () => {
  const { counts, reload } = counted();
  for (let n = 0; n < 20; n++) reload.note();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(counts.reads).toBe(1);
});

test("under constant changes it reads again and again, one at a time, and after the last one", async () => {
  const { counts, reload } = counted();
  for (let n = 0; n < 150; n++) {
    reload.note();
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(counts).toMatchObject({ reads: 10, most: 1 });
  const during = counts.reads;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(counts.reads).toBe(during + 1);
});

test("nothing is read after it is closed, also if it is closed while it reads", async () => {
  const waiting = counted();
  waiting.reload.note();
  waiting.reload.close();
  const reading = counted();
  reading.reload.note();
  await vi.advanceTimersByTimeAsync(60);
  reading.reload.note();
  reading.reload.close();
  await vi.advanceTimersByTimeAsync(1_000);
  waiting.reload.note();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([waiting.counts.reads, reading.counts.reads]).toEqual([0, 1]);
});
