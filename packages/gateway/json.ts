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

/** Parses JSON text; undefined if it is not JSON, so that no message of a client can throw. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
