import { type Column, nextOrder, type SortOrder } from "./sort.ts";

interface Props<T> {
  column: Column<T>;
  order: SortOrder | undefined;
  onOrder: (order: SortOrder | undefined) => void;
}

const ARROWS = { ascending: "▲", descending: "▼" };

/** A column's head, which sorts the list. */
export function SortHead<T>({ column: { title, num, size, by }, order, onOrder }: Props<T>) {
  const own = order?.title === title ? order.direction : undefined;
  return (
    <th scope="col" class={num ? "num" : size} aria-sort={by && (own ?? "none")}>
      {by ? (
        <button
          type="button"
          class="sort"
          title="Sorts the list"
          onClick={() => onOrder(nextOrder(title, order))}
        >
          {title} <span aria-hidden="true">{own ? ARROWS[own] : "↕"}</span>
        </button>
      ) : (
        title
      )}
    </th>
  );
}
