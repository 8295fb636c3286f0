import { AppError } from "./error.ts";

/** Keys that reach an object's prototype somewhere, sooner or later. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Member names that are safe to repeat to a caller. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** A JSON pointer, cut at the first name that is not safe to repeat. */
export function pointerOf(path: readonly PropertyKey[]): string {
  let pointer = "";
  for (const step of path) {
    if (!PLAIN_NAME.test(String(step))) break;
    pointer += `/${String(step)}`;
  }
  return pointer;
}

interface Frame {
  keys: Set<string> | undefined; // of an object; undefined for an array
  step: string | number;
}

/**
 * Parses JSON exactly or refuses. Beyond `JSON.parse` it refuses what JavaScript would change in
 * silence: a member given twice, a number that a double can't hold, a lone surrogate (it can't be
 * stored as UTF-8), and names that reach a prototype. Depth is checked without recursion.
 * Throws `invalid_json`, `invalid_request`, `reserved_property`.
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

/** Walks the tokens of a text that `JSON.parse` has accepted. */
function refuseInexact(text: string, maxDepth: number): void {
  const frames: Frame[] = [];
  let atKey = false;
  const refuse = (code: "invalid_json" | "invalid_request" | "reserved_property", detail: string) =>
    new AppError(code, detail, {
      errors: [{ pointer: pointerOf(frames.map((frame) => frame.step)), code, detail }],
    });

  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    const top = frames.at(-1);
    if (char === '"') {
      const end = endOfString(text, i);
      const raw = text.slice(i, end);
      const string: string = raw.includes("\\") ? JSON.parse(raw) : raw.slice(1, -1);
      if (!string.isWellFormed()) throw refuse("invalid_json", "A string has a lone surrogate");
      if (atKey && top?.keys) {
        top.step = string;
        if (PROTOTYPE_NAMES.has(string)) {
          throw refuse("reserved_property", "This property name is reserved");
        }
        if (top.keys.has(string)) throw refuse("invalid_json", "A member is given twice");
        top.keys.add(string);
      }
      i = end - 1;
    } else if (char === "{" || char === "[") {
      if (frames.length >= maxDepth) throw refuse("invalid_request", "Nested too deeply");
      frames.push(char === "{" ? { keys: new Set(), step: "" } : { keys: undefined, step: 0 });
      atKey = char === "{";
    } else if (char === "}" || char === "]") {
      frames.pop();
      atKey = false;
    } else if (char === ":") {
      atKey = false;
    } else if (char === ",") {
      atKey = top?.keys !== undefined;
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
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

const NUMBER = /[-+0-9.eE]+/y;

function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  NUMBER.test(text);
  return NUMBER.lastIndex;
}

const SMALL_INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;

/** Whether the double that JavaScript reads prints the same decimal again; −0 does not. */
function isExact(source: string): boolean {
  if (SMALL_INTEGER.test(source)) return true;
  const value = Number(source);
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  return canonical(source) === canonical(String(value));
}

/** `digits e exponent` without leading or trailing zeros. */
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
