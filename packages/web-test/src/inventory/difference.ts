/** What a count would change: its lines beside the levels that are stored. */

import type { Inventory, Product } from "@stockwire/client/http";
import type { CountLine } from "./csv.ts";

/** What is read of a product and its level. */
export interface Stocked {
  product: Pick<Product, "id" | "name">;
  level: Pick<Inventory, "quantity" | "reserved">;
}

export interface Difference {
  line: number;
  /** The sku or id, as typed. */
  typed: string;
  /** `reserved`: fewer units than are reserved, which the server refuses. */
  kind: "change" | "same" | "unknown" | "reserved" | "again";
  productId: string;
  name: string;
  /** Units on hand before; the count is refused if it is another number by then. */
  from: number;
  to: number;
}

/** Compares each line with the stored level. A product that a sku and its id name is counted once. */
export function differences(
  lines: readonly CountLine[],
  find: (typed: string) => Stocked | undefined,
): Difference[] {
  const seen = new Set<string>();
  return lines.map(({ line, product: typed, quantity: to }) => {
    const found = find(typed);
    if (!found) return { line, typed, kind: "unknown", productId: "", name: "", from: 0, to };
    const { id: productId, name } = found.product;
    const { quantity: from, reserved } = found.level;
    const kind = seen.has(productId) ? "again" : kindOf(from, to, reserved);
    seen.add(productId);
    return { line, typed, kind, productId, name, from, to };
  });
}

function kindOf(from: number, to: number, reserved: number): Difference["kind"] {
  if (to === from) return "same";
  return to < reserved ? "reserved" : "change";
}

/** Changes first, in the order of their size; then what cannot be counted; then what is the same. */
export const byWeight = (all: readonly Difference[]): Difference[] =>
  all.toSorted(
    (a, b) => ORDER[a.kind] - ORDER[b.kind] || Math.abs(b.to - b.from) - Math.abs(a.to - a.from),
  );

const ORDER = { unknown: 0, reserved: 0, again: 0, change: 1, same: 2 };
