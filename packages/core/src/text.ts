/** Text of members and filters: one normal form, and lengths as people count them. */

import * as z from "zod";

// oxlint-disable-next-line typescript/no-misused-spread -- lengths are counted in code points
const codePoints = (text: string): number => [...text].length;

interface Messages {
  /** For a member that is missing or blank. */
  required?: string;
  tooShort?: string;
}

/**
 * A schema of text: trimmed, in Unicode normal form C, with `min` to `max` code points. Its issues
 * have the codes `required`, `too_short` and `too_long` in `params.code`.
 */
export const text = (min: number, max: number, { required, tooShort }: Messages = {}) =>
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
      if (length === 0 && min > 0) issue("required", required ?? "Must not be blank");
      else if (length < min) issue("too_short", tooShort ?? `At least ${min} characters`);
      else if (length > max) issue("too_long", `At most ${max} characters`);
    })
    .meta({ minLength: min, maxLength: max });

/** An error map for zod: one message for a missing member, another for a member of a wrong type. */
export const missingOr =
  (required: string, wrongType: string) =>
  ({ input }: { input?: unknown }) =>
    input === undefined ? required : wrongType;

/** Returns the form of `value` in index keys: the same for all cases and character widths. */
export const folded = (value: string): string => value.normalize("NFKC").toLowerCase();
