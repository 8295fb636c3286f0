import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { wordsOf } from "../notice.ts";
import { Action } from "../ui/action.tsx";
import { Empty, Gate } from "../ui/gate.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { StockDialog } from "./dialog.tsx";
import { StockRow } from "./row.tsx";
import { openStock, type Row } from "./store.ts";

const LEVELS = ["out", "low", "ok"] as const;
const PAGE = 50;

export const StockPage = () => (
  <Gate needs={["read:products", "read:inventory"]}>
    {(connection) => <Stock connection={connection} />}
  </Gate>
);

function Stock({ connection }: { connection: Connection }) {
  const stock = useMemo(() => openStock(connection), [connection]);
  useEffect(() => () => stock.close(), [stock]);
  const search = useSignal("");
  const only = useSignal<(typeof LEVELS)[number]>();
  const shown = useSignal(PAGE);
  const opened = useSignal<Row>();

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
            <Action
              key={level}
              pressed={only.value === level}
              onPress={() => (only.value = only.value === level ? undefined : level)}
            >
              <LevelBadge level={level} /> <span class="num">{stock.totals.value[level]}</span>
            </Action>
          ))}
        </div>
        <a class="action" href={location.href} target="_blank" rel="noopener">
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
        <Empty title="The stock can't be read">{wordsOf(stock.failure.value)}</Empty>
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
                onOpen={(one) => (opened.value = one)}
              />
            ))}
          </tbody>
        </table>
        {stock.ready.value && rows.length === 0 && <Empty title="No product">None fits.</Empty>}
      </div>
      {rows.length > shown.value && (
        <Action onPress={() => (shown.value += PAGE)}>
          Show more of {rows.length - shown.value}
        </Action>
      )}
      {opened.value && (
        <StockDialog
          row={opened.value}
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
