/** The page of one reservation: what it holds, for whom, for how long, and what can be done. */

import type { Reservation } from "@stockwire/client/http";
import { History } from "../change/history.tsx";
import type { Connection } from "../connection.ts";
import { count, moment } from "../format.ts";
import { LiveRecord } from "../record/live-record.tsx";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { TableHead } from "../ui/table-head.tsx";
import { ReservationActions, secondsLeft, titleOf } from "./action.tsx";
import { TimeLeft } from "./list.tsx";
import { productName } from "./name.ts";
import { ownerOf } from "./owner.ts";

interface Props {
  connection: Connection;
  id: string;
}

export const ReservationView = ({ connection, id }: Props) => (
  <LiveRecord<Reservation>
    connection={connection}
    topic={`reservations/${id}`}
    get={() => connection.http.reservations[":id"].$get({ param: { id } })}
    failed="The reservation can't be read"
  >
    {(reservation) => <Facts connection={connection} reservation={reservation} />}
  </LiveRecord>
);

interface FactsProps {
  connection: Connection;
  reservation: Reservation;
}

function Facts({ connection, reservation }: FactsProps) {
  const { http } = connection;
  const { id, status, lines, expiresAt, createdAt, version } = reservation;
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
          <TableHead columns={[{ title: "Product" }, { title: "Units", num: true }]} />
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
