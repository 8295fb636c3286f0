import { expect, test } from "vitest";
import { parse } from "./topic.ts";

const ID = "0193c2f4-0000-7000-8000-00000000000a";

test("the topic of a record has one key, whatever the letter case of its UUID", () => {
  expect(parse(`products/${ID.toUpperCase()}`)?.key).toBe(`products/${ID}`);
  expect(parse(`products/${ID}`)?.key).toBe(`products/${ID}`);
});

test("in the topic of an item case counts, since a client may have chosen its id", () => {
  expect(parse(`items/${ID.toUpperCase()}`)?.key).toBe(`items/${ID.toUpperCase()}`);
});
