import { unwrap } from "@stockwire/client/http";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count, money } from "../format.ts";
import { tried } from "../notice.ts";
import { may } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Changing } from "../ui/changing.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { Sparkline } from "./sparkline.tsx";
import type { Row, Stock } from "./store.ts";

interface Props {
  row: Row;
  stock: Stock;
  connection: Connection;
  onOpen: (row: Row) => void;
}

/** One product: what there is of it, what moved lately, and what can be done. */
export function StockRow({ row, stock, connection: { http }, onOpen }: Props) {
  useEffect(() => stock.recall(row), [row]);
  const { name, price, currency, category, sku } = row.product.value;
  const level = row.level.value;
  const hold = row.holds.value[0];

  const reserve = () =>
    tried(
      `Reserve 1 × ${name}`,
      unwrap(http.reservations.$post({ json: { lines: [{ productId: row.id, quantity: 1 }] } })),
    );
  const close = (verb: "confirm" | "cancel") => {
    if (!hold) return;
    const what = `${verb === "confirm" ? "Confirm the sale of" : "Cancel the hold on"} ${name}`;
    const param = { param: { id: hold.id } };
    void tried(what, unwrap(http.reservations[":id"][verb].$post(param)));
  };
  const allowed = may("reserve:inventory");

  return (
    <tr role="row" class="stock-row" data-level={level?.level} data-product={row.id}>
      <th role="rowheader" scope="row" class="stock-name">
        <span class="strong clip">{name}</span>
        <span class="faint clip">{[category, sku].filter(Boolean).join(" · ")}</span>
      </th>
      <td role="cell" class="stock-price num">
        {money(price, currency)}
      </td>
      <td role="cell" class="stock-level">
        <LevelBadge level={level?.level} />
      </td>
      <Figure name="available" title="Available" value={level?.available} />
      <Figure name="reserved" title="Reserved" value={level?.reserved} />
      <Figure name="quantity" title="On hand" value={level?.quantity} />
      <td role="cell" class="stock-spark">
        <Sparkline points={row.trail.value} />
      </td>
      <td role="cell" class="stock-actions">
        <Action small off={!allowed} label={`Reserve one ${name}`} onPress={() => void reserve()}>
          Reserve
        </Action>
        <Action small off={!hold} label={`Confirm ${name}`} onPress={() => close("confirm")}>
          Confirm
        </Action>
        <Action small off={!hold} label={`Cancel ${name}`} onPress={() => close("cancel")}>
          Cancel
        </Action>
        <Action small label={`Adjust ${name}`} onPress={() => onOpen(row)}>
          Adjust
        </Action>
      </td>
    </tr>
  );
}

interface FigureProps {
  name: string;
  title: string;
  value: number | undefined;
}

function Figure({ name, title, value }: FigureProps) {
  return (
    <td role="cell" class={`num stock-${name}`} data-title={title}>
      {value === undefined ? "–" : <Changing value={count(value)} />}
    </td>
  );
}
