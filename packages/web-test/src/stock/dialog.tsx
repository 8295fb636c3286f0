import { unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Connection } from "../connection.ts";
import { count, duration, short } from "../format.ts";
import { tried } from "../notice.ts";
import type { Reservation } from "../record/kind.ts";
import { href } from "../route.ts";
import { may, now } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { LevelBadge } from "../ui/level.tsx";
import type { Row } from "./store.ts";

interface Props {
  row: Row;
  connection: Connection;
  onClose: () => void;
}

/** All that can be done with one product's stock. */
export function StockDialog({ row, connection, onClose }: Props) {
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
      <Holds row={row} connection={connection} />
    </Dialog>
  );
}

type Part = Omit<Props, "onClose">;

function Adjust({ row, connection: { http } }: Part) {
  const delta = useSignal("10");
  const reason = useSignal("received");
  const { name } = row.product.value;
  const send = () => {
    const json = { delta: Number(delta.value), reason: reason.value };
    const param = { productId: row.id };
    const answer = http.inventory[":productId"].adjustments.$post({ param, json });
    void tried(`Adjust ${name} by ${delta.value}`, unwrap(answer));
  };
  return (
    <Form onSubmit={send} off={!may("write:inventory")} verb="Adjust">
      <Field label="Add or take away" type="number" value={delta.value} onInput={set(delta)} />
      <Field label="Reason" value={reason.value} onInput={set(reason)} />
    </Form>
  );
}

function Reorder({ row, connection: { http } }: Part) {
  const level = row.level.value;
  const point = useSignal(String(level?.reorderPoint ?? 0));
  const send = () => {
    if (!level) return;
    const { quantity, version } = level;
    const json = { quantity, reorderPoint: Number(point.value) };
    const headers = { "If-Match": `"${version}"` };
    const param = { productId: row.id };
    const answer = http.inventory[":productId"].$put({ param, json }, { headers });
    void tried(`Reorder at ${point.value}`, unwrap(answer));
  };
  return (
    <Form onSubmit={send} off={!may("write:inventory")} verb="Set">
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

function Reserve({ row, connection: { http } }: Part) {
  const quantity = useSignal("1");
  const minutes = useSignal("15");
  const { name } = row.product.value;
  const send = () => {
    const lines = [{ productId: row.id, quantity: Number(quantity.value) }];
    const json = { lines, ttlSeconds: Math.round(Number(minutes.value) * 60) };
    void tried(`Reserve ${quantity.value} × ${name}`, unwrap(http.reservations.$post({ json })));
  };
  return (
    <Form onSubmit={send} off={!may("reserve:inventory")} verb="Reserve">
      <Field label="Units" type="number" min={1} value={quantity.value} onInput={set(quantity)} />
      <Field
        label="For minutes"
        type="number"
        min={1}
        value={minutes.value}
        onInput={set(minutes)}
      />
    </Form>
  );
}

function Holds({ row, connection: { http } }: Part) {
  const holds = row.holds.value;
  const close = (verb: "confirm" | "cancel", { id }: Reservation) =>
    void tried(
      `${verb === "confirm" ? "Confirm" : "Cancel"} ${short(id)}`,
      unwrap(http.reservations[":id"][verb].$post({ param: { id } })),
    );
  if (holds.length === 0) return <p class="faint">No reservation is active.</p>;
  return (
    <ul class="holds" aria-label="Active reservations">
      {holds.slice(0, 50).map((hold) => (
        <li key={hold.id}>
          <code>{short(hold.id)}</code>
          <span class="num">
            {hold.lines.find(({ productId }) => productId === row.id)?.quantity ?? 0} ×
          </span>
          <span class="num faint grow">
            {duration(Math.max(0, Math.round((Date.parse(hold.expiresAt) - now.value) / 1000)))}
          </span>
          <Action small label={`Confirm ${short(hold.id)}`} onPress={() => close("confirm", hold)}>
            Confirm
          </Action>
          <Action small label={`Cancel ${short(hold.id)}`} onPress={() => close("cancel", hold)}>
            Cancel
          </Action>
        </li>
      ))}
    </ul>
  );
}

const set = (signal: { value: string }) => (value: string) => void (signal.value = value);

interface FormProps {
  onSubmit: () => void;
  off: boolean;
  verb: string;
  children: ComponentChildren;
}

function Form({ onSubmit, off, verb, children }: FormProps) {
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <Action type="submit" off={off}>
        {verb}
      </Action>
    </form>
  );
}
