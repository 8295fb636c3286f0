/** Why the server has refused a chunk of a count: the products that are the reason, in words. */

import { type Problem, ProblemError } from "@stockwire/client/http";
import { errorText } from "../notice.tsx";
import type { Difference } from "./difference.ts";

type Refused = NonNullable<Problem["refused"]>[number];

/**
 * Returns the refused products of a chunk with their reasons: all of them where the server names none.
 * Undefined if another try can succeed: an answer below 500 is a refusal, but 401 and 429 can pass.
 */
export function refusalsOf(
  error: unknown,
  chunk: readonly Difference[],
): ReadonlyMap<Difference, string> | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  const { status, members } = error;
  if (status >= 500 || status === 401 || status === 429) return undefined;
  const named = (members["refused"] ?? []) as readonly Refused[];
  const refusals = named.flatMap((refused) => {
    const difference = chunk[refused.index];
    return difference ? [[difference, reasonOf(refused, difference)] as const] : [];
  });
  if (refusals.length > 0) return new Map(refusals);
  return new Map(chunk.map((difference) => [difference, errorText(error)]));
}

function reasonOf({ code, currentQuantity = 0, reserved = 0 }: Refused, { from }: Difference) {
  switch (code) {
    case "stale_quantity":
      return `${currentQuantity} on hand now, no longer ${from} (${code})`;
    case "below_reserved":
      return `${reserved} are reserved (${code})`;
    case "inventory_not_found":
      return `the product was deleted (${code})`;
    default:
      return code;
  }
}
