/** The stock page: a live table of products and their levels, which reads what is on screen. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count, prepareMoney } from "../format.ts";
import { errorText } from "../notice.tsx";
import { parameters, setParameters } from "../route.ts";
import { Button } from "../ui/button.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { ORDERS, Select } from "../ui/select.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { useRange } from "../ui/virtual.ts";
import { type Part, StockDialog } from "./dialog.tsx";
import { StockRow } from "./row.tsx";
import type { Filter } from "./source.ts";
import { openStock, type Row, type Stock } from "./store.ts";

const LEVELS = ["out", "low"] as const;
type Level = (typeof LEVELS)[number];
const BY = { name: "Name", sku: "Sku", category: "Category" } as const;
type By = keyof typeof BY;
const isBy = (text: string | null): text is By => text !== null && Object.hasOwn(BY, text);

/** What the user looks for. Only the name is searched in this window. */
interface Search {
  by: By;
  text: string;
  level: Level | undefined;
  order: "asc" | "desc";
}

export const StockPage = () => (
  <RequireScopes scopes={["read:products", "read:inventory"]}>
    {(connection) => <StockSearch connection={connection} />}
  </RequireScopes>
);

function searchOf(query: URLSearchParams): Search {
  const by = query.get("by");
  return {
    by: isBy(by) ? by : "name",
    text: query.get("q") ?? "",
    level: LEVELS.find((level) => level === query.get("level")),
    order: query.get("order") === "asc" ? "asc" : "desc",
  };
}

function filterOf({ by, text, level, order }: Search): Filter {
  if (by !== "name" && text.trim() !== "") return { by, text: text.trim() };
  return level ? { by: "level", level } : { by: "all", order };
}

function StockSearch({ connection }: { connection: Connection }) {
  const search = useSignal(searchOf(parameters()));
  const typed = useSignal(search.peek().text);
  const opening = useSignal(0); // rises when the list is read from its start
  const { by, level, order } = search.value;
  const change = (part: Partial<Search>) => {
    search.value = { ...search.value, ...part };
    const { by: kind, text, level: only, order: direction } = search.value;
    setParameters({
      by: kind === "name" ? "" : kind,
      q: text,
      level: only ?? "",
      order: direction === "asc" ? direction : "",
    });
  };
  const filter = filterOf(search.value);
  return (
    <>
      <div class="bar">
        <div class="group" role="group" aria-label="Levels">
          {LEVELS.map((each) => (
            <Button
              key={each}
              pressed={filter.by === "level" && level === each}
              onClick={() => {
                if (by !== "name") typed.value = "";
                const text = by === "name" ? search.value.text : "";
                change({ by: "name", text, level: level === each ? undefined : each });
              }}
            >
              <LevelBadge level={each} />
            </Button>
          ))}
        </div>
        <Select
          label="Order"
          value={order}
          options={ORDERS}
          onSelect={(wanted) => change({ order: wanted })}
        />
        <a class="button" href={location.href} target="_blank" rel="noopener">
          Open a second window
        </a>
        <form
          class="pick search"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            change({ text: typed.value });
          }}
        >
          <Select
            label="Find by"
            value={by}
            options={BY}
            onSelect={(wanted) => change({ by: wanted, text: typed.value })}
          />
          <input
            type="search"
            placeholder="Find a product"
            aria-label="Find a product"
            value={typed.value}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
              if (by === "name" || typed.value === "") change({ text: typed.value });
            }}
          />
          {by !== "name" && <Button type="submit">Find</Button>}
        </form>
      </div>
      <StockTable
        key={`${JSON.stringify(filter)} ${opening.value}`}
        connection={connection}
        filter={filter}
        prefix={by === "name" ? search.value.text : ""}
        onReopen={() => void opening.value++}
      />
    </>
  );
}

interface TableProps {
  connection: Connection;
  filter: Filter;
  /** The beginning of the names to show, of those that are held. */
  prefix: string;
  onReopen: () => void;
}

