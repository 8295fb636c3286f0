import { expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
const { PLAIN_LANGUAGES } = await import("./format.ts");

test.each(PLAIN_LANGUAGES)("numbers below a thousand are written in %s as they are", (language) => {
  const numbers = new Intl.NumberFormat(language);
  for (let n = 0; n < 1000; n++) expect(numbers.format(n)).toBe(String(n));
});
