import { expect, test } from "vitest";
import { isWithin } from "./outage.ts";

const at = (time: number) => new Date(time).toISOString();

test("a change of an earlier outage counts, also if it arrives after a later one", () => {
  const outages = [
    { from: 500, to: undefined },
    { from: 100, to: 200 },
  ];
  expect([99, 100, 200, 201, 499, 500, 9_999].map((time) => isWithin(outages, at(time)))).toEqual([
    false,
    true,
    true,
    false,
    false,
    true,
    true,
  ]);
  expect(isWithin([], at(1))).toBe(false);
});