/** The height of a row until one is drawn, in px. */
const ROW = 60;

function StockTable({ connection, filter, prefix, onReopen }: TableProps) {
  const stock = useMemo(() => openStock(connection, filter, onReopen), []);
  useEffect(() => () => stock.close(), []);
  useEffect(prepareMoney, []);
  const opened = useSignal<{ row: Row; part: Part }>();
  const body = useRef<HTMLTableSectionElement>(null);
  const { list } = stock;
  void stock.drawn.value; // draws again after each change of the list

  const wanted = prefix.trim().toLowerCase();
  const found = wanted === "" ? undefined : heldByName(stock, wanted);
  const length = found?.length ?? list.length;
  const heightOf = () =>
    body.current?.querySelector(".stock-row")?.getBoundingClientRect().height || ROW;
  const { from: first, to: last } = useRange(body, heightOf, length);
  useEffect(() => {
    if (!found) list.show(first, last);
  }, [first, last, found === undefined]);
  const height = heightOf();
  const shown = Array.from({ length: last - first }, (_, index) => {
    const at = first + index;
    return { at, row: found ? found[at] : list.at(at) };
  });

  return (
    <>
      {stock.fresh.value > 0 && (
        <p class="fresh" role="status">
          <Button small onClick={onReopen}>
            {count(stock.fresh.value)} new: show
          </Button>
        </p>
      )}
      {list.failure !== undefined && (
        <Empty title="The stock can't be read">
          {errorText(list.failure)} <Button onClick={() => list.retry()}>Try again</Button>
        </Empty>
      )}
      {found && (
        <p class="faint found" role="status">
          {count(found.length)} of the {count(list.held().length)} products that are loaded have a
          name that begins so. A search by sku or category finds all.
        </p>
      )}
      <div class="panel">
        <table
          role="table"
          class="stock"
          aria-label="Stock"
          aria-busy={!list.isReady}
          aria-rowcount={list.isComplete && !found ? length + 1 : -1}
        >
          <thead role="rowgroup">
            <tr role="row">
              <Head>Product</Head>
              <Head num>Price</Head>
              <Head>Level</Head>
              <Head num>Available</Head>
              <Head num>Reserved</Head>
              <Head num>On hand</Head>
              <Head>Lately</Head>
              <Head>Actions</Head>
            </tr>
          </thead>
          <tbody role="rowgroup" ref={body}>
            <Space rows={first} height={height} />
            {shown.map(({ at, row }) =>
              row ? (
                <StockRow
                  key={row.id}
                  row={row}
                  index={at + 2}
                  connection={connection}
                  onOpen={(opening, part) => (opened.value = { row: opening, part })}
                />
              ) : (
                <Space key={`${at}`} rows={1} height={height} />
              ),
            )}
            <Space rows={length - last} height={height} />
          </tbody>
        </table>
        {list.isReady && length === 0 && (
          <Empty title="No product">
            {found ? "None of the loaded products has such a name." : "No product matches."}
          </Empty>
        )}
      </div>
      {opened.value && (
        <StockDialog
          key={opened.value}
          {...opened.value}
          connection={connection}
          onClose={() => (opened.value = undefined)}
        />
      )}
    </>
  );
}

const heldByName = ({ list }: Stock, prefix: string): Row[] =>
  list.held().filter(({ product }) => product.value.name.toLowerCase().startsWith(prefix));

/** The place of rows that are not drawn. */
const Space = ({ rows, height }: { rows: number; height: number }) =>
  rows > 0 ? (
    <tr aria-hidden="true" class="space" style={{ height: `${rows * height}px` }}>
      <td colSpan={8} />
    </tr>
  ) : null;

function Head({ children, num }: { children: string; num?: boolean }) {
  return (
    <th role="columnheader" scope="col" class={num ? "num" : undefined}>
      {children}
    </th>
  );
}
