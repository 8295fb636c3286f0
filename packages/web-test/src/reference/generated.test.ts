import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { GENERATED, generate } from "../../scripts/reference.ts";

test("the API reference that the app serves is built from these sources: npm run reference", async () => {
  expect(readFileSync(GENERATED, "utf8")).toBe(await generate());
});
