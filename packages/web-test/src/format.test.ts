import { afterAll, expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
afterAll(() => vi.unstubAllGlobals()); // unit tests share their globals
const { PLAIN_LANGUAGES, plainMoney, SIGNS } = await import("./format.ts");

test.each(PLAIN_LANGUAGES)("numbers below a thousand are written in %s as they are", (language) => {
  const numbers = new Intl.NumberFormat(language);
  for (let n = 0; n < 1000; n++) expect(numbers.format(n)).toBe(String(n));
});

const inLanguages = Object.entries(SIGNS).flatMap(([language, signs]) =>
  Object.keys(signs).map((currency) => [language, currency] as const),
);
test.each(inLanguages)(
  "a price below a thousand is written in %s and %s as it is there",
  (...of) => {
    const [language, currency] = of;
    const prices = new Intl.NumberFormat(language, { style: "currency", currency });
    const some = Array.from({ length: 1_750 }, (_, n) => (n * 57) / 100);
    for (const price of [...some, 999.99, 0.29, 19.9]) {
      expect(plainMoney(price, currency, language)).toBe(prices.format(price));
    }
  },
);

test("any other price is left to the browser's formatter", () => {
  for (const price of [1_000, -1, 0.005, 1e21]) {
    expect(plainMoney(price, "USD", "en-US")).toBeUndefined();
  }
  expect(plainMoney(1, "SEK", "en-US")).toBeUndefined();
  expect(plainMoney(1, "USD", "fr")).toBeUndefined();
});
