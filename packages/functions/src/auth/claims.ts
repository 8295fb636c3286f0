import type { Claims } from "./token.ts";

/**
 * Claims in the form in which an HTTP API passes them to its function: each as text, as the language
 * Go prints it, without those that are null. So a caller is read from a token in the same way whether
 * a gateway or this process has verified it. Measured on AWS by
 * https://github.com/floci-io/floci/pull/2011. Half a surrogate pair, which Go's strings cannot hold,
 * becomes U+FFFD: https://pkg.go.dev/encoding/json#Unmarshal
 */
export const claimTexts = (claims: Claims): Record<string, string> =>
  Object.fromEntries(
    Object.entries(claims).flatMap(([name, value]) =>
      value === null ? [] : [[name, goText(value)] as const],
    ),
  );

function goText(value: unknown): string {
  if (value === null) return "<nil>";
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const sorted = Object.entries(value as Claims).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${sorted.map(([name, member]) => `${name}:${goText(member)}`).join(" ")}]`;
}
