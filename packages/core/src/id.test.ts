import { expect, test, vi } from "vitest";
import { newId } from "./id.ts";

test("ids are UUIDv7, all different, and sort in the order of creation", () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  expect(
    ids.every((id) =>
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
    ),
  ).toBe(true);
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(19_900); // 32 random bits
  expect(ids.toSorted()).toEqual(ids);
  const ms = Number.parseInt((ids[0] ?? "").replace("-", "").slice(0, 12), 16);
  expect(Math.abs(ms - Date.now())).toBeLessThan(60_000);
});

test("ids sort in the order of creation while the clock is set back", () => {
  vi.useFakeTimers();
  try {
    const first = newId();
    vi.setSystemTime(Date.now() - 3_600_000);
    const ids = [first, ...Array.from({ length: 1_000 }, () => newId())];
    expect(ids.toSorted()).toEqual(ids);
    vi.setSystemTime(Date.now() + 7_200_000);
    expect(newId() > (ids.at(-1) ?? "")).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
