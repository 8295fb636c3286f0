import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Feed, RESOURCES } from "../catalog.ts";
import { type Connection, isLate } from "../connection.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Late } from "../ui/late.tsx";
import { Empty } from "../ui/require-scopes.tsx";
import { ORDERS, Select } from "../ui/select.tsx";
import { type BulkAction, BulkBar } from "./bulk.tsx";
import { type Column, sorted, type SortOrder } from "./sort.ts";
import { SortHead } from "./sort-head.tsx";

interface Page<T> {
  items: readonly T[];
  nextToken: string | null;
}

interface ListQuery {
  limit: string;
  order: "asc" | "desc";
  nextToken?: string;
}

interface Props<T> {
  connection: Connection;
  feed: Feed;
  fetchPage: (query: ListQuery) => Promise<Page<T>>;
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

const LIMIT = 10; // rows
const RELOAD_AFTER = 250; // ms, so that a burst of changes reloads once

/** A paged list, newest first. The page on screen is read again after a change of the feed. */
export function RecordList<T extends { id: string }>(props: Props<T>) {
  const { connection, feed, fetchPage, columns, cells, bulk = [], filter = "" } = props;
  const { nameOf = ({ id }) => id, hasNew = true, hasOrder = true } = props;
  const page = useSignal<Page<T>>();
  const failure = useSignal<string>();
  const tokens = useSignal<readonly string[]>([]); // page tokens, up to that of this page
  const order = useSignal<keyof typeof ORDERS>("desc");
  const sort = useSignal<SortOrder>();
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const late = useSignal<ReadonlySet<string>>(new Set());
  const reads = useRef(0); // only the latest one is shown: an earlier one may be answered later

  const load = async () => {
    const number = ++reads.current;
    const nextToken = tokens.peek().at(-1);
    const query = { limit: String(LIMIT), order: order.peek(), ...(nextToken && { nextToken }) };
    try {
      const read = await fetchPage(query);
      if (number !== reads.current) return;
      page.value = read;
      failure.value = undefined;
      const ids = new Set(read.items.map(({ id }) => id));
      if ([...selected.peek()].some((id) => !ids.has(id))) selected.value = new Set();
    } catch (error) {
      if (number === reads.current) failure.value = errorText(error);
    }
  };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { close } = connection.live.subscribe(feed, {
      event({ id, at }) {
        if (isLate(at)) late.value = new Set([...late.peek(), id]);
        else if (late.peek().has(id))
          late.value = new Set([...late.peek()].filter((x) => x !== id));
        clearTimeout(timer);
        timer = setTimeout(() => void load(), RELOAD_AFTER);
      },
      reset: () => void load(),
    });
    tokens.value = [];
    void load();
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [connection, filter]);

  const turnTo = (path: readonly string[]) => {
    tokens.value = path;
    selected.value = new Set();
    void load();
  };
  const choose = (ids: Iterable<string>) => (selected.value = new Set(ids));
  const toggle = (id: string) =>
    choose(
      selected.value.has(id)
        ? [...selected.value].filter((other) => other !== id)
        : [...selected.value, id],
    );
  const next = page.value?.nextToken;
  const items = sorted(page.value?.items ?? [], columns, sort.value);
  const canWrite = hasScope(RESOURCES[feed].writeScope);
  const hasBulk = bulk.length > 0 && canWrite;
  const [before, after] = order.value === "desc" ? ["Newer", "Older"] : ["Older", "Newer"];

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
        {hasOrder && (
          <Select
            label="Order"
            value={order.value}
            options={ORDERS}
            onSelect={(wanted) => {
              order.value = wanted;
              turnTo([]);
            }}
          />
        )}
        <span class="faint num">Page {tokens.value.length + 1}</span>
        <Button
          disabled={tokens.value.length === 0}
          onClick={() => turnTo(tokens.value.slice(0, -1))}
        >
          {hasOrder ? before : "Back"}
        </Button>
        <Button disabled={!next} onClick={() => next && turnTo([...tokens.value, next])}>
          {hasOrder ? after : "Next"}
        </Button>
      </div>
      {failure.value && <Empty title="The list can't be read">{failure.value}</Empty>}
      {hasBulk && (
        <BulkBar
          actions={bulk}
          chosen={items.filter(({ id }) => selected.value.has(id))}
          nameOf={nameOf}
          onDone={() => {
            selected.value = new Set();
            void load();
          }}
        />
      )}
      <div class="panel records-panel" tabIndex={0} role="region" aria-label={`List of ${feed}`}>
        <table class="records" aria-busy={!page.value}>
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
                  order={sort.value}
                  onOrder={(wanted) => (sort.value = wanted)}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((record) => (
              <tr
                key={record.id}
                data-id={record.id}
                data-late={late.value.has(record.id) || undefined}
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
                    {index === 0 && late.value.has(record.id) && <Late />}
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {page.value && items.length === 0 && (
          <Empty title="Nothing here">
            {filter === "" && hasNew ? "Create one." : "No record matches."}
          </Empty>
        )}
      </div>
    </>
  );
}
