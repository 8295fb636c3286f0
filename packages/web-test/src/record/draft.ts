/** A form's fields as text, and the members that they stand for. */

export type Members = Readonly<Record<string, unknown>>;
export type Draft<Name extends string> = Record<Name, string>;

/** All fields as text; a member that is absent has its default. */
export function draftOf<Name extends string>(
  names: readonly Name[],
  members: Members,
  defaults: Partial<Draft<NoInfer<Name>>>,
): Draft<Name> {
  const fields = names.map((name) => {
    const value = members[name];
    const isText = typeof value === "number" || typeof value === "string";
    return [name, isText ? String(value) : (defaults[name] ?? "")];
  });
  return Object.fromEntries(fields) as Draft<Name>;
}

/** A text that is no number is sent as text, for the server to refuse. */
export const numberOf = (text: string): number | string => {
  const trimmed = text.trim();
  return trimmed === "" || Number.isNaN(Number(trimmed)) ? text : Number(trimmed);
};

/** A JSON merge patch of the members that differ; one that was removed is null. */
export function patchOf(names: readonly string[], members: Members, base: Members): Members {
  const changed = names.filter((name) => members[name] !== base[name]);
  return Object.fromEntries(changed.map((name) => [name, members[name] ?? null]));
}
