import { unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { type KeyHeader, usePress } from "../ui/press.ts";
import { Reservations } from "./reservation.tsx";
import type { Row, Stock } from "./store.ts";

/** Where the focus is when the dialog opens. */
export type Part = "stock" | "reservations";

interface Props {
  row: Row;
  part: Part;
  stock: Stock;
  connection: Connection;
  onClose: () => void;
}

/** All actions on one product's stock. */
export function StockDialog({ row, part, stock, connection, onClose }: Props) {
  const { name } = row.product.value;
  const level = row.level.value;
  return (
    <Dialog title={name} onClose={onClose}>
      <p class="figures" aria-live="polite">
        <LevelBadge level={level?.level} />
        <span>
          <b class="num">{count(level?.available ?? 0)}</b> available
        </span>
        <span>
          <b class="num">{count(level?.reserved ?? 0)}</b> reserved
        </span>
        <span>
          <b class="num">{count(level?.quantity ?? 0)}</b> on hand
        </span>
        <a href={href("history", "inventory", row.id)}>History</a>
      </p>
      <Adjust row={row} connection={connection} />
      <Reorder row={row} connection={connection} />
      <Reserve row={row} connection={connection} />
      <Reservations
        row={row}
        stock={stock}
        connection={connection}
        focused={part === "reservations"}
      />
    </Dialog>
  );
}

type PartProps = Pick<Props, "row" | "connection">;

function Adjust({ row, connection: { http } }: PartProps) {
  const delta = useSignal("10");
  const reason = useSignal("received");
  const { name } = row.product.value;
  const { isBusy, act } = usePress();
  const send = () => {
    const json = { delta: Number(delta.value), reason: reason.value };
    const param = { productId: row.id };
    const write = (headers: KeyHeader) =>
      unwrap(http.inventory[":productId"].adjustments.$post({ param, json }, { headers }));
    act(`Adjust ${name} by ${delta.value}`, write, json);
  };
  return (
    <Form
      onSubmit={send}
      isBusy={isBusy.value}
      disabled={!hasScope("write:inventory")}
      verb="Adjust"
    >
      <Field label="Add or take away" type="number" value={delta.value} onInput={set(delta)} />
      <Field label="Reason" value={reason.value} onInput={set(reason)} />
    </Form>
  );
}

function Reorder({ row, connection: { http } }: PartProps) {
  const level = row.level.value;
  const point = useSignal(String(level?.reorderPoint ?? 0));
  const { isBusy, act } = usePress();
  const send = () => {
    if (!level) return;
    const { quantity, version } = level;
    const json = { quantity, reorderPoint: Number(point.value) };
    const param = { productId: row.id };
    const write = (key: KeyHeader) => {
      const headers = { ...key, "If-Match": `"${version}"` };
      return unwrap(http.inventory[":productId"].$put({ param, json }, { headers }));
    };
    act(`Reorder at ${point.value}`, write, json);
  };
  return (
    <Form onSubmit={send} isBusy={isBusy.value} disabled={!hasScope("write:inventory")} verb="Set">
      <Field
        label="Low at, or below"
        type="number"
        min={0}
        value={point.value}
        onInput={set(point)}
      />
    </Form>
  );
}

function Reserve({ row, connection: { http } }: PartProps) {
  const quantity = useSignal("1");
  const minutes = useSignal("15");
  const reference = useSignal("");
  const { isBusy, act } = usePress();
  const { name } = row.product.value;
  const send = () => {
    const lines = [{ productId: row.id, quantity: Number(quantity.value) }];
    const named = reference.value.trim() === "" ? {} : { reference: reference.value };
    const json = { lines, ttlSeconds: Math.round(Number(minutes.value) * 60), ...named };
    const write = (headers: KeyHeader) => unwrap(http.reservations.$post({ json }, { headers }));
    act(`Reserve ${quantity.value} × ${name}`, write, json);
  };
  return (
    <Form
      onSubmit={send}
      isBusy={isBusy.value}
      disabled={!hasScope("reserve:inventory")}
      verb="Reserve"
    >
      <Field label="Units" type="number" min={1} value={quantity.value} onInput={set(quantity)} />
      <Field
        label="For minutes"
        type="number"
        min={1}
        value={minutes.value}
        onInput={set(minutes)}
      />
      <Field label="Reference" value={reference.value} onInput={set(reference)} />
    </Form>
  );
}

const set = (signal: { value: string }) => (value: string) => void (signal.value = value);

interface FormProps {
  onSubmit: () => void;
  isBusy: boolean;
  disabled: boolean;
  verb: string;
  children: ComponentChildren;
}

/** A form in one line; `verb` is the text of its button. */
function Form({ onSubmit, isBusy, disabled, verb, children }: FormProps) {
  return (
    <form
      class="inline-form"
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.repeat) event.preventDefault(); // a held key submits once
      }}
      onSubmit={(event) => {
        event.preventDefault();
        if (!disabled) onSubmit();
      }}
    >
      {children}
      <Button type="submit" disabled={disabled || isBusy}>
        {verb}
      </Button>
    </form>
  );
}
