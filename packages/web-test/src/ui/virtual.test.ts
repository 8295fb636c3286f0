import { expect, test } from "vitest";
import { rangeOf } from "./virtual.ts";

test("the range holds the rows on screen and some around them", () => {
  expect(rangeOf(0, 600, 60, 1_000)).toEqual({ from: 0, to: 16 });
  expect(rangeOf(6_000, 6_600, 60, 1_000)).toEqual({ from: 94, to: 116 });
});

test("the range ends with the list", () => {
  expect(rangeOf(0, 600, 60, 3)).toEqual({ from: 0, to: 3 });
  expect(rangeOf(60_000, 60_600, 60, 3)).toEqual({ from: 3, to: 3 });
  expect(rangeOf(-400, 200, 60, 0)).toEqual({ from: 0, to: 0 });
});
