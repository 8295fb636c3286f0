import { unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Connection } from "../connection.ts";
import { count, duration, short } from "../format.ts";
import { notifyOutcome } from "../notice.tsx";
import { href } from "../route.ts";
import { hasScope, now } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { LevelBadge } from "../ui/level.tsx";
import type { Reservation, Row } from "./store.ts";

interface Props {
  row: Row;
  connection: Connection;
  onClose: () => void;
}

/** All actions on one product's stock. */
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
      <Reservations row={row} connection={connection} />
    </Dialog>
  );
}

const SHOWN = 50; // reservations

type PartProps = Omit<Props, "onClose">;

function Adjust({ row, connection: { http } }: PartProps) {
  const delta = useSignal("10");
  const reason = useSignal("received");
  const { name } = row.product.value;
  const send = () => {
    const json = { delta: Number(delta.value), reason: reason.value };
    const param = { productId: row.id };
    const answer = http.inventory[":productId"].adjustments.$post({ param, json });
    void notifyOutcome(`Adjust ${name} by ${delta.value}`, unwrap(answer));
  };
  return (
    <Form onSubmit={send} disabled={!hasScope("write:inventory")} verb="Adjust">
      <Field label="Add or take away" type="number" value={delta.value} onInput={set(delta)} />
      <Field label="Reason" value={reason.value} onInput={set(reason)} />
    </Form>
  );
}

function Reorder({ row, connection: { http } }: PartProps) {
  const level = row.level.value;
  const point = useSignal(String(level?.reorderPoint ?? 0));
  const send = () => {
    if (!level) return;
    const { quantity, version } = level;
    const json = { quantity, reorderPoint: Number(point.value) };
    const headers = { "If-Match": `"${version}"` };
    const param = { productId: row.id };
    const answer = http.inventory[":productId"].$put({ param, json }, { headers });
    void notifyOutcome(`Reorder at ${point.value}`, unwrap(answer));
  };
  return (
    <Form onSubmit={send} disabled={!hasScope("write:inventory")} verb="Set">
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
  const { name } = row.product.value;
  const send = () => {
    const lines = [{ productId: row.id, quantity: Number(quantity.value) }];
    const json = { lines, ttlSeconds: Math.round(Number(minutes.value) * 60) };
    void notifyOutcome(
      `Reserve ${quantity.value} × ${name}`,
      unwrap(http.reservations.$post({ json })),
    );
  };
  return (
    <Form onSubmit={send} disabled={!hasScope("reserve:inventory")} verb="Reserve">
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

function Reservations({ row, connection: { http } }: PartProps) {
  const reservations = row.reservations.value;
  const close = (verb: "confirm" | "cancel", { id }: Reservation) =>
    void notifyOutcome(
      `${verb === "confirm" ? "Confirm" : "Cancel"} ${short(id)}`,
      unwrap(http.reservations[":id"][verb].$post({ param: { id } })),
    );
  if (reservations.length === 0) return <p class="faint">No reservation is active.</p>;
  return (
    <ul class="reservations" aria-label="Active reservations">
      {reservations.slice(0, SHOWN).map((reservation) => (
        <li key={reservation.id}>
          <code>{short(reservation.id)}</code>
          <span class="num">
            {reservation.lines.find(({ productId }) => productId === row.id)?.quantity ?? 0} ×
          </span>
          <span class="num faint grow">
            {duration(
              Math.max(0, Math.round((Date.parse(reservation.expiresAt) - now.value) / 1000)),
            )}
          </span>
          <Button
            small
            label={`Confirm ${short(reservation.id)}`}
            onClick={() => close("confirm", reservation)}
          >
            Confirm
          </Button>
          <Button
            small
            label={`Cancel ${short(reservation.id)}`}
            onClick={() => close("cancel", reservation)}
          >
            Cancel
          </Button>
        </li>
      ))}
    </ul>
  );
}

const set = (signal: { value: string }) => (value: string) => void (signal.value = value);

interface FormProps {
  onSubmit: () => void;
  disabled: boolean;
  verb: string;
  children: ComponentChildren;
}

/** A form in one line; `verb` is the text of its button. */
function Form({ onSubmit, disabled, verb, children }: FormProps) {
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <Button type="submit" disabled={disabled}>
        {verb}
      </Button>
    </form>
  );
}
