/** A token's payload: JSON that nobody has checked for more than being an object. */
export type Claims = Readonly<Record<string, unknown>>;

/** Every scope of a token, from `scope` and `scp`, each a string with spaces or a list. */
export function scopesOf({ scope, scp }: Claims): string[] {
  return [scope, scp].flatMap((value) => {
    if (typeof value === "string") return value.split(" ").filter((part) => part !== "");
    return Array.isArray(value) ? value.filter((part) => typeof part === "string") : [];
  });
}

/**
 * Claims as an event shows them: text in the way Go prints values, nulls left out. Measured on AWS by
 * https://github.com/floci-io/floci/pull/2011.
 */
export function claimTexts(claims: Claims): Record<string, string> {
  const shown = Object.entries(claims).filter(([, value]) => value !== null);
  return Object.fromEntries(shown.map(([name, value]) => [name, goText(value)]));
}

function goText(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "string") return value;
  if (typeof value !== "object") return JSON.stringify(value);
  // Go prints maps sorted by key.
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${goText(member)}`).join(" ")}]`;
}
