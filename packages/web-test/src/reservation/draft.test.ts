import { expect, test } from "vitest";
import { lineProblems, linesOf } from "./draft.ts";

const lines = [
  { productId: "a", quantity: 2 },
  { productId: "b", quantity: 3 },
];
const refusal = { detail: "Refused", errors: [], members: {} };

test("a line has the product that was found, or what was typed", () => {
  expect(
    linesOf([
      { key: 1, text: " PEN-1 ", quantity: "2", productId: "a" },
      { key: 2, text: " PEN-2 ", quantity: "3" },
    ]),
  ).toEqual([
    { productId: "a", quantity: 2 },
    { productId: "PEN-2", quantity: 3 },
  ]);
});

test("a fault is shown at its line, and a fault of the whole at the form", () => {
  const errors = [
    { pointer: "/lines/1/productId", detail: "Product not found" },
    { pointer: "/ttlSeconds", detail: "Too big" },
  ];
  const problems = lineProblems({ ...refusal, errors }, lines);
  expect(problems.get(1)).toEqual(["Product not found"]);
  expect(problems.get(-1)).toEqual(["/ttlSeconds Too big"]);
  expect(problems.has(0)).toBe(false);
});

test("a shortage is shown at each line of its product", () => {
  const members = { shortages: [{ productId: "b", requested: 3, available: 1 }] };
  const problems = lineProblems({ ...refusal, members }, [
    ...lines,
    { productId: "b", quantity: 1 },
  ]);
  expect([...problems]).toEqual([
    [1, ["Only 1 available"]],
    [2, ["Only 1 available"]],
  ]);
});

test("a refusal without a place is shown at the form", () => {
  expect([...lineProblems(refusal, lines)]).toEqual([[-1, ["Refused"]]]);
});
