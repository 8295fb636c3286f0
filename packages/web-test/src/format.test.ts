import { describe, expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
const { PLAIN_LANGUAGES, SIGNS } = await import("./format.ts");

test.each(PLAIN_LANGUAGES)("numbers below a thousand are written in %s as they are", (language) => {
  const numbers = new Intl.NumberFormat(language);
  for (let n = 0; n < 1000; n++) expect(numbers.format(n)).toBe(String(n));
});

describe.each(Object.entries(SIGNS))("in %s", (language, signs) => {
  test.each(Object.keys(signs))("a price in %s is the formatter's", async (currency) => {
    vi.resetModules();
    vi.stubGlobal("navigator", { language });
    const { money } = await import("./format.ts");
    const prices = new Intl.NumberFormat(language, { style: "currency", currency });
    const some = Array.from({ length: 1_750 }, (_, n) => (n * 57) / 100);
    for (const price of [...some, 999.99, 0.29, 19.9]) {
      expect(money(price, currency)).toBe(prices.format(price));
    }
  });
});
