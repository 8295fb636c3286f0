/** The stock page: a live table of products and their levels, with search and filter. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { errorText } from "../notice.tsx";
import { Button } from "../ui/button.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { type Part, StockDialog } from "./dialog.tsx";
import { StockRow } from "./row.tsx";
import { openStock, type Row } from "./store.ts";

const LEVELS = ["out", "low", "ok"] as const;
const PAGE = 50; // rows

export const StockPage = () => (
  <RequireScopes scopes={["read:products", "read:inventory"]}>
    {(connection) => <Stock connection={connection} />}
  </RequireScopes>
);

function Stock({ connection }: { connection: Connection }) {
  const stock = useMemo(() => openStock(connection), [connection]);
  useEffect(() => () => stock.close(), [stock]);
  const search = useSignal("");
  const only = useSignal<(typeof LEVELS)[number]>();
  const shown = useSignal(PAGE);
  const opened = useSignal<{ row: Row; part: Part }>();

  const wanted = search.value.trim().toLowerCase();
  const rows = stock.rows.value.filter(({ product, level }) => {
    const { name, category, sku = "" } = product.value;
    const found = [name, category, sku].some((text) => text.toLowerCase().includes(wanted));
    return found && (!only.value || level.value?.level === only.value);
  });

  return (
    <>
      <div class="bar">
        <div class="group" role="group" aria-label="Levels">
          {LEVELS.map((level) => (
            <Button
              key={level}
              pressed={only.value === level}
              onClick={() => (only.value = only.value === level ? undefined : level)}
            >
              <LevelBadge level={level} /> <span class="num">{stock.totals.value[level]}</span>
            </Button>
          ))}
        </div>
        <a class="button" href={location.href} target="_blank" rel="noopener">
          Open a second window
        </a>
        <input
          class="search"
          type="search"
          placeholder="Find a product"
          aria-label="Find a product"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
      </div>
      {stock.failure.value !== undefined && (
        <Empty title="The stock can't be read">{errorText(stock.failure.value)}</Empty>
      )}
      <div class="panel">
        <table role="table" class="stock" aria-label="Stock" aria-busy={!stock.ready.value}>
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
          <tbody role="rowgroup">
            {rows.slice(0, shown.value).map((row) => (
              <StockRow
                key={row.id}
                row={row}
                stock={stock}
                connection={connection}
                onOpen={(opening, part) => (opened.value = { row: opening, part })}
              />
            ))}
          </tbody>
        </table>
        {stock.ready.value && rows.length === 0 && (
          <Empty title="No product">No product matches.</Empty>
        )}
      </div>
      {rows.length > shown.value && (
        <Button onClick={() => (shown.value += PAGE)}>
          Show more of {rows.length - shown.value}
        </Button>
      )}
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

function Head({ children, num }: { children: string; num?: boolean }) {
  return (
    <th role="columnheader" scope="col" class={num ? "num" : undefined}>
      {children}
    </th>
  );
}
