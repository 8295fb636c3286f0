import { expect, test } from "vitest";
import { admit, createBucket } from "./throttle.ts";

test("admits a burst immediately, then requests at the rate", () => {
  const bucket = createBucket({ rate: 2, burst: 3 }, 0);
  const admitted = [0, 0, 0, 0, 499, 500, 500, 1000].map((now) => admit(now, bucket));
  expect(admitted).toEqual([true, true, true, false, false, true, false, true]);
});

test("a bucket never holds more than the burst", () => {
  const bucket = createBucket({ rate: 100, burst: 2 }, 0);
  expect([1e9, 1e9, 1e9].map((now) => admit(now, bucket))).toEqual([true, true, false]);
});

test("a clock that is set back neither fills nor drains a bucket", () => {
  const bucket = createBucket({ rate: 1, burst: 2 }, 10_000);
  expect([10_000, 0, 0].map((now) => admit(now, bucket))).toEqual([true, true, false]);
});

test("a request that one bucket refuses takes no token from the others", () => {
  const account = createBucket({ rate: 0, burst: 1 }, 0);
  const route = createBucket({ rate: 0, burst: 0 }, 0);
  expect(admit(0, account, route)).toBe(false);
  expect(admit(0, account)).toBe(true);
});
