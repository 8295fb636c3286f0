import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "./error.ts";
import { parseExactly } from "./strict-json.ts";

const corpus = (name: string) => {
  const file = new URL(`../test/corpora/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { items: unknown[] }).items;
};

const codeOf = (text: string): string | undefined => {
  try {
    parseExactly(text, 20);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
};

describe("parseExactly", () => {
  const vectors = corpus("json-parsing") as { id: string; expect: string; b64: string }[];

  test("accepts no text of JSONTestSuite that a parser must reject", () => {
    const wrong = vectors.filter(({ id, expect: verdict, b64 }) => {
      const text = Buffer.from(b64, "base64").toString();
      return (verdict === "reject" || id.startsWith("n_")) && codeOf(text) === undefined;
    });
    expect(wrong.map(({ id }) => id)).toEqual([]);
  });

  test("returns the exact value of each text of JSONTestSuite that it accepts", () => {
    for (const { b64 } of vectors) {
      const text = Buffer.from(b64, "base64").toString();
      if (codeOf(text) === undefined) expect(parseExactly(text, 20)).toEqual(JSON.parse(text));
    }
    expect(vectors.length).toBeGreaterThan(300);
  });

  test("returns any JSON value unchanged, or refuses it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (codeOf(text) === undefined) expect(parseExactly(text, 20)).toEqual(JSON.parse(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ["9007199254740993", "invalid_request"], // 2^53 + 1
    ["1e400", "invalid_request"],
    ["1e-400", "invalid_request"],
    ["0.1000000000000000055511151231257827", "invalid_request"],
    ["-0", "invalid_request"],
    ["-0.0", "invalid_request"],
    ["9007199254740992", undefined],
    ["1e21", undefined],
    ["1E+2", undefined],
    ["0.10", undefined],
    ["-12.50e-3", undefined],
    ["0", undefined],
    ["0.0", undefined],
  ])("the number %s gives the code %s", (source, code) => {
    expect(codeOf(source)).toBe(code);
    expect(codeOf(`{"a":[${source}]}`)).toBe(code);
  });

  test.each([
    ['{"a":1,"a":1}', "invalid_json"],
    ['{"a":1,"\\u0061":2}', "invalid_json"],
    ['{"a":{"b":1},"b":{"b":1}}', undefined],
    ['[{"a":1},{"a":2}]', undefined],
    ['{"__proto__":1}', "reserved_property"],
    ['{"\\u005f_proto__":1}', "reserved_property"],
    ['{"a":[{"constructor":{"prototype":1}}]}', "reserved_property"],
    ['["__proto__"]', undefined],
    ['{"a":"__proto__"}', undefined],
    ['"\\ud800"', "invalid_json"],
    ['{"\\udc00":1}', "invalid_json"],
    ['"\\ud83d\\ude00"', undefined],
    ['"a\\"b{[,:"', undefined],
    ["", "invalid_json"],
    ["\uFEFF{}", "invalid_json"],
  ])("the text %s gives the code %s", (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  test("bounds the depth of texts of any length, without recursion", () => {
    expect(codeOf("[".repeat(20) + "]".repeat(20))).toBeUndefined();
    expect(codeOf("[".repeat(21) + "]".repeat(21))).toBe("invalid_request");
    expect(codeOf("[".repeat(100_000) + "]".repeat(100_000))).toBe("invalid_request");
    expect(codeOf('{"a":'.repeat(10_000) + "1" + "}".repeat(10_000))).toBe("invalid_request");
  });

  test("reports a pointer without names that are not safe to repeat", () => {
    const pointerOf = (text: string) => {
      try {
        parseExactly(text, 20);
      } catch (error) {
        if (error instanceof AppError) return error.errors[0]?.pointer;
      }
      return undefined;
    };
    expect(pointerOf('{"a":[1,{"b":1e400}]}')).toBe("/a/1/b");
    expect(pointerOf('{"<script>":{"b":1e400}}')).toBe("");
  });
});
