import { expect, test } from "vitest";
import { pointOf, seriesOf } from "./level-series.ts";

const at = (second: number) => new Date(second * 1000).toISOString();
const change = (version: number, second: number, quantity: number, reserved = 0) => ({
  op: version === 1 ? "create" : "update",
  at: at(second),
  version,
  data: { quantity, reserved, available: quantity - reserved },
});

test("a change gives the level after it, and a delete none left", () => {
  expect(pointOf(change(2, 7, 9, 4))).toEqual({ at: 7000, version: 2, quantity: 9, available: 5 });
  expect(pointOf({ op: "delete", at: at(8), version: 3 })).toMatchObject({ quantity: 0 });
  expect(pointOf({ op: "update", at: at(8), version: 3 })).toBeUndefined();
});

test("points that arrive in any order and twice make one series by version", () => {
  const points = [3, 1, 2, 3].map((version) => pointOf(change(version, version, version * 10)));
  const series = seriesOf(points.flatMap((point) => point ?? []));
  expect(series.map(({ version }) => version)).toEqual([1, 2, 3]);
});

test("time never goes back, although the times of overlapping requests can", () => {
  const points = [change(1, 10, 5), change(2, 9, 4), change(3, 12, 3)].map(pointOf);
  const series = seriesOf(points.flatMap((point) => point ?? []));
  expect(series.map((point) => point.at)).toEqual([10_000, 10_000, 12_000]);
});
