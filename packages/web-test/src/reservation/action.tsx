/** What can be done with an active reservation. It is named before it is confirmed or cancelled. */

import { type Client, type Reservation, unwrap } from "@stockwire/client/http";
import type { Connection } from "../connection.ts";
import { count, short } from "../format.ts";
import { hasScope, now } from "../session.ts";
import { Ask } from "../ui/ask.tsx";
import { Button } from "../ui/button.tsx";
import { type KeyHeader, usePress } from "../ui/press.ts";
import { productName } from "./name.ts";
import { ownerOf } from "./owner.ts";

const EXTENSION = 15 * 60; // s
const LONGEST = 86_400; // s, of the server

/** Seconds until a reservation expires; 0 if it has. Read while drawing, it counts down. */
export const secondsLeft = ({ expiresAt }: Pick<Reservation, "expiresAt">): number =>
  Math.max(0, Math.round((Date.parse(expiresAt) - now.value) / 1000));

/** `2 × Fountain pen, 1 × Ink`. Read while drawing, it follows names that are read late. */
export const unitsOf = (http: Client, { lines }: Pick<Reservation, "lines">): string =>
  lines
    .map(({ productId, quantity }) => `${count(quantity)} × ${productName(http, productId).value}`)
    .join(", ");

export const titleOf = ({ id, reference }: Reservation): string => reference ?? short(id);

interface Props {
  reservation: Reservation;
  connection: Connection;
}

export function ReservationActions({ reservation, connection: { http } }: Props) {
  const { id } = reservation;
  const { isBusy, act } = usePress();
  const owner = ownerOf(http, id).value;
  const name = titleOf(reservation);
  const units = unitsOf(http, reservation);
  const whose = `${name}${owner === undefined ? "" : ` by ${owner}`}`;
  const action = http.reservations[":id"];
  const param = { id };
  const close = (verb: "confirm" | "cancel") =>
    act(`${verb === "confirm" ? "Confirm" : "Cancel"} ${name}, ${units}`, (headers) =>
      unwrap(action[verb].$post({ param }, { headers })),
    );
  const extend = () => {
    const json = { ttlSeconds: Math.min(LONGEST, secondsLeft(reservation) + EXTENSION) };
    const write = (headers: KeyHeader) => unwrap(action.extend.$post({ param, json }, { headers }));
    act(`Extend ${name} by 15 minutes`, write, json);
  };
  const disabled = isBusy.value || !hasScope("reserve:inventory");
  return (
    <p class="row">
      <Button small disabled={disabled} label={`Extend by 15 min: ${name}`} onClick={extend}>
        Extend by 15 min
      </Button>
      <Ask
        small
        verb="Confirm"
        label={`Confirm ${name}`}
        question={`Sell ${units}, reserved as ${whose}? This is final.`}
        yes="Sell"
        disabled={disabled}
        onYes={() => close("confirm")}
      />
      <Ask
        small
        verb="Cancel"
        label={`Cancel ${name}`}
        question={`Release ${units}, reserved as ${whose}? This is final.`}
        yes="Release"
        disabled={disabled}
        onYes={() => close("cancel")}
      />
    </p>
  );
}
