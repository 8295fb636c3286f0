import { expect, test } from "vitest";
import { byWeight, differences, type Stocked } from "./difference.ts";

const stocked = (id: string, quantity: number, reserved = 0): Stocked => ({
  product: { id, name: `Name of ${id}` },
  level: { quantity, reserved },
});
const levels: Record<string, Stocked> = {
  A: stocked("a", 5),
  B: stocked("b", 5, 3),
  C: stocked("c", 5),
  c: stocked("c", 5),
};
const of = (...typed: [string, number][]) =>
  differences(
    typed.map(([product, quantity], index) => ({ line: index + 1, product, quantity })),
    (text) => levels[text],
  );

test("a line is compared with the stored level", () => {
  expect(of(["A", 7])).toEqual([
    { line: 1, typed: "A", kind: "change", productId: "a", name: "Name of a", from: 5, to: 7 },
  ]);
  expect(of(["A", 5])[0]?.kind).toBe("same");
  expect(of(["B", 3])[0]?.kind).toBe("change");
  expect(of(["B", 2])[0]?.kind).toBe("reserved");
  expect(of(["Z", 2])[0]).toMatchObject({ kind: "unknown", productId: "" });
});

test("a product that its sku and its id name is counted once", () => {
  expect(of(["C", 1], ["c", 2]).map(({ kind }) => kind)).toEqual(["change", "again"]);
});

test("faults come first, then the largest differences", () => {
  const all = byWeight(of(["A", 5], ["A", 6], ["C", 9], ["Z", 1]));
  expect(all.map(({ typed, kind }) => `${typed} ${kind}`)).toEqual([
    "A again",
    "Z unknown",
    "C change",
    "A same",
  ]);
});
