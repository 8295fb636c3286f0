import { expect, test } from "vitest";
import { linear, stepPath, timeTicks, unitTicks } from "./scale.ts";

test("a scale maps its domain to its range, and an empty domain to the middle", () => {
  const y = linear([0, 10], [100, 0]);
  expect([0, 5, 10].map(y)).toEqual([100, 50, 0]);
  expect(linear([3, 3], [0, 100])(3)).toBe(50);
});

test("ticks are round whole numbers that reach the largest value", () => {
  expect(unitTicks(0, 4)).toEqual([0, 1]);
  expect(unitTicks(3, 4)).toEqual([0, 1, 2, 3]);
  expect(unitTicks(97, 4)).toEqual([0, 50, 100]);
  expect(unitTicks(1200, 4)).toEqual([0, 500, 1000, 1500]);
  for (const most of [1, 7, 12, 99, 101, 12_345]) {
    const ticks = unitTicks(most, 4);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(most);
    expect(ticks.length).toBeLessThanOrEqual(6);
  }
});

test("times are divided evenly", () => {
  expect(timeTicks(0, 300, 4)).toEqual([0, 100, 200, 300]);
  expect(timeTicks(7, 7, 4)).toEqual([7]);
});

test("a step path keeps each value until the next, and the last one until the end", () => {
  const points = [
    { x: 0, y: 10 },
    { x: 4, y: 5 },
  ];
  expect(stepPath(points, 9)).toBe("M0 10H4V5H9");
  expect(stepPath([], 9)).toBe("");
});
