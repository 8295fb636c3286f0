import { expect, test } from "vitest";
import { createThrottle } from "./throttle.ts";

test("a bucket admits its burst, then its rate", () => {
  let now = 0;
  const waitOf = createThrottle({ rate: 2, burst: 3 }, () => now);
  const admitted = (count: number) =>
    Array.from({ length: count }, () => waitOf("ana")).filter((wait) => wait === 0).length;
  expect(admitted(10)).toBe(3);
  expect(waitOf("ana")).toBe(1);
  now = 499;
  expect(admitted(10)).toBe(0);
  now = 500;
  expect(admitted(10)).toBe(1);
  now = 1_000_000;
  expect(admitted(10)).toBe(3); // never more than the burst
  now = 0; // a clock that is set back gives nothing
  expect(admitted(10)).toBe(0);
});

test("callers have buckets of their own, and the wait is in whole seconds", () => {
  const waitOf = createThrottle({ rate: 0.1, burst: 1 }, () => 0);
  expect([waitOf("ana"), waitOf("ana"), waitOf("bob"), waitOf("bob")]).toEqual([0, 10, 0, 10]);
});

test("the rate 0 sets no limit", () => {
  const waitOf = createThrottle({ rate: 0, burst: 1 });
  expect(Array.from({ length: 100 }, () => waitOf("ana")).every((wait) => wait === 0)).toBe(true);
});

test("memory is bounded: the caller that was idle longest is forgotten", () => {
  const waitOf = createThrottle({ rate: 1e-6, burst: 1 }, () => 0);
  expect(waitOf("first")).toBe(0);
  expect(waitOf("second")).toBe(0);
  expect(waitOf("first")).toBeGreaterThan(0); // now second is the one that was idle longest
  for (let n = 0; n < 9_999; n++) waitOf(`other ${n}`);
  expect(waitOf("first")).toBeGreaterThan(0);
  expect(waitOf("second")).toBe(0);
});
