import * as z from "zod";

// oxlint-disable-next-line typescript/no-misused-spread -- code points are what is counted
const codePoints = (text: string): number => [...text].length;

/** Why a string is refused; `required` also stands for a blank one. */
export interface Wording {
  required?: string;
  tooShort?: string;
}

/** Trimmed, NFC, `min`–`max` code points. */
export const text = (min: number, max: number, { required, tooShort }: Wording = {}) =>
  z
    .string(required === undefined ? undefined : { error: orElse(required, "Expected a string") })
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

/** The message for a member that is missing, or another for one of a wrong type. */
export const orElse =
  (required: string, wrong: string) =>
  ({ input }: { input?: unknown }) =>
    input === undefined ? required : wrong;

/** `value` as index keys have it: alike without regard to case and width. */
export const folded = (value: string): string => value.normalize("NFKC").toLowerCase();
