/** Compares values with the expectations of cases: deep subsets, matchers, and dotted paths. */

import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../json.ts";

/** The values that `sameAs` can refer to, by the word before its colon: `event:requestContext.stage`. */
export type References = Readonly<Record<string, unknown>>;

/** The value of a key that does not exist, as opposed to one that is null. */
export const ABSENT = Symbol("absent");

type Check = (argument: unknown, actual: unknown, references: References) => boolean;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  array: Array.isArray,
  object: isRecord,
  null: (value) => value === null,
};

const MATCHERS: Readonly<Record<string, Check>> = {
  re: (source, actual) =>
    typeof actual === "string" && new RegExp(String(source), "u").test(actual),
  absent: (expected, actual) => (actual === ABSENT) === expected,
  any: (_, actual) => actual !== ABSENT,
  type: (name, actual) => TYPES[String(name)]?.(actual) ?? false,
  sameAs: (place, actual, references) =>
    isDeepStrictEqual(actual, lookUp(String(place), references)),
  keys: (keys, actual) =>
    Array.isArray(keys) &&
    isRecord(actual) &&
    isDeepStrictEqual(keys.toSorted(byText), Object.keys(actual).toSorted(byText)),
  oneOf: (values, actual) =>
    Array.isArray(values) && values.some((value) => isDeepStrictEqual(value, actual)),
};

/** The first difference in words; undefined if there is none. `at` names the value in it. */
export function difference(
  expected: unknown,
  actual: unknown,
  references: References,
  at: string,
): string | undefined {
  if (isMatcher(expected)) {
    const failed = Object.entries(expected).find(
      ([name, argument]) => !MATCHERS[name]?.(argument, actual, references),
    );
    return failed && `${at} is ${show(actual)}, not ${JSON.stringify(expected)}`;
  }
  if (isRecord(expected) && isRecord(actual)) {
    return firstDifference(Object.keys(expected), (key) =>
      difference(expected[key], ownMember(actual, key), references, `${at}.${key}`),
    );
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return firstDifference([...expected.keys()], (index) =>
      difference(expected[index], actual[index], references, `${at}[${index}]`),
    );
  }
  if (isDeepStrictEqual(expected, actual)) return undefined;
  return `${at} is ${show(actual)}, not ${show(expected)}`;
}

/** Like `difference`, for an event whose expectations are keyed by dotted paths. */
export function eventDifference(
  expected: Readonly<Record<string, unknown>>,
  event: unknown,
  references: References,
  at: string,
): string | undefined {
  return firstDifference(Object.keys(expected), (path) =>
    difference(expected[path], byPath(event, path), references, `${at} ${path}`),
  );
}

/** The first difference that the check finds in any of the items. */
export function firstDifference<Item>(
  items: readonly Item[],
  check: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Follows a dotted path. Keys can contain dots themselves, as the claims of some issuers do. */
function byPath(value: unknown, path: string): unknown {
  if (!isRecord(value)) return ABSENT;
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const key = path.slice(0, dot);
    const found = Object.hasOwn(value, key) ? byPath(value[key], path.slice(dot + 1)) : ABSENT;
    if (found !== ABSENT) return found;
  }
  return ABSENT;
}

function lookUp(place: string, references: References): unknown {
  const colon = place.indexOf(":");
  return byPath(references[place.slice(0, colon)], place.slice(colon + 1));
}

function isMatcher(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  const names = Object.keys(value);
  if (names.length === 0 || !names.every((name) => Object.hasOwn(MATCHERS, name))) return false;
  // `{"type":"REQUEST"}` is a subset to find, `{"type":"integer"}` a matcher.
  return !("type" in value) || Object.hasOwn(TYPES, String(value["type"]));
}

function ownMember(value: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : ABSENT;
}

function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1;
}

function show(value: unknown): string {
  const text = value === ABSENT ? "absent" : (JSON.stringify(value) ?? "undefined");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
