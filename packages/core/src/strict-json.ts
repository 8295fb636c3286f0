/**
 * A JSON parser that never changes a value. `JSON.parse` builds the value; a second pass over the
 * text refuses what it would have changed without an error.
 */

import { AppError } from "./error.ts";

/** Member names that code which copies objects can write to a prototype. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Member names that can be repeated in an answer without escaping. */
const SAFE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** Returns the JSON pointer (RFC 6901) of a path, cut before the first name that is not safe. */
export function pointerOf(path: readonly PropertyKey[]): string {
  let pointer = "";
  for (const step of path) {
    if (!SAFE_NAME.test(String(step))) break;
    pointer += `/${String(step)}`;
  }
  return pointer;
}

/** An object or array that is open at the current character. */
interface Container {
  names: Set<string> | undefined; // members seen so far; undefined for an array
  step: string | number; // current member name or array index
}

/**
 * Parses JSON exactly or refuses it. Besides broken JSON it refuses what JavaScript would change:
 * a repeated member, a number that a double cannot hold, a lone surrogate (UTF-8 has no form for
 * it), and names that reach a prototype. `maxDepth` counts nested objects and arrays.
 * Throws `invalid_json`, `invalid_request`, `reserved_property`, each with a JSON pointer.
 */
export function parseExactly(text: string, maxDepth: number): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid_json", "Invalid JSON in body", { cause });
  }
  refuseInexact(text, maxDepth);
  return value;
}

/**
 * Walks the tokens of a text that `JSON.parse` has accepted, so it need not check the grammar. The
 * stack of containers is an array: nesting of any depth cannot overflow the call stack.
 */
function refuseInexact(text: string, maxDepth: number): void {
  const open: Container[] = [];
  let atName = false; // the next string is a member name
  const refuse = (code: "invalid_json" | "invalid_request" | "reserved_property", detail: string) =>
    new AppError(code, detail, {
      errors: [{ pointer: pointerOf(open.map(({ step }) => step)), code, detail }],
    });

  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    const top = open.at(-1);
    if (char === '"') {
      const end = endOfString(text, i);
      const raw = text.slice(i, end);
      const string: string = raw.includes("\\") ? JSON.parse(raw) : raw.slice(1, -1);
      if (!string.isWellFormed()) throw refuse("invalid_json", "A string has a lone surrogate");
      if (atName && top?.names) {
        top.step = string;
        if (PROTOTYPE_NAMES.has(string)) {
          throw refuse("reserved_property", "This property name is reserved");
        }
        if (top.names.has(string)) throw refuse("invalid_json", "A member is given twice");
        top.names.add(string);
      }
      i = end - 1;
    } else if (char === "{" || char === "[") {
      if (open.length >= maxDepth) throw refuse("invalid_request", "Nested too deeply");
      open.push(char === "{" ? { names: new Set(), step: "" } : { names: undefined, step: 0 });
      atName = char === "{";
    } else if (char === "}" || char === "]") {
      open.pop();
      atName = false;
    } else if (char === ":") {
      atName = false;
    } else if (char === ",") {
      atName = top?.names !== undefined;
      if (typeof top?.step === "number") top.step++;
    } else if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) {
      const end = endOfNumber(text, i);
      if (!isExact(text.slice(i, end))) {
        throw refuse("invalid_request", "This number can't be kept exactly");
      }
      i = end - 1;
    }
  }
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

/** True if an odd number of backslashes stands before a character. */
function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text[from - 1] === "\\") from--;
  return (at - from) % 2 === 1;
}

const NUMBER = /[-+0-9.eE]+/y;

function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  NUMBER.test(text);
  return NUMBER.lastIndex;
}

/** Most numbers are such integers: they need no comparison. */
const SMALL_INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;

/** True if the double that JavaScript reads prints as the same decimal again; −0 does not. */
function isExact(source: string): boolean {
  if (SMALL_INTEGER.test(source)) return true;
  const value = Number(source);
  if (String(value) === source) return true;
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  return canonical(source) === canonical(String(value));
}

/** Returns a decimal as digits and exponent without leading or trailing zeros, to compare two. */
function canonical(source: string): string {
  const [mantissa = "", exponent = "0"] = source.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  let length = digits.length;
  while (length > 0 && digits[length - 1] === "0") length--;
  if (length === 0) return "0";
  const power = Number(exponent) - fraction.length + (digits.length - length);
  return `${sign}${digits.slice(0, length)}e${power}`;
}
