import { expect, test } from "vitest";
import { draftOf, numberOf, patchOf } from "./draft.ts";

test("numbers and texts become text, and what is absent has its default", () => {
  const members = { name: "Pen", price: 12.5, tags: ["blue"] };
  expect(draftOf(["name", "price", "status", "tags"], members, { status: "active" })).toEqual({
    name: "Pen",
    price: "12.5",
    status: "active",
    tags: "",
  });
});

test("what is not a number is left to the server, which names the field", () => {
  expect(["12.5", " 7 ", "0", "12,5", "many", "", " "].map(numberOf)).toEqual([
    12.5,
    7,
    0,
    "12,5",
    "many",
    "",
    " ",
  ]);
});

test("a patch holds what differs, and null for what was removed", () => {
  const base = { name: "Pen", sku: "PEN-1", price: 12 };
  const names = ["name", "sku", "price"];
  expect(patchOf(names, base, base)).toEqual({});
  expect(patchOf(names, { name: "Pen", price: 13 }, base)).toEqual({ sku: null, price: 13 });
});
