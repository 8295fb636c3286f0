import { expect, test } from "vitest";
import methods from "../src/partner/methods.json" with { type: "json" };
import models from "../src/partner/models.json" with { type: "json" };
import { partnerMethods, partnerModels } from "./partner-document.ts";

test("the documents of the Partner API equal the committed ones; if not, run npm run partner", () => {
  expect(models).toEqual(JSON.parse(JSON.stringify(partnerModels())));
  expect(methods).toEqual(partnerMethods());
});
