import { expect, test } from "vitest";
import { draftOf, patchOf } from "../record/draft.ts";
import { DEFAULTS, membersOf, NAMES } from "./draft.ts";

const product = {
  name: "Pen",
  category: "Pens",
  price: 12.5,
  currency: "EUR",
  sku: "PEN-1",
  description: "Blue\nink",
  status: "archived",
};

test("a product survives the form unchanged", () => {
  const members = membersOf(draftOf(NAMES, product, DEFAULTS), false);
  expect(members).toEqual(product);
  expect(patchOf(NAMES, members, product)).toEqual({});
});

test("a new product has defaults and an opening stock, and no empty sku", () => {
  expect(membersOf(draftOf(NAMES, {}, DEFAULTS), true)).toEqual({
    name: "",
    category: "",
    price: "",
    currency: "USD",
    description: "",
    status: "active",
    initialQuantity: 0,
  });
});

test("prices and quantities are numbers, where they can be", () => {
  const draft = { ...draftOf(NAMES, product, DEFAULTS), price: " 7 ", initialQuantity: "many" };
  expect(membersOf(draft, true)).toMatchObject({ price: 7, initialQuantity: "many" });
});

test("a sku that was removed is removed from the product", () => {
  const members = membersOf({ ...draftOf(NAMES, product, DEFAULTS), sku: "" }, false);
  expect(patchOf(NAMES, members, product)).toEqual({ sku: null });
});
