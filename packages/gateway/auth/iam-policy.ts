/**
 * Evaluates the IAM policy that a Lambda authorizer returned. An element that is not supported never
 * allows a request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */

import { isRecord } from "../json.ts";

/** `implicit`: no statement concerns the action, so it is not allowed. */
export type PolicyEffect = "allow" | "deny" | "implicit";

/**
 * Evaluates a policy document for an action, such as `execute-api:Invoke`, on an ARN. An explicit deny
 * wins. Conditions are not supported, so a statement with a condition never allows. Undefined if the
 * value is not a policy document.
 */
export function evaluatePolicy(
  document: unknown,
  arn: string,
  action: string,
): PolicyEffect | undefined {
  if (!isRecord(document)) return undefined;
  const statements = listOf(document["Statement"]);
  if (!statements.every(isRecord)) return undefined;
  const matching = statements.filter((statement) => concerns(statement, arn, action));
  if (matching.some((statement) => statement["Effect"] === "Deny")) return "deny";
  const allows = matching.some(
    (statement) => statement["Effect"] === "Allow" && !("Condition" in statement),
  );
  return allows ? "allow" : "implicit";
}

/**
 * True if a policy document allows `execute-api:Invoke` on an ARN. Undefined if the value is not a
 * policy document.
 */
export function allowsInvoke(document: unknown, arn: string): boolean | undefined {
  const effect = evaluatePolicy(document, arn, "execute-api:Invoke");
  return effect && effect === "allow";
}

/** True if the statement matches both the action and the ARN. IAM actions ignore case. */
function concerns(statement: Record<string, unknown>, arn: string, action: string): boolean {
  const actions = listOf(statement["Action"]);
  const resources = listOf(statement["Resource"]);
  return (
    actions.some(
      (each) => typeof each === "string" && matches(each.toLowerCase(), action.toLowerCase()),
    ) && resources.some((resource) => typeof resource === "string" && matches(resource, arn))
  );
}

/**
 * Matches a pattern in which `*` is any text and `?` any one character. It backtracks to the last `*`
 * only, so that no pattern takes exponential time, as a regular expression could.
 */
function matches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  let index = 0;
  while (index < text.length) {
    if (pattern[at] === "*") {
      star = at++;
      retry = index;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++retry;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** IAM accepts a single element in place of a list of one. */
function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
