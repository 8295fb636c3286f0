/** The active reservations of a product: each is named before it can be confirmed or cancelled. */

import { pages, type Reservation } from "@stockwire/client/http";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count, duration } from "../format.ts";
import { useLiveRecords } from "../live-records.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { Empty } from "../ui/require-scopes.tsx";
import { ReservationActions, secondsLeft, titleOf, unitsOf } from "./action.tsx";
import { ownerOf } from "./owner.ts";

const SHOWN = 50; // reservations

interface ListProps {
  productId: string;
  connection: Connection;
  /** True if the focus starts here. */
  focused?: boolean;
}

export function ProductReservations({ productId, connection, focused }: ListProps) {
  const { http, live } = connection;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (focused) heading.current?.focus();
  }, []);
  const { records, ready, failure } = useLiveRecords(
    () =>
      live.collection<Reservation>("reservations", {
        load: pages((query) =>
          http.reservations.$get({ query: { ...query, productId, status: "active" } }),
        ),
      }),
    productId,
  );
  const all = records.value.filter(
    ({ status, lines }) =>
      status === "active" && lines.some((line) => line.productId === productId),
  );
  return (
    <section class="reservations">
      <h3 ref={heading} tabIndex={-1}>
        Active reservations <span class="num faint">{ready.value ? count(all.length) : "…"}</span>
      </h3>
      {failure.value !== undefined && (
        <Empty title="They can't be read">{errorText(failure.value)}</Empty>
      )}
      {ready.value && all.length === 0 && <p class="faint">No reservation is active.</p>}
      {all.length > 0 && (
        <ul aria-label="Active reservations">
          {all.slice(0, SHOWN).map((reservation) => (
            <ReservationEntry
              key={reservation.id}
              reservation={reservation}
              connection={connection}
              heading={heading}
            />
          ))}
        </ul>
      )}
      {all.length > SHOWN && <p class="faint">Only the first {SHOWN} are shown.</p>}
    </section>
  );
}

interface EntryProps {
  reservation: Reservation;
  connection: Connection;
  heading: RefObject<HTMLHeadingElement | null>;
}

function ReservationEntry({ reservation, connection, heading }: EntryProps) {
  const { id } = reservation;
  const { http } = connection;
  const entry = useRef<HTMLLIElement>(null);
  // The entry goes when its reservation is closed; the focus must not go with it. Only the clean-up of
  // a layout effect runs before the entry is removed.
  useLayoutEffect(
    () => () => {
      if (entry.current?.contains(document.activeElement)) heading.current?.focus();
    },
    [],
  );
  const owner = ownerOf(http, id).value;
  const left = secondsLeft(reservation);
  return (
    <li ref={entry} data-reservation={id}>
      <p>
        <a class="strong" href={href("reservations", id)}>
          {titleOf(reservation)}
        </a>
        {owner !== undefined && <span> by {owner}</span>}
        <span class="num faint">{left > 0 ? ` · ${duration(left)} left` : " · expired"}</span>
      </p>
      <p class="num">{unitsOf(http, reservation)}</p>
      <ReservationActions reservation={reservation} connection={connection} />
    </li>
  );
}
