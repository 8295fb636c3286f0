/** Sorts records by a column. */

export interface Column<T> {
  title: string;
  num?: boolean;
  /** What it holds, if it needs a width of its own: a date with time, a small number, a form. */
  size?: "time" | "small" | "form";
  /** The value to sort the rows by. */
  by?: (record: T) => string | number;
}

export interface SortOrder {
  title: string;
  direction: "ascending" | "descending";
}

/** The rows in the wanted order; equal ones stay as they are. */
export function sorted<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  order: SortOrder | undefined,
): readonly T[] {
  const by = columns.find(({ title }) => title === order?.title)?.by;
  if (!by || !order) return rows;
  const sign = order.direction === "ascending" ? 1 : -1;
  return rows.toSorted((a, b) => sign * compare(by(a), by(b)));
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

/** The order after a press on a column: ascending, descending, then as the server sent them. */
export function nextOrder(title: string, order: SortOrder | undefined): SortOrder | undefined {
  if (order?.title !== title) return { title, direction: "ascending" };
  return order.direction === "ascending" ? { title, direction: "descending" } : undefined;
}
