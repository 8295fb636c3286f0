/** The lines of a new reservation, and where the faults of a refused one belong. */

export interface DraftLine {
  /** Differs between the lines of a form. */
  key: number;
  /** A sku or the id of a product, as typed. */
  text: string;
  quantity: string;
  /** The product that the text names; undefined until it is found. */
  productId?: string | undefined;
}

interface Line {
  productId: string;
  quantity: number;
}

/** The lines of the request. A line whose product is not found is sent as typed, to be refused. */
export const linesOf = (lines: readonly DraftLine[]): Line[] =>
  lines.map(({ text, quantity, productId }) => ({
    productId: productId ?? text.trim(),
    quantity: Number(quantity),
  }));

/** What is read of a refusal. */
interface Refusal {
  detail: string;
  errors: readonly { pointer?: string | undefined; detail: string }[];
  members: Readonly<Record<string, unknown>>;
}

interface Shortage {
  productId: string;
  requested: number;
  available: number;
}

/** Texts by the index of the line that they are about; those of the whole request are at -1. */
export function lineProblems(
  { detail, errors, members }: Refusal,
  lines: readonly Line[],
): Map<number, string[]> {
  const problems = new Map<number, string[]>();
  const add = (index: number, text: string) =>
    problems.set(index, [...(problems.get(index) ?? []), text]);
  for (const { pointer = "", detail: text } of errors) {
    const [, index] = /^\/lines\/(\d+)/.exec(pointer) ?? [];
    add(
      index === undefined ? -1 : Number(index),
      index === undefined ? `${pointer} ${text}` : text,
    );
  }
  const shortages = (members["shortages"] ?? []) as readonly Shortage[];
  for (const { productId, available } of shortages) {
    for (const [index, line] of lines.entries()) {
      if (line.productId === productId) add(index, `Only ${available} available`);
    }
  }
  if (problems.size === 0) add(-1, detail);
  return problems;
}
