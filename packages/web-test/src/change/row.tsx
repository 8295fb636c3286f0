import { memo } from "preact/compat";
import { CLIENT_REF } from "../connection.ts";
import { brief, clock, short } from "../format.ts";
import type { Change } from "../record/kind.ts";
import { href } from "../route.ts";
import type { Entry } from "./log.ts";

/** One line of the stream; an empty line keeps its height. */
export const ChangeRow = memo(({ entry }: { entry: Entry | undefined }) => {
  if (!entry) {
    return (
      <tr role="row" class="change-row" aria-hidden="true">
        <td colSpan={7} />
      </tr>
    );
  }
  const { change, late } = entry;
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
        <a href={href("history", feed, id)} aria-label={`History of ${feed} ${id}`}>
          {short(id)}
        </a>
        <span class="faint num"> v{version}</span>
      </td>
      <td role="cell" class="clip">
        {clientRef === CLIENT_REF ? "this window" : actor}
      </td>
      <td role="cell" class="clip what">
        {late && <span class="late">caught up</span>}
        <Difference change={change} />
      </td>
    </tr>
  );
});

/** What changed from what to what. */
export function Difference({ change }: { change: Omit<Change, "cursor"> }) {
  const { op, changed, before = {}, data = {}, truncated, reason } = change;
  const because = reason ? <span class="faint"> · {reason}</span> : undefined;
  if (truncated) return <>too large to be told: {changed.join(", ")}</>;
  if (op === "delete") return <>was {nameOf(before)}</>;
  if (op === "create") return <>{nameOf(data)}</>;
  return (
    <>
      {changed.map((name, at) => (
        <span key={name}>
          {at > 0 && " · "}
          {name} <del>{brief(before[name])}</del> → <ins>{brief(data[name])}</ins>
        </span>
      ))}
      {because}
    </>
  );
}

/** A record in a few words. */
function nameOf(record: Record<string, unknown>): string {
  const { name, title, lines, quantity, status } = record;
  if (typeof quantity === "number") return `${quantity} on hand`;
  if (!Array.isArray(lines)) return brief(name ?? title ?? record);
  const parts = (lines as { productId: string; quantity: number }[]).map(
    (line) => `${line.quantity} × ${short(line.productId)}`,
  );
  return `${parts.join(", ")} ${String(status)}`;
}
