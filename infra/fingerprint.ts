/** What a deployment of a REST API depends on, as text: it changes if the inputs of a resource do. */

import { hash } from "node:crypto";

/** The hash of a resource's inputs. The order of members does not matter, and undefined is absent. */
export const fingerprint = (inputs: object): string =>
  hash("sha256", JSON.stringify(sorted(inputs)));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, sorted(each)]),
  );
}
