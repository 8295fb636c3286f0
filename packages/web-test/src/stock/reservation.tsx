/** The active reservations of a product: each is named before it can be confirmed or cancelled. */

import { unwrap } from "@stockwire/client/http";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count, duration, short } from "../format.ts";
import { now } from "../session.ts";
import { Ask } from "../ui/ask.tsx";
import { Button } from "../ui/button.tsx";
import { type KeyHeader, usePress } from "../ui/press.ts";
import type { Reservation, Row, Stock } from "./store.ts";

const SHOWN = 50; // reservations
const EXTENSION = 15 * 60; // s
const LONGEST = 86_400; // s, of the server

interface ListProps {
  row: Row;
  stock: Stock;
  connection: Connection;
  /** True if the focus starts here. */
  focused: boolean;
}

export function Reservations({ row, stock, connection, focused }: ListProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (focused) heading.current?.focus();
  }, []);
  const all = row.reservations.value;
  return (
    <section class="reservations">
      <h3 ref={heading} tabIndex={-1}>
        Active reservations <span class="num faint">{count(all.length)}</span>
      </h3>
      {all.length === 0 && <p class="faint">No reservation is active.</p>}
      {all.length > 0 && (
        <ul aria-label="Active reservations">
          {all.slice(0, SHOWN).map((reservation) => (
            <ReservationEntry
              key={reservation.id}
              reservation={reservation}
              stock={stock}
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
  stock: Stock;
  connection: Connection;
  heading: RefObject<HTMLHeadingElement | null>;
}

function ReservationEntry({ reservation, stock, connection: { http }, heading }: EntryProps) {
  const { id, reference, lines, expiresAt } = reservation;
  const entry = useRef<HTMLLIElement>(null);
  // The entry goes when its reservation is closed; the focus must not go with it. Only the clean-up of
  // a layout effect runs before the entry is removed.
  useLayoutEffect(
    () => () => {
      if (entry.current?.contains(document.activeElement)) heading.current?.focus();
    },
    [],
  );
  const { isBusy, act } = usePress();
  const owner = stock.ownerOf(id).value;
  const left = Math.max(0, Math.round((Date.parse(expiresAt) - now.value) / 1000));
  const units = lines
    .map(({ productId, quantity }) => `${count(quantity)} × ${stock.nameOf(productId)}`)
    .join(", ");
  const name = reference ?? short(id);
  const whose = `${name}${owner === undefined ? "" : ` by ${owner}`}`;
  const action = http.reservations[":id"];
  const param = { id };
  const close = (verb: "confirm" | "cancel") =>
    act(`${verb === "confirm" ? "Confirm" : "Cancel"} ${name}, ${units}`, (headers) =>
      unwrap(action[verb].$post({ param }, { headers })),
    );
  const extend = () => {
    const json = { ttlSeconds: Math.min(LONGEST, left + EXTENSION) };
    const write = (headers: KeyHeader) => unwrap(action.extend.$post({ param, json }, { headers }));
    act(`Extend ${name} by 15 minutes`, write, json);
  };
  return (
    <li ref={entry} data-reservation={id}>
      <p>
        <b>{name}</b>
        {owner !== undefined && <span> by {owner}</span>}
        <span class="num faint">{left > 0 ? ` · ${duration(left)} left` : " · expired"}</span>
      </p>
      <p class="num">{units}</p>
      <p class="row">
        <Button small disabled={isBusy.value} label={`Extend by 15 min: ${name}`} onClick={extend}>
          Extend by 15 min
        </Button>
        <Ask
          small
          verb="Confirm"
          label={`Confirm ${name}`}
          question={`Sell ${units}, reserved as ${whose}? This is final.`}
          yes="Sell"
          disabled={isBusy.value}
          onYes={() => close("confirm")}
        />
        <Ask
          small
          verb="Cancel"
          label={`Cancel ${name}`}
          question={`Release ${units}, reserved as ${whose}? This is final.`}
          yes="Release"
          disabled={isBusy.value}
          onYes={() => close("cancel")}
        />
      </p>
    </li>
  );
}
