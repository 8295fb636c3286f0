import { CLIENT_REF } from "../connection.ts";
import { brief, clock, short } from "../format.ts";
import type { Change } from "../catalog.ts";
import { href } from "../route.ts";
import { memo } from "../ui/memo.ts";
import type { ReceivedChange } from "./monitor.ts";

/** One row of the table; an empty row has the same height, so that rows never move. */
export const ChangeRow = memo(({ received }: { received: ReceivedChange | undefined }) => {
  if (!received) {
    return (
      <tr role="row" class="change-row" aria-hidden="true">
        <td colSpan={7} />
      </tr>
    );
  }
  const { change, late } = received;
  const { feed, seq, op, id, version, at, actor, clientRef } = change;
  return (
    <tr role="row" class="change-row" data-late={late || undefined} data-seq={`${feed}-${seq}`}>
      <td role="cell" class="num faint">
        {clock(at)}
      </td>
      <td role="cell">{feed}</td>
      <td role="cell" class="num">
        {seq}
      </td>
      <td role="cell">
        <span class={`op op-${op}`}>{op}</span>
      </td>
      <td role="cell">
        <a
          class="change-id clip"
          href={href("history", feed, id)}
          aria-label={`${short(id)}, history of ${feed}`}
        >
          {short(id)}
        </a>
        <span class="faint num"> v{version}</span>
      </td>
      <td role="cell" class="clip">
        {clientRef === CLIENT_REF ? "this window" : actor}
      </td>
      <td role="cell" class="clip what">
        {late && <span class="late">caught up</span>}
        {/* Nodes of its own: else the text of the row's last change would count as moved. */}
        <Difference key={`${feed}-${seq}`} change={change} />
      </td>
    </tr>
  );
});

/** The members that changed, with their values before and after. */
export function Difference({ change }: { change: Omit<Change, "cursor"> }) {
  const { op, changed, before = {}, data = {}, truncated, reason } = change;
  const note = reason ? <span class="faint"> · {reason}</span> : undefined;
  if (truncated) return <>too large to show: {changed.join(", ")}</>;
  if (op === "delete") return <>was {nameOf(before)}</>;
  if (op === "create") return <>{nameOf(data)}</>;
  return (
    <>
      {changed.map((name, index) => (
        <span key={name}>
          {index > 0 && " · "}
          {name} <del>{brief(before[name])}</del> → <ins>{brief(data[name])}</ins>
        </span>
      ))}
      {note}
    </>
  );
}

/** A record in a few words: its name, its stock or its lines. */
function nameOf(record: Record<string, unknown>): string {
  const { name, title, lines, quantity, status } = record;
  if (typeof quantity === "number") return `${quantity} on hand`;
  if (!Array.isArray(lines)) return brief(name ?? title ?? record);
  const parts = (lines as { productId: string; quantity: number }[]).map(
    (line) => `${line.quantity} × ${short(line.productId)}`,
  );
  return `${parts.join(", ")} ${String(status)}`;
}
