import { expect, test } from "vitest";
import { median, Minutes } from "./minute.ts";

const at = (minute: number, second = 0) => minute * 60_000 + second * 1_000;

test("events are counted by the minute, and the last minute is the present one", () => {
  const minutes = new Minutes();
  for (const time of [at(100), at(100, 59), at(101), at(103, 1)]) minutes.add(time);
  expect(minutes.counts(at(103, 30)).slice(-4)).toEqual([2, 1, 0, 1]);
  expect(minutes.counts(at(103, 30))).toHaveLength(30);
  expect(minutes.counts(at(104)).slice(-2)).toEqual([1, 0]);
});

test("events that arrive late count in their own minute, and those before the first are dropped", () => {
  const minutes = new Minutes();
  minutes.add(at(100));
  minutes.add(at(98));
  minutes.add(at(60));
  expect(minutes.counts(at(100)).slice(-3)).toEqual([1, 0, 1]);
  expect(minutes.counts(at(100)).reduce((sum, n) => sum + n, 0)).toBe(2);
});

test("a minute has the median of its values, in bounded memory", () => {
  const minutes = new Minutes();
  for (let value = 1; value <= 5_000; value++) minutes.add(at(7), value % 100);
  expect(minutes.counts(at(7)).at(-1)).toBe(5_000);
  expect(minutes.medians(at(7)).at(-1)).toBeGreaterThan(40);
  expect(minutes.medians(at(7)).at(-1)).toBeLessThan(60);
  expect(minutes.medians(at(8)).at(-1)).toBe(0);
});

test("the median of some values", () => {
  expect([median([]), median([7]), median([9, 1, 5])]).toEqual([0, 7, 5]);
});
