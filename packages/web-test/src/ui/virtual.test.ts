import { expect, test } from "vitest";
import { rangeOf, within } from "./virtual.ts";

test("the range holds the rows on screen and some around them", () => {
  expect(rangeOf(0, 600, 60)).toEqual({ from: 0, to: 16 });
  expect(rangeOf(6_000, 6_600, 60)).toEqual({ from: 94, to: 116 });
  expect(rangeOf(-1_000, -400, 60)).toEqual({ from: 0, to: 0 });
});

test("the range ends with the list", () => {
  expect(within(rangeOf(0, 600, 60), 3)).toEqual({ from: 0, to: 3 });
  expect(within(rangeOf(60_000, 60_600, 60), 3)).toEqual({ from: 3, to: 3 });
  expect(within(rangeOf(-400, 200, 60), 0)).toEqual({ from: 0, to: 0 });
});
