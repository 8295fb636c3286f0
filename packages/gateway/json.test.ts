import fc from "fast-check";
import { expect, test } from "vitest";
import { passThroughJson } from "./json.ts";

const MAX = 1_000;

const attempt = (pass: () => unknown): unknown => {
  try {
    return pass();
  } catch (error) {
    return (error as Error).name;
  }
};
const passed = (value: unknown) => attempt(() => passThroughJson(value, MAX));
/** What JSON itself does. */
const byText = (value: unknown) =>
  attempt(() => {
    const text = JSON.stringify(value) ?? "null";
    return Buffer.byteLength(text) > MAX ? undefined : { value: JSON.parse(text) as unknown };
  });

test("any value passes as through JSON text", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    key: fc.oneof(fc.string(), fc.constantFrom("__proto__", "toJSON", "1", "a")),
  });
  fc.assert(
    fc.property(anything, (value) => {
      expect(passed(value)).toStrictEqual(byText(value));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["what JSON leaves out", { a: undefined, b: () => 1, c: Symbol("s") }],
  ["elements that JSON replaces", [undefined]],
  ["zero with a sign", [-0]],
  ["numbers that JSON does not have", [Number.NaN, Infinity]],
  ["objects with toJSON", { at: new Date(0), own: { toJSON: () => "x" } }],
  ["names that reach a prototype", JSON.parse('{"__proto__":{"a":1}}')],
  ["class instances", { map: new Map([[1, 2]]), bytes: Buffer.from("a") }],
  ["lone surrogates", { "\ud800": "\udc00" }],
  ["deep values", Array.from({ length: 40 }).reduce((inner) => ({ inner }), {})],
  ["big integers", { n: 1n }],
  ["text of which each character takes six bytes", "\0".repeat(166)],
  ["text of which each character takes six bytes, one byte too long", `${"\0".repeat(166)}123`],
  ["nulls, one byte too long", Array.from({ length: 200 }, () => null)],
  [
    "members of null, too long",
    Object.fromEntries(Array.from({ length: 120 }, (_, n) => [n, null])),
  ],
  ["many members", Array.from({ length: 499 }, () => 1)],
  ["many members, two bytes too long", Array.from({ length: 500 }, () => 1)],
])("%s pass as through JSON text", (_, value) => {
  expect(passed(value)).toStrictEqual(byText(value));
});

test("a cycle is refused as by JSON", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(() => passThroughJson(cycle, MAX)).toThrow(TypeError);
});

test("a copy shares nothing with its source", () => {
  const source = { headers: { a: "1" }, list: [{ b: 2 }] };
  const { value } = passThroughJson(source, MAX) as { value: typeof source };
  value.headers.a = "changed";
  for (const element of value.list) element.b = 3;
  expect(source).toEqual({ headers: { a: "1" }, list: [{ b: 2 }] });
});
