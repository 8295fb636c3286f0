import { isRecord } from "../json.ts";

/**
 * Whether a policy document allows `execute-api:Invoke` on this ARN: an explicit deny wins, and what
 * no statement names is denied. Conditions are not known here, so a statement that has one never
 * allows.
 */
export function allowsInvoke(document: unknown, arn: string): boolean | undefined {
  if (!isRecord(document)) return undefined;
  const statements = listOf(document["Statement"]);
  if (!statements.every(isRecord)) return undefined;
  const matching = statements.filter((statement) => concerns(statement, arn));
  if (matching.some((statement) => statement["Effect"] === "Deny")) return false;
  return matching.some(
    (statement) => statement["Effect"] === "Allow" && !("Condition" in statement),
  );
}

function concerns(statement: Record<string, unknown>, arn: string): boolean {
  const actions = listOf(statement["Action"]);
  const resources = listOf(statement["Resource"]);
  return (
    actions.some(
      (action) => typeof action === "string" && matches(action.toLowerCase(), "execute-api:invoke"),
    ) && resources.some((resource) => typeof resource === "string" && matches(resource, arn))
  );
}

/** `*` stands for any text, `?` for one character; linear in the text for each `*`. */
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

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
