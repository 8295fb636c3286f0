/**
 * Reading JSON that this process did not write: results of Lambda functions, tokens, messages of
 * clients. No value is trusted, and no member is ever read from a prototype.
 */

/** True for a JSON object, which is neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member of a JSON object; undefined if it is absent or if `value` is not an object. */
export function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** An object without a prototype, in which a client's name `__proto__` is a name like any other. */
export const emptyRecord = <Value>(): Record<string, Value> =>
  Object.create(null) as Record<string, Value>;

/** Parses JSON text; undefined if it is not JSON, so that no message of a client can throw. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Returns what remains of a value after JSON.stringify and JSON.parse: a copy that shares nothing with
 * it. Undefined if the JSON text is longer than `maxBytes`. Plain data, which is most, is copied without
 * its text, at a quarter of the CPU time. Throws what JSON.stringify throws.
 */
export function passThroughJson(value: unknown, maxBytes: number): { value: unknown } | undefined {
  const copy = plainCopy(value, { left: maxBytes, depth: 0 });
  if (copy !== UNUSUAL) return { value: copy };
  const text = JSON.stringify(value) ?? "null";
  return Buffer.byteLength(text) > maxBytes ? undefined : { value: JSON.parse(text) };
}

/** Not plain data, or perhaps too long: JSON itself decides. */
const UNUSUAL = Symbol("unusual");
const MAX_DEPTH = 20;
const LONGEST_ESCAPE = 6; // bytes of a character: \u0000
const LONGEST_NUMBER = 26; // bytes

/** Counts down `left` by at least the bytes of the JSON text. */
function plainCopy(value: unknown, limits: { left: number; depth: number }): unknown {
  switch (typeof value) {
    case "string":
      limits.left -= value.length * LONGEST_ESCAPE + 2;
      return limits.left < 0 ? UNUSUAL : value;
    case "number":
      limits.left -= LONGEST_NUMBER;
      return limits.left < 0 || !Number.isFinite(value) || Object.is(value, -0) ? UNUSUAL : value;
    case "boolean":
      limits.left -= 5;
      return limits.left < 0 ? UNUSUAL : value;
    case "object":
      return value === null ? null : copyObject(value, limits);
    default:
      return UNUSUAL;
  }
}

function copyObject(value: object, limits: { left: number; depth: number }): unknown {
  if (limits.depth === MAX_DEPTH) return UNUSUAL;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isList = prototype === Array.prototype;
  if (!isList && prototype !== Object.prototype && prototype !== null) return UNUSUAL;
  limits.depth++;
  const copy = isList
    ? copyList(value as unknown[], limits)
    : copyMembers(value as Record<string, unknown>, limits);
  limits.depth--;
  return copy;
}

function copyList(list: unknown[], limits: { left: number; depth: number }): unknown {
  const copies: unknown[] = [];
  for (const element of list) {
    limits.left -= 5; // a comma, or null
    const copy = plainCopy(element, limits);
    if (copy === UNUSUAL) return UNUSUAL;
    copies.push(copy);
  }
  limits.left -= 2;
  return limits.left < 0 ? UNUSUAL : copies;
}

function copyMembers(
  members: Readonly<Record<string, unknown>>,
  limits: { left: number; depth: number },
): unknown {
  const copies: Record<string, unknown> = {};
  // Not of `Object.entries`, whose list for each member takes three times as long as the copy.
  for (const name of Object.keys(members)) {
    const each = members[name];
    if (each === undefined) continue; // as JSON does
    limits.left -= name.length * LONGEST_ESCAPE + 8; // quotes, colon, comma, or null
    const copy = name === "__proto__" ? UNUSUAL : plainCopy(each, limits);
    if (copy === UNUSUAL) return UNUSUAL;
    copies[name] = copy;
  }
  limits.left -= 2;
  return limits.left < 0 ? UNUSUAL : copies;
}
