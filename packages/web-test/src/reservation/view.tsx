/** The page of one reservation: what it holds, for whom, for how long, and what can be done. */

import { type Reservation } from "@stockwire/client/http";
import { History } from "../change/history.tsx";
import type { Connection } from "../connection.ts";
import { count, moment } from "../format.ts";
import { single, useLiveRecords } from "../live-records.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Empty } from "../ui/require-scopes.tsx";
import { ReservationActions, secondsLeft, titleOf } from "./action.tsx";
import { TimeLeft } from "./list.tsx";
import { productName } from "./name.ts";
import { ownerOf } from "./owner.ts";

interface Props {
  connection: Connection;
  id: string;
}

export function ReservationView({ connection, id }: Props) {
  const { http, live } = connection;
  const { records, failure } = useLiveRecords(
    () =>
      live.collection<Reservation>(`reservations/${id}`, {
        load: single(() => http.reservations[":id"].$get({ param: { id } })),
      }),
    id,
  );
  const [reservation] = records.value;
  if (failure.value !== undefined) {
    return <Empty title="The reservation can't be read">{errorText(failure.value)}</Empty>;
  }
  if (!reservation) return <p class="faint">Reading…</p>;
  const { status, lines, expiresAt, createdAt, version } = reservation;
  const isActive = status === "active" && secondsLeft(reservation) > 0;
  return (
    <div class="stack">
      <section class="panel padded" aria-labelledby="reservation-name">
        <h2 id="reservation-name">{titleOf(reservation)}</h2>
        <dl class="facts">
          <dt>Status</dt>
          <dd data-fact="status">{status === "active" && !isActive ? "expired" : status}</dd>
          <dt>Time left</dt>
          <dd data-fact="left">
            <TimeLeft reservation={reservation} />
            <span class="faint"> · until {moment(expiresAt)}</span>
          </dd>
          <dt>Made by</dt>
          <dd>{ownerOf(http, id).value ?? "unknown"}</dd>
          <dt>Created</dt>
          <dd>
            {moment(createdAt)} · version {version}
          </dd>
          <dt>Id</dt>
          <dd>
            <code>{id}</code>
          </dd>
        </dl>
        <table class="lines" aria-label="Lines">
          <thead>
            <tr>
              <th scope="col">Product</th>
              <th scope="col" class="num">
                Units
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ productId, quantity }) => (
              <tr key={productId}>
                <td>
                  <a href={href("products", productId)}>{productName(http, productId).value}</a>
                </td>
                <td class="num">{count(quantity)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {isActive && <ReservationActions reservation={reservation} connection={connection} />}
      </section>
      {hasScope("read:history") && (
        <section class="panel padded" aria-labelledby="past-heading">
          <h2 id="past-heading">History</h2>
          <History connection={connection} feed="reservations" id={id} />
        </section>
      )}
    </div>
  );
}
