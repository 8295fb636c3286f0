/**
 * Text of members and filters: one normal form, lengths as people count them, and no characters
 * that make a text look like another one or like none.
 */

import * as z from "zod";

// oxlint-disable-next-line typescript/no-misused-spread -- lengths are counted in code points
const codePoints = (text: string): number => [...text].length;

/**
 * Controls (C0, DEL, C1), separators of lines, and the embeddings, overrides and isolates of text
 * direction, with which a name can be shown as another one. The marks of direction (U+200E, U+200F,
 * U+061C) are allowed: names in Hebrew or Arabic need them.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const NOT_IN_A_LINE = "\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069";
/** Controls except tab, line feed and carriage return. */
const NOT_IN_LINES = "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f";

const ofLine = {
  refused: new RegExp(`[${NOT_IN_A_LINE}]`),
  pattern: patternOf(NOT_IN_A_LINE, "+"),
};
const ofLines = { refused: new RegExp(`[${NOT_IN_LINES}]`), pattern: patternOf(NOT_IN_LINES, "*") };

/** A pattern of JSON Schema: none of these characters, and no white space at the ends. */
function patternOf(refused: string, repeat: "+" | "*"): string {
  return `^(?!\\s|[\\s\\S]*\\s$)[^${refused}]${repeat}$`;
}

/** Zero-width characters, fillers and the blank of Braille are not visible. */
const VISIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;

interface Options {
  /** For a member that is missing or blank. */
  required?: string;
  tooShort?: string;
  /** Whether the text may have several lines, and so tabs and line breaks. */
  multiline?: boolean;
}

/**
 * A schema of text: trimmed, in Unicode normal form C, with `min` to `max` code points. Unless `min`
 * is 0 at least one of them is visible. Its issues have the codes `required`, `too_short`,
 * `too_long` and `invalid_character` in `params.code`. Its JSON Schema describes the text as it is
 * stored: what has that form is accepted, and white space around it as well.
 */
export const text = (
  min: number,
  max: number,
  { required, tooShort, multiline = false }: Options = {},
) =>
  z
    .string(
      required === undefined ? undefined : { error: missingOr(required, "Expected a string") },
    )
    .trim()
    .normalize("NFC")
    .superRefine((value, context) => {
      const length = codePoints(value);
      const issue = (code: string, message: string) =>
        context.addIssue({ code: "custom", message, params: { code } });
      const { refused } = multiline ? ofLines : ofLine;
      if (refused.test(value)) issue("invalid_character", "Must not have control characters");
      else if (min > 0 && !VISIBLE.test(value)) issue("required", required ?? "Must not be blank");
      else if (length < min) issue("too_short", tooShort ?? `At least ${min} characters`);
      else if (length > max) issue("too_long", `At most ${max} characters`);
    })
    .meta({
      minLength: min,
      maxLength: max,
      pattern: (multiline ? ofLines : ofLine).pattern,
    });

/** An error map for zod: one message for a missing member, another for a member of a wrong type. */
export const missingOr =
  (required: string, wrongType: string) =>
  ({ input }: { input?: unknown }) =>
    input === undefined ? required : wrongType;

/** Returns the form of `value` in index keys: the same for all cases and character widths. */
export const folded = (value: string): string => value.normalize("NFKC").toLowerCase();
