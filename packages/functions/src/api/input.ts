import { AppError, type Code, type Fault } from "@stockwire/core/error";
import { pointerOf } from "@stockwire/core/strict-json";
import type * as z from "zod";

/** Validates with the input in each issue, which shows whether a member is missing or of a wrong type. */
export const validate = <Schema extends z.ZodType>(schema: Schema, value: unknown) =>
  schema.safeParse(value, { reportInput: true });

/** Returns the change if it has a member. Throws `no_fields_to_update`. */
export function someFields<T extends object>(change: T): T {
  if (Object.keys(change).length > 0) return change;
  throw new AppError("no_fields_to_update", "No fields to update");
}

/** One `AppError` with every fault that a schema found in one part of the request. */
export function invalidInput(
  target: "json" | "query" | "param" | "header",
  issues: readonly z.core.$ZodIssue[],
): AppError {
  if (target === "param") return new AppError("invalid_id", "No record can have this id");
  if (target === "json") {
    const errors = issues.flatMap(bodyFaults);
    return new AppError(codeOf(errors), summary(issues, errors), { errors });
  }
  const errors = issues.flatMap(parameterFaults);
  const unknown = errors.some(({ code }) => code === "unknown_parameter");
  return new AppError(
    unknown ? "unknown_parameter" : "invalid_parameter",
    errors[0]?.detail ?? "Invalid parameter",
    { errors },
  );
}

const codeOf = (errors: readonly Fault[]): Code =>
  errors.some(({ code }) => code === "reserved_property") ? "reserved_property" : "invalid_request";

function summary(issues: readonly z.core.$ZodIssue[], errors: readonly Fault[]): string {
  const missing = issues.find(isMissing);
  const field = missing && pointerOf(missing.path).slice(1);
  return field ? `Missing required field: ${field}` : (errors[0]?.detail ?? "Invalid request");
}

const isMissing = (issue: z.core.$ZodIssue): boolean =>
  issue.code === "invalid_type" && "input" in issue && issue.input === undefined;

/** The faults of an issue, with JSON pointers (RFC 6901) into the body. */
export function bodyFaults(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      code: "unknown_member",
      detail: "This member is not known",
    }));
  }
  return [{ pointer: pointerOf(issue.path), ...wording(issue) }];
}

function parameterFaults(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      parameter: pointerOf([key]).slice(1),
      code: "unknown_parameter",
      detail: "This parameter is not known here",
    }));
  }
  return [{ parameter: pointerOf(issue.path).slice(1), ...wording(issue) }];
}

/** Code and text of an issue. zod's own texts can repeat what the client sent, so they are not used. */
function wording(issue: z.core.$ZodIssue): { code: string; detail: string } {
  switch (issue.code) {
    case "custom": {
      const code: unknown = issue.params?.["code"];
      return { code: typeof code === "string" ? code : "invalid_value", detail: issue.message };
    }
    case "invalid_type":
      if (!isMissing(issue)) {
        return { code: "invalid_type", detail: `Expected ${article(issue.expected)}` };
      }
      return {
        code: "required",
        detail: issue.message.endsWith(" required")
          ? issue.message
          : `Missing required field: ${pointerOf(issue.path).slice(1)}`,
      };
    case "too_small":
      return { code: "too_small", detail: `At least ${bound(issue.minimum, issue.origin)}` };
    case "too_big":
      return { code: "too_big", detail: `At most ${bound(issue.maximum, issue.origin)}` };
    case "invalid_format":
      return { code: "invalid_format", detail: "Not in the format asked for" };
    case "invalid_value":
      return { code: "invalid_value", detail: `One of: ${issue.values.map(String).join(", ")}` };
    default:
      return { code: "invalid_value", detail: "Not a valid value" };
  }
}

const article = (type: string) => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

const UNITS: Readonly<Record<string, string>> = { string: " characters", array: " entries" };
const bound = (limit: number | bigint, origin: string) => `${limit}${UNITS[origin] ?? ""}`;
