import { unwrap } from "@stockwire/client/http";
import { useRef } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count, money } from "../format.ts";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Late } from "../ui/late.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { usePress } from "../ui/press.ts";
import { Sparkline } from "./sparkline.tsx";
import type { Part } from "./dialog.tsx";
import type { Row } from "./store.ts";

interface Props {
  row: Row;
  /** Its place in the table, from 1 with the head. */
  index: number;
  connection: Connection;
  onOpen: (row: Row, part: Part) => void;
}

/** One product: its stock, its latest movements and the actions on it. A reservation is closed in the dialog only, where it is named. */
export function StockRow({ row, index, connection: { http }, onOpen }: Props) {
  const { name, price, currency, category, sku } = row.product.value;
  const level = row.level.value;
  const { isBusy, act } = usePress();
  const reserve = () =>
    act(`Reserve 1 × ${name}`, (headers) => {
      const json = { lines: [{ productId: row.id, quantity: 1 }] };
      return unwrap(http.reservations.$post({ json }, { headers }));
    });
  const allowed = hasScope("reserve:inventory");

  return (
    <tr
      role="row"
      class="stock-row"
      aria-rowindex={index}
      data-level={level?.level}
      data-product={row.id}
      data-late={row.late.value || undefined}
    >
      <th role="rowheader" scope="row" class="stock-name">
        <a class="strong clip" href={href("products", row.id)}>
          {name}
        </a>
        <span class="faint clip">
          {row.late.value && <Late />}
          {[category, sku].filter(Boolean).join(" · ")}
        </span>
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
        <Sparkline values={row.availability.value} />
      </td>
      <td role="cell" class="stock-actions">
        <Button
          small
          disabled={!allowed || isBusy.value}
          label={`Reserve one ${name}`}
          onClick={reserve}
        >
          Reserve
        </Button>
        <Button
          small
          disabled={!allowed}
          label={`Reservations of ${name}`}
          onClick={() => onOpen(row, "reservations")}
        >
          Reservations
        </Button>
        <Button small label={`Adjust ${name}`} onClick={() => onOpen(row, "stock")}>
          Adjust
        </Button>
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
      {value === undefined ? "–" : <ChangingValue value={count(value)} />}
    </td>
  );
}

/** Highlights a value for a moment when it changes: a new key restarts the animation. */
function ChangingValue({ value }: { value: string }) {
  const changes = useRef({ value, count: 0 });
  if (changes.current.value !== value) {
    changes.current = { value, count: changes.current.count + 1 };
  }
  const { count: times } = changes.current;
  return (
    <span key={times} class={times > 0 ? "changed" : undefined}>
      {value}
    </span>
  );
}
