/** Shows JSON Schemas as text and as nested lists of members. */

import { resolve, type Schema } from "./document.ts";
import { bad, code, el, marked, small } from "./dom.ts";

export const alternatives = (schema: Schema): Schema[] =>
  (schema.anyOf ?? schema.oneOf ?? []).map(resolve);

/** Resolves a schema; a nullable one becomes its part that is not null. */
export function concrete(schema: Schema): Schema {
  const resolved = resolve(schema);
  const [only, ...others] = alternatives(resolved).filter(({ type }) => type !== "null");
  if (!only || others.length > 0) return resolved;
  const { anyOf: _anyOf, oneOf: _oneOf, ...own } = resolved;
  return { ...only, ...own };
}

function typeName(schema: Schema): string {
  const { type = "anything", format, items, ...rest } = resolve(schema);
  const choices = alternatives(rest);
  if (choices.length > 0) return choices.map(typeName).join(" or ");
  if (type === "array") return `array of ${typeName(items ?? {})}`;
  return [type].flat().join(" or ") + (format ? `, ${format}` : "");
}

/** Undefined without a limit. Zod writes the safe integers where an integer has none. */
function range(low: number | undefined, high: number | undefined, unit = ""): string | undefined {
  const [from, to] = [low, high].map((n) =>
    n !== undefined && Math.abs(n) < Number.MAX_SAFE_INTEGER ? n : undefined,
  );
  if (from === undefined) return to === undefined ? undefined : `at most ${to}${unit}`;
  return to === undefined ? `at least ${from}${unit}` : `${from}–${to}${unit}`;
}

const LONGEST_PATTERN = 60;

/** A schema in one line: description, type and constraints. */
export function summary(schema: Schema): string {
  const s = concrete(schema);
  return [
    s.description,
    typeName(schema),
    s.const !== undefined && `only ${String(s.const)}`,
    s.enum?.join(", "),
    s.exclusiveMinimum !== undefined && `above ${s.exclusiveMinimum}`,
    range(s.minimum, s.maximum),
    range(s.minLength || undefined, s.maxLength, " characters"),
    range(s.minItems, s.maxItems, " entries"),
    s.pattern !== undefined && s.pattern.length < LONGEST_PATTERN && s.pattern,
    s.default !== undefined && `default ${JSON.stringify(s.default)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

const DEEPEST = 5; // a schema may contain itself

/** The members of an object, of an array's entries, or of each alternative, as nested lists. */
export function memberList(schema: Schema, isRequest: boolean, depth = 0): HTMLElement[] {
  const s = concrete(schema);
  if (depth > DEEPEST) return [];
  if (s.type === "array") return memberList(s.items ?? {}, isRequest, depth + 1);
  const choices = alternatives(s);
  if (choices.length > 0) {
    return choices.flatMap((choice, index) => [
      el("p", {}, index > 0 ? "or " : "either ", small(...marked(summary(choice)))),
      ...memberList(choice, isRequest, depth + 1),
    ]);
  }
  const rows = Object.entries(s.properties ?? {}).map(([name, property]) => {
    const isRequired = s.required?.includes(name);
    const absence = isRequest ? " · optional" : " · may be absent";
    return el(
      "li",
      {},
      code(name),
      " ",
      small(
        ...marked(summary(property)),
        !isRequired && absence,
        isRequest && isRequired && bad(" required"),
      ),
      memberList(property, isRequest, depth + 1),
    );
  });
  if (s.type === "object" && s.additionalProperties) {
    rows.push(el("li", {}, small("any other members")));
  }
  return rows.length > 0 ? [el("ul", {}, rows)] : [];
}
