import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { type Feed, RESOURCES } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Late } from "../ui/late.tsx";
import { Empty } from "../ui/require-scopes.tsx";
import { ORDERS, Select } from "../ui/select.tsx";
import { type BulkAction, BulkBar } from "./bulk.tsx";
import { type FetchPage, type First } from "./first.ts";
import { usePages } from "./pages.ts";
import type { Column, SortOrder } from "./sort.ts";
import { SortHead } from "./sort-head.tsx";

interface Props<T> {
  connection: Connection;
  feed: Feed;
  fetchPage: FetchPage<T>;
  columns: readonly Column<T>[];
  cells: (record: T) => readonly ComponentChildren[];
  /** Fields above the list. */
  filters?: ComponentChildren;
  /** What the filters select: the list begins again when it changes. */
  filter?: string;
  /** Actions on selected rows. */
  bulk?: readonly BulkAction<T>[];
  /** How a row is called in a report of a bulk action. */
  nameOf?: (record: T) => string;
  /** False for a list in which records cannot be created. */
  hasNew?: boolean;
  /** False for a list that has an order of its own. */
  hasOrder?: boolean;
}

/** A paged list, newest first, or sorted by a column. What is on screen follows the changes of the feed. */
export function RecordList<T extends { id: string }>(props: Props<T>) {
  const { connection, feed, fetchPage, columns, cells, bulk = [], filter = "" } = props;
  const { nameOf = ({ id }) => id, hasNew = true, hasOrder = true } = props;
  const pages = usePages({ connection, feed, fetchPage, columns, filter });
  const { items, late, order, sort, first } = pages;
  const selected = useSignal<ReadonlySet<string>>(new Set());

  /** Shows other rows, of which none is selected. */
  const turn = (show: () => void) => {
    selected.value = new Set();
    show();
  };
  const choose = (ids: Iterable<string>) => (selected.value = new Set(ids));
  const toggle = (id: string) =>
    choose(
      selected.value.has(id)
        ? [...selected.value].filter((other) => other !== id)
        : [...selected.value, id],
    );
  const canWrite = hasScope(RESOURCES[feed].writeScope);
  const hasBulk = bulk.length > 0 && canWrite;
  const [before, after] = order === "desc" ? ["Newer", "Older"] : ["Older", "Newer"];
  const isOrdered = hasOrder && !sort;

  return (
    <>
      <div class="bar">
        {hasNew && canWrite && (
          <a class="button primary" href={href(feed, "new")}>
            New
          </a>
        )}
        {props.filters}
        <span class="grow" />
        <span class="faint num" role="status" data-fact="sorted">
          {sort && sortedText(sort, first, hasOrder ? ORDER_WORDS[order] : "first")}
        </span>
        {hasOrder && (
          <Select
            label="Order"
            value={order}
            options={ORDERS}
            onSelect={(wanted) => turn(() => pages.setOrder(wanted))}
          />
        )}
        <span class="faint num">Page {pages.number}</span>
        <Button disabled={!pages.hasPrevious} onClick={() => turn(pages.previous)}>
          {isOrdered ? before : "Back"}
        </Button>
        <Button disabled={!pages.hasNext} onClick={() => turn(pages.next)}>
          {isOrdered ? after : "Next"}
        </Button>
      </div>
      {pages.failure && <Empty title="The list can't be read">{pages.failure}</Empty>}
      {hasBulk && (
        <BulkBar
          actions={bulk}
          chosen={items.filter(({ id }) => selected.value.has(id))}
          nameOf={nameOf}
          onDone={() => {
            selected.value = new Set();
            void pages.load();
          }}
        />
      )}
      <div class="panel records-panel" tabIndex={0} role="region" aria-label={`List of ${feed}`}>
        <table
          class="records"
          data-live={pages.isLive || undefined}
          aria-busy={!pages.isRead || (sort !== undefined && !first)}
        >
          <thead>
            <tr>
              {hasBulk && (
                <th scope="col" class="select">
                  <input
                    type="checkbox"
                    aria-label="Select all on this page"
                    checked={items.length > 0 && items.every(({ id }) => selected.value.has(id))}
                    onChange={(event) =>
                      choose(event.currentTarget.checked ? items.map(({ id }) => id) : [])
                    }
                  />
                </th>
              )}
              {columns.map((column) => (
                <SortHead
                  key={column.title}
                  column={column}
                  order={sort}
                  onOrder={(wanted) => turn(() => pages.sortBy(wanted))}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((record) => (
              <tr
                key={record.id}
                data-id={record.id}
                data-late={late.has(record.id) || undefined}
                data-selected={selected.value.has(record.id) || undefined}
              >
                {hasBulk && (
                  <td class="select">
                    <input
                      type="checkbox"
                      aria-label={`Select ${nameOf(record)}`}
                      checked={selected.value.has(record.id)}
                      onChange={() => toggle(record.id)}
                    />
                  </td>
                )}
                {cells(record).map((cell, index) => (
                  <td key={columns[index]?.title} class={columns[index]?.num ? "clip num" : "clip"}>
                    {index === 0 && late.has(record.id) && <Late />}
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {pages.isRead && items.length === 0 && (
          <Empty title="Nothing here">
            {filter === "" && hasNew ? "Create one." : "No record matches."}
          </Empty>
        )}
      </div>
    </>
  );
}

const ORDER_WORDS = { desc: "newest", asc: "oldest" };

/** What is sorted: the whole list, or the beginning of a long one. */
function sortedText<T>({ title }: SortOrder, first: First<T> | undefined, which: string): string {
  if (!first) return "Reading the list to sort it";
  const { items, isWhole } = first;
  if (isWhole) return `All ${count(items.length)} by ${title.toLowerCase()}`;
  return `Only the ${which} ${count(items.length)} are sorted; the list has more`;
}
