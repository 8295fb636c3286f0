import { expect, test } from "vitest";
import { draftOf, membersOf, patchOf } from "./draft.ts";

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
  const members = membersOf(draftOf(product), false);
  expect(members).toEqual(product);
  expect(patchOf(members, product)).toEqual({});
});

test("a new product has defaults and an opening stock, and no empty sku", () => {
  expect(membersOf(draftOf({}), true)).toEqual({
    name: "",
    category: "",
    price: "",
    currency: "USD",
    description: "",
    status: "active",
    initialQuantity: 0,
  });
});

test("what is not a number is left to the server, which names the field", () => {
  const draft = { ...draftOf(product), price: "12,5", initialQuantity: "many" };
  expect(membersOf(draft, true)).toMatchObject({ price: "12,5", initialQuantity: "many" });
  expect(membersOf({ ...draft, price: " 7 " }, true)).toMatchObject({ price: 7 });
});

test("a patch holds what differs, and null for what was removed", () => {
  const members = membersOf({ ...draftOf(product), sku: "", price: "13" }, false);
  expect(patchOf(members, product)).toEqual({ sku: null, price: 13 });
});
