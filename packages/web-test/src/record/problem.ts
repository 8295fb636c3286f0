import { ProblemError } from "@stockwire/client/http";
import { wordsOf } from "../notice.ts";

/** What is wrong, by the member that it is about; `""` is for the whole. */
export type Problems = Readonly<Record<string, readonly string[]>>;

export function problemsOf(error: unknown, members: readonly string[]): Problems {
  if (!(error instanceof ProblemError) || error.errors.length === 0)
    return { "": [wordsOf(error)] };
  const problems: Record<string, string[]> = {};
  for (const fault of error.errors) {
    const path = "pointer" in fault ? fault.pointer : "";
    const [, member = ""] = path.split("/");
    const known = members.includes(member);
    const text = known ? fault.detail : `${path} ${fault.detail}`;
    (problems[known ? member : ""] ??= []).push(text);
  }
  return problems;
}

export const isStale = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === "precondition_failed";
