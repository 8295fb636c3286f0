import fc from "fast-check";
import { expect, test } from "vitest";
import { fromMinorUnits, isCurrency, toMinorUnits } from "./money.ts";

test("an amount is the same after it was converted to minor units and back", () => {
  for (let minorUnits = 1; minorUnits <= 999_999_999; minorUnits += 997) {
    const amount = fromMinorUnits(minorUnits, "USD");
    if (toMinorUnits(amount, "USD") !== minorUnits) expect.fail(`${minorUnits}`);
  }
  const any = fc.record({
    minorUnits: fc.integer({ min: 1, max: 999_999_999 }),
    currency: fc.constantFrom("USD", "JPY", "KWD"),
  });
  fc.assert(
    fc.property(any, ({ minorUnits, currency }) => {
      expect(toMinorUnits(fromMinorUnits(minorUnits, currency), currency)).toBe(minorUnits);
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  [19.99, "USD", 1999],
  [0.1, "USD", 10],
  [0.001, "USD", undefined],
  [1e-7, "USD", undefined],
  [100, "JPY", 100],
  [100.5, "JPY", undefined],
  [1.234, "KWD", 1234],
  [1.2345, "KWD", undefined],
  [9_999_999.99, "USD", 999_999_999],
])("%d %s is %s minor units", (amount, currency, minorUnits) => {
  expect(toMinorUnits(amount, currency)).toBe(minorUnits);
});

test("the currencies are those of ISO 4217, in upper case", () => {
  for (const code of ["USD", "EUR", "JPY", "KWD"]) expect(isCurrency(code)).toBe(true);
  for (const code of ["usd", "XXX", "US", "constructor", ""]) expect(isCurrency(code)).toBe(false);
});
