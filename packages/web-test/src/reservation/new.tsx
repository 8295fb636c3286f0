/** The form of a new reservation: several lines, of which all are reserved or none. */

import { ProblemError, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { errorText, notify } from "../notice.tsx";
import { findProduct } from "../product/find.ts";
import { href, navigate, parameters } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { usePress } from "../ui/press.ts";
import { useUnsaved } from "../ui/unsaved.tsx";
import { type DraftLine, lineProblems, linesOf } from "./draft.ts";

const MOST_LINES = 20; // of the server

let lastKey = 0;
const newLine = (text = ""): DraftLine => ({ key: ++lastKey, text, quantity: "1" });

export function NewReservation({ connection: { http } }: { connection: Connection }) {
  const lines = useSignal<readonly DraftLine[]>([newLine(parameters().get("product") ?? "")]);
  const minutes = useSignal("15");
  const reference = useSignal("");
  const isTouched = useSignal(false);
  const problems = useSignal<ReadonlyMap<number, readonly string[]>>(new Map());
  const { isBusy, send } = usePress();
  useUnsaved(isTouched.value);

  const change = (key: number, part: Partial<DraftLine>) => {
    lines.value = lines.value.map((line) => (line.key === key ? { ...line, ...part } : line));
  };
  const edit = (key: number, part: Partial<DraftLine>) => {
    isTouched.value = true;
    change(key, part);
  };
  const submit = async () => {
    if (isBusy.peek()) return;
    problems.value = new Map();
    const named = reference.value.trim() === "" ? {} : { reference: reference.value };
    const ttlSeconds = Math.round(Number(minutes.value) * 60);
    const json = { lines: linesOf(lines.value), ttlSeconds, ...named };
    try {
      const made = await send(
        (headers) => unwrap(http.reservations.$post({ json }, { headers })),
        json,
      );
      notify("done", "Reserved");
      navigate("reservations", made.id);
    } catch (error) {
      const isRefusal = error instanceof ProblemError;
      problems.value = isRefusal
        ? lineProblems(error, json.lines)
        : new Map([[-1, [errorText(error)]]]);
    }
  };

  return (
    <form
      class="panel padded reservation-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <ol aria-label="Lines" class="stack">
        {lines.value.map((line, index) => (
          <li key={line.key}>
            <LineFields
              http={http}
              line={line}
              problems={problems.value.get(index) ?? []}
              onEdit={(part) => edit(line.key, part)}
              onFound={(productId) => change(line.key, { productId })}
              {...(lines.value.length > 1 && {
                onRemove: () => (lines.value = lines.value.filter(({ key }) => key !== line.key)),
              })}
            />
          </li>
        ))}
      </ol>
      <div class="row">
        <Button
          disabled={lines.value.length >= MOST_LINES}
          onClick={() => (lines.value = [...lines.value, newLine()])}
        >
          Add a line
        </Button>
      </div>
      <div class="row">
        <Field
          label="For minutes"
          type="number"
          min={1}
          value={minutes.value}
          onInput={(value) => (minutes.value = value)}
        />
        <Field
          label="Reference"
          hint="Optional, such as the number of an order"
          value={reference.value}
          onInput={(value) => {
            isTouched.value = true;
            reference.value = value;
          }}
        />
      </div>
      <div role="alert">
        {(problems.value.get(-1) ?? []).map((text) => (
          <p key={text} class="problem">
            {text}
          </p>
        ))}
      </div>
      <div class="row">
        <Button type="submit" primary disabled={isBusy.value}>
          Reserve
        </Button>
        <a class="button" href={href("reservations")}>
          Back
        </a>
      </div>
    </form>
  );
}

interface LineProps {
  http: Connection["http"];
  line: DraftLine;
  problems: readonly string[];
  onEdit: (part: Partial<DraftLine>) => void;
  onFound: (productId: string | undefined) => void;
  onRemove?: () => void;
}

const FIND_AFTER = 250; // ms after the last key

/** One line: the product is found while its sku or id is typed. */
function LineFields({ http, line, problems, onEdit, onFound, onRemove }: LineProps) {
  const found = useSignal("");
  const id = useId();
  useEffect(() => {
    let isCurrent = true;
    const find = async () => {
      const product = await findProduct(http, line.text);
      const param = { productId: product?.id ?? "" };
      const canRead = product && hasScope("read:inventory");
      const level = canRead && (await unwrap(http.inventory[":productId"].$get({ param })));
      if (!isCurrent) return;
      const left = level ? ` · ${count(level.available)} available` : "";
      const isEmpty = line.text.trim() === "";
      found.value = product ? `${product.name}${left}` : isEmpty ? "" : "No such product";
      onFound(product?.id);
    };
    const timer = setTimeout(
      () =>
        void find().catch((error: unknown) => {
          if (isCurrent) found.value = errorText(error);
        }),
      FIND_AFTER,
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [line.text]);
  return (
    <div class="reservation-line" role="group" aria-labelledby={id}>
      <Field
        label="Product: sku or id"
        value={line.text}
        onInput={(text) => onEdit({ text, productId: undefined })}
        problems={problems}
      />
      <Field
        label="Units"
        type="number"
        min={1}
        value={line.quantity}
        onInput={(quantity) => onEdit({ quantity })}
      />
      {onRemove && (
        <Button label={`Remove line ${found.value}`} onClick={onRemove}>
          Remove
        </Button>
      )}
      <p id={id} class="faint" aria-live="polite" data-fact="found">
        {found.value}
      </p>
    </div>
  );
}
