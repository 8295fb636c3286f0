import { expect, test } from "vitest";
import { isPlan, plans, resourcePolicy } from "./plan.ts";

test("the plans are what docs/contract.md says", () => {
  expect(plans).toEqual({
    basic: { throttle: { rate: 50, burst: 100 }, quota: { limit: 1000, period: "MONTH" } },
    production: { throttle: { rate: 1000, burst: 2000 }, quota: { limit: 10000, period: "MONTH" } },
  });
  expect(["basic", "production", "gold", "toString", ""].map(isPlan)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("without denied ranges there is no resource policy", () => {
  expect(resourcePolicy([])).toBeUndefined();
});
