/** Forms in one line that change the stock of a product. */

import { type Inventory, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Connection } from "../connection.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { type KeyHeader, usePress } from "../ui/press.ts";

interface Props {
  /** Id of the product. */
  id: string;
  connection: Connection;
}

type NamedProps = Props & { name: string };

export function Adjust({ id, name, connection: { http } }: NamedProps) {
  const delta = useSignal("10");
  const reason = useSignal("received");
  const { isBusy, act } = usePress();
  const send = () => {
    const json = { delta: Number(delta.value), reason: reason.value };
    const param = { productId: id };
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

/** Sets the number of units at which the level becomes low. */
export function Reorder({
  id,
  level,
  connection: { http },
  label = "Low at, or below",
}: Props & { level: Inventory | undefined; label?: string }) {
  const point = useSignal(String(level?.reorderPoint ?? 0));
  const { isBusy, act } = usePress();
  const send = () => {
    if (!level) return;
    const { quantity, version } = level;
    const json = { quantity, reorderPoint: Number(point.value) };
    const param = { productId: id };
    const write = (key: KeyHeader) => {
      const headers = { ...key, "If-Match": `"${version}"` };
      return unwrap(http.inventory[":productId"].$put({ param, json }, { headers }));
    };
    act(`Reorder at ${point.value}`, write, json);
  };
  return (
    <Form onSubmit={send} isBusy={isBusy.value} disabled={!hasScope("write:inventory")} verb="Set">
      <Field label={label} type="number" min={0} value={point.value} onInput={set(point)} />
    </Form>
  );
}

export function Reserve({ id, name, connection: { http } }: NamedProps) {
  const quantity = useSignal("1");
  const minutes = useSignal("15");
  const reference = useSignal("");
  const { isBusy, act } = usePress();
  const send = () => {
    const lines = [{ productId: id, quantity: Number(quantity.value) }];
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
