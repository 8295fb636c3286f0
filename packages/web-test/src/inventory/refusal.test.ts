import { ProblemError } from "@stockwire/client/http";
import { expect, test } from "vitest";
import type { Difference } from "./difference.ts";
import { refusalsOf } from "./refusal.ts";

const chunk = ["pen", "ink", "pad", "nib"].map((name, index): Difference => ({
  line: index + 2,
  typed: name,
  kind: "change",
  productId: name,
  name,
  from: 10,
  to: 7,
}));

test("each refused product has its reason, and no other one", () => {
  const refused = [
    { index: 1, productId: "ink", code: "stale_quantity", currentQuantity: 9, reserved: 0 },
    { index: 2, productId: "pad", code: "below_reserved", currentQuantity: 10, reserved: 8 },
    { index: 3, productId: "nib", code: "inventory_not_found" },
  ];
  const error = new ProblemError(409, { code: "stale_quantity", detail: "why", index: 1, refused });
  expect([...(refusalsOf(error, chunk) ?? [])]).toEqual([
    [chunk[1], "9 on hand now, no longer 10 (stale_quantity)"],
    [chunk[2], "8 are reserved (below_reserved)"],
    [chunk[3], "the product was deleted (inventory_not_found)"],
  ]);
});

test("a refusal that names no product refuses all", () => {
  const error = new ProblemError(403, { code: "insufficient_scope", detail: "No scope" });
  const refusals = [...(refusalsOf(error, chunk) ?? [])];
  expect(refusals.map(([difference]) => difference)).toEqual(chunk);
  expect(refusals[0]?.[1]).toBe("No scope (403 insufficient_scope)");
});

test.each([401, 429, 500, 503])("after a %i another try makes sense", (status) => {
  expect(refusalsOf(new ProblemError(status, {}), chunk)).toBeUndefined();
});

test("after an error of the network another try makes sense", () => {
  expect(refusalsOf(new TypeError("fetch failed"), chunk)).toBeUndefined();
});
