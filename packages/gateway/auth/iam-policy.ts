/**
 * Reads and evaluates IAM policies. What cannot be evaluated as IAM does is no valid policy here, so
 * that a statement is never ignored: a `Deny` that is left out would allow.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */

import { isRecord } from "../json.ts";

/** `implicit`: no statement concerns the action, so it is not allowed. */
export type PolicyEffect = "allow" | "deny" | "implicit";

/** A pattern in two parts: `*` and `?` are in the second only. */
interface Pattern {
  start: string;
  rest: string;
}

/** Patterns of actions, in lower case, or of resources; `negated` for `NotAction` and `NotResource`. */
interface Patterns {
  negated: boolean;
  patterns: readonly Pattern[];
}

/** One statement of a policy. */
export interface Statement {
  effect: "Allow" | "Deny";
  action: Patterns;
  resource: Patterns;
  principal: unknown;
  condition: unknown;
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
const ELEMENTS: ReadonlySet<string> = new Set([
  "Sid",
  "Effect",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Principal",
  "Condition",
]);

/**
 * Reads a policy document, whose resources are patterns of ARNs, or become such by `toArn`. Throws if it
 * is not one, or has an element that is not supported.
 */
export function readPolicy(
  document: unknown,
  toArn: (resource: string) => string = (resource) => resource,
): Statement[] {
  if (!isRecord(document) || document["Statement"] === undefined) {
    throw new Error("there is no Statement");
  }
  return [document["Statement"]].flat().map((statement: unknown, at) => {
    const name = `statement ${at + 1}`;
    if (!isRecord(statement)) throw new Error(`${name} is no object`);
    const unknown = Object.keys(statement).find((element) => !ELEMENTS.has(element));
    if (unknown !== undefined) throw new Error(`${name}: ${unknown} is not supported`);
    const { Effect: effect, Principal: principal, Condition: condition } = statement;
    if (effect !== "Allow" && effect !== "Deny") {
      throw new Error(`${name}: Effect must be Allow or Deny`);
    }
    // IAM's actions ignore case.
    const action = readPatterns(name, statement, "Action", (text) => text.toLowerCase());
    const resource = readPatterns(name, statement, "Resource", toArn);
    return { effect, action, resource, principal, condition };
  });
}

/** Exactly one of `Action` and `NotAction`, or of `Resource` and `NotResource`. */
function readPatterns(
  name: string,
  statement: Record<string, unknown>,
  element: "Action" | "Resource",
  spell: (pattern: string) => string,
): Patterns {
  const negated = Object.hasOwn(statement, `Not${element}`);
  if (negated === Object.hasOwn(statement, element)) {
    throw new Error(`${name} must have either ${element} or Not${element}`);
  }
  const patterns: unknown[] = [statement[negated ? `Not${element}` : element]].flat();
  // IAM replaces policy variables such as `${aws:username}`; this gateway knows none.
  const isPattern = (each: unknown): each is string =>
    typeof each === "string" && each !== "" && !each.includes("${");
  if (patterns.length === 0 || !patterns.every(isPattern)) {
    throw new Error(`${name}: ${element} must be texts without variables`);
  }
  return { negated, patterns: patterns.map((pattern) => compile(spell(pattern))) };
}

function compile(pattern: string): Pattern {
  const end = /[*?]/.exec(pattern)?.index ?? pattern.length;
  return { start: pattern.slice(0, end), rest: pattern.slice(end) };
}

/**
 * Evaluates a policy for an action, such as `execute-api:Invoke`, on an ARN. An explicit deny wins.
 * A condition is taken for the worse: its statement never allows, and always denies.
 */
export function evaluate(policy: readonly Statement[], arn: string, action: string): PolicyEffect {
  const folded = action.toLowerCase();
  let effect: PolicyEffect = "implicit";
  for (const statement of policy) {
    if (!concerns(statement.action, folded) || !concerns(statement.resource, arn)) continue;
    if (statement.effect === "Deny") return "deny";
    if (statement.condition === undefined) effect = "allow";
  }
  return effect;
}

/**
 * Reads the policy of a Lambda authorizer. Undefined if it is not valid, or names a principal: the
 * principal is the caller.
 */
export function readCallerPolicy(document: unknown): Statement[] | undefined {
  try {
    const policy = readPolicy(document);
    return policy.every(({ principal }) => principal === undefined) ? policy : undefined;
  } catch {
    return undefined;
  }
}

/**
 * True if the policy of a Lambda authorizer allows `execute-api:Invoke` on an ARN. Undefined if it is
 * not valid.
 */
export function allowsInvoke(document: unknown, arn: string): boolean | undefined {
  const policy = readCallerPolicy(document);
  return policy && evaluate(policy, arn, "execute-api:Invoke") === "allow";
}

const concerns = ({ negated, patterns }: Patterns, text: string): boolean =>
  patterns.some((pattern) => matches(pattern, text)) !== negated;

/**
 * Matches a pattern in which `*` is any text and `?` any one character. It backtracks to the last `*`
 * only, so that no pattern takes exponential time, as a regular expression could. Most patterns of a
 * policy differ from the text in their start, which is compared as a whole.
 */
function matches({ start, rest }: Pattern, text: string): boolean {
  // Patterns of one API share most of their start, so its last character is compared first.
  if (text[start.length - 1] !== start.at(-1) || !text.startsWith(start)) return false;
  let at = 0;
  let star = -1;
  let retry = 0;
  let index = start.length;
  while (index < text.length) {
    if (rest[at] === "*") {
      star = at++;
      retry = index;
    } else if (at < rest.length && (rest[at] === "?" || rest[at] === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++retry;
    } else return false;
  }
  while (rest[at] === "*") at++;
  return at === rest.length;
}
