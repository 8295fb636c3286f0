import { expect, test } from "vitest";
import { csvOf, parseCount } from "./csv.ts";

const products = (text: string) =>
  parseCount(text).lines.map(({ product, quantity }) => [product, quantity]);

test("lines are read with commas, semicolons and tabs, with and without a head", () => {
  const expected = [
    ["PEN-1", 5],
    ["PEN-2", 0],
  ];
  expect(products("PEN-1,5\nPEN-2,0")).toEqual(expected);
  expect(products("sku;quantity\r\nPEN-1;5\r\nPEN-2;0\r\n")).toEqual(expected);
  expect(products("\uFEFFSKU\tCount\nPEN-1\t5\n\n PEN-2 \t 0 \n")).toEqual(expected);
});

test("a head says which column holds the quantity", () => {
  expect(products("sku,name,quantity\nPEN-1,Pen,5")).toEqual([["PEN-1", 5]]);
});

test("cells in quotes hold delimiters, quotes and line breaks", () => {
  const text = 'sku,quantity\n"A, ""B""\nC",7\n"D",8';
  expect(parseCount(text).lines).toEqual([
    { line: 2, product: 'A, "B"\nC', quantity: 7 },
    { line: 4, product: "D", quantity: 8 },
  ]);
});

test("faults name their line, and the other lines are kept", () => {
  const { lines, faults } = parseCount("A,1\nB,x\n,3\nC\nA,2\nD,-1\nE,1.5\nF,1000000001\nG,2");
  expect(lines.map(({ product }) => product)).toEqual(["A", "G"]);
  expect(faults).toEqual([
    { line: 2, detail: "Not a whole number of units: x" },
    { line: 3, detail: "No sku or id" },
    { line: 4, detail: "No quantity" },
    { line: 5, detail: "Counted in line 1 already" },
    { line: 6, detail: "Not a whole number of units: -1" },
    { line: 7, detail: "Not a whole number of units: 1.5" },
    { line: 8, detail: "More than 1000000000 units" },
  ]);
});

test("an empty text has no lines", () => {
  expect(parseCount(" \n\r\n")).toEqual({ lines: [], faults: [] });
});

test("what is written is read again, and formulas are disarmed", () => {
  const text = csvOf([
    ["sku", "quantity"],
    ['A, "B"', 7],
  ]);
  expect(products(text)).toEqual([['A, "B"', 7]]);
  expect(csvOf([["=1+1", -2]])).toBe('"\'=1+1",-2\r\n');
});
