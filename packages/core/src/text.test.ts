import { expect, test } from "vitest";
import * as z from "zod";
import { text } from "./text.ts";

const line = text(1, 10);
const lines = text(0, 10, { multiline: true });
const name = text(2, 10, { required: "Name required", tooShort: "Name too short" });

/** The code of the first issue; the text as it is stored if there is none. */
const result = (schema: z.ZodType<string>, value: string) => {
  const { data, error } = schema.safeParse(value);
  const [issue] = error?.issues ?? [];
  return issue?.code === "custom" ? (issue.params?.["code"] as string) : data;
};

test.each([
  ["C0", "a\u0000b"],
  ["escape", "a\u001bb"],
  ["tab", "a\tb"],
  ["line feed", "a\nb"],
  ["DEL", "a\u007fb"],
  ["C1", "a\u0085b"],
  ["line separator", "a\u2028b"],
  ["paragraph separator", "a\u2029b"],
  ["right-to-left embedding", "a\u202bb"],
  ["right-to-left override", "a\u202eb"],
  ["isolate", "a\u2066b\u2069"],
])("a line refuses a control character: %s", (_, value) => {
  expect(result(line, value)).toBe("invalid_character");
});

test.each([
  ["zero-width space", "\u200b"],
  ["joiners", "\u200d\u200c"],
  ["byte-order mark and spaces", " \ufeff \u200b "],
  ["marks of direction", "\u200e\u200f"],
  ["soft hyphens", "\u00ad\u00ad"],
  ["Hangul filler", "\u3164\u3164"],
  ["blank of Braille", "\u2800\u2800"],
  ["tags", "\u{e0041}\u{e0042}"],
  ["variation selectors", "\ufe0f\ufe0f"],
])("a text without a visible character counts as missing: %s", (_, value) => {
  expect(result(line, value)).toBe("required");
  expect(result(name, value)).toBe("required");
});

test.each([
  ["emoji of several code points", "👩\u200d🔧"],
  ["Persian with a non-joiner", "می\u200cخواهم"],
  ["Hebrew with a mark", "\u200fא"],
  ["ideographs", "鉛筆"],
  ["a combining mark", "Zoë"],
])("a line takes what people write: %s", (_, value) => {
  expect(result(line, value)).toBe(value);
});

test("a text of several lines takes tabs and line breaks, and no other control", () => {
  expect(result(lines, " a\r\n\tb ")).toBe("a\r\n\tb");
  for (const value of ["a\u0000", "a\u000bb", "a\u009fb"]) {
    expect([value, result(lines, value)]).toEqual([value, "invalid_character"]);
  }
});

test("lengths count code points after trimming", () => {
  expect(result(name, "  😀😀  ")).toBe("😀😀");
  expect(result(name, " 😀 ")).toBe("too_short");
  expect(result(line, "😀".repeat(11))).toBe("too_long");
  expect(result(lines, "  ")).toBe("");
});

test("the pattern of a JSON Schema accepts what is stored, and nothing that is refused", () => {
  for (const [schema, accepted, refused] of [
    [
      line,
      ["a", "a b", "👩\u200d🔧", "\u200fא"],
      ["", " ", " a", "a ", "a\nb", "a\u202eb", "\u0085a"],
    ],
    [lines, ["", "a", "a\n\tb"], [" ", " a", "a\n", "a\u0000b"]],
  ] as const) {
    const pattern = new RegExp(String(z.toJSONSchema(schema, { io: "input" }).pattern), "u");
    for (const value of accepted) expect([value, pattern.test(value)]).toEqual([value, true]);
    for (const value of refused) expect([value, pattern.test(value)]).toEqual([value, false]);
  }
});
