/** The claims of a JSON Web Token: their scopes, and the form in which events show them. */

/** The payload of a token: a JSON object whose members are not checked. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * All scopes of a token. API Gateway reads `scope` and `scp`; both may be a space-separated string or
 * an array.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */
export function scopesOf({ scope, scp }: Claims): string[] {
  return [scope, scp].flatMap((value) => {
    if (typeof value === "string") return value.split(" ").filter((part) => part !== "");
    return Array.isArray(value) ? value.filter((part) => typeof part === "string") : [];
  });
}

/**
 * `requestContext.authorizer.jwt.claims`: every claim as text, in the way the language Go prints it.
 * Null claims are omitted. Measured on AWS by https://github.com/floci-io/floci/pull/2011. Half a
 * surrogate pair, which Go's strings cannot hold, becomes U+FFFD: https://pkg.go.dev/encoding/json#Unmarshal
 */
export function claimTexts(claims: Claims): Record<string, string> {
  const shown = Object.entries(claims).filter(([, value]) => value !== null);
  return Object.fromEntries(shown.map(([name, value]) => [name, goText(value)]));
}

function goText(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value !== "object") return JSON.stringify(value);
  // Go prints maps sorted by key.
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${goText(member)}`).join(" ")}]`;
}
