import { ProblemError } from "@stockwire/client/http";
import { errorText } from "../notice.tsx";

/** Texts of problems by the member that they are about; `""` is for the record as a whole. */
export type Problems = Readonly<Record<string, readonly string[]>>;

/** Sorts the errors of a problem by member. Those of unknown members keep their pointer as text. */
export function problemsOf(error: unknown, members: readonly string[]): Problems {
  if (!(error instanceof ProblemError) || error.errors.length === 0)
    return { "": [errorText(error)] };
  const problems: Record<string, string[]> = {};
  for (const entry of error.errors) {
    const path = entry.pointer ?? "";
    const [, member = ""] = path.split("/");
    const known = members.includes(member);
    const text = known ? entry.detail : `${path} ${entry.detail}`;
    (problems[known ? member : ""] ??= []).push(text);
  }
  return problems;
}

/** True if the record has a newer version than the form (412). */
export const isStale = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === "precondition_failed";
