/** The list of reservations: all, the active ones, or those of one product. */

import { type Reservation, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { Connection } from "../connection.ts";
import { count, duration, moment } from "../format.ts";
import { errorText, notify } from "../notice.tsx";
import { findProduct, isId } from "../product/find.ts";
import { RecordList } from "../record/list.tsx";
import { href, parameters, setParameters } from "../route.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/select.tsx";
import { secondsLeft, titleOf, unitsOf } from "./action.tsx";
import { productName } from "./name.ts";

const STATUSES = { "": "All", active: "Active" } as const;
type Status = keyof typeof STATUSES;

export function ReservationList({ connection }: { connection: Connection }) {
  const { http } = connection;
  const given = parameters();
  const status = useSignal<Status>(given.get("status") === "active" ? "active" : "");
  const productId = useSignal(given.get("product") ?? "");
  const typed = useSignal(productId.peek());
  const keep = () => setParameters({ status: status.value, product: productId.value });
  const choose = (wanted: Status) => {
    status.value = wanted;
    keep();
  };
  const findByProduct = async () => {
    const text = typed.value.trim();
    try {
      const found = isId(text) || text === "" ? text : (await findProduct(http, text))?.id;
      if (found === undefined) return notify("refused", `No product has the sku ${text}`);
      productId.value = found;
      keep();
    } catch (error) {
      notify("refused", errorText(error));
    }
  };
  const filter = {
    ...(status.value !== "" && { status: status.value }),
    ...(productId.value !== "" && { productId: productId.value }),
  };
  return (
    <RecordList<Reservation>
      connection={connection}
      feed="reservations"
      filter={JSON.stringify(filter)}
      hasOrder={status.value === ""}
      filters={
        <>
          <Select label="Status" value={status.value} options={STATUSES} onSelect={choose} />
          <form
            class="pick"
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              void findByProduct();
            }}
          >
            <input
              class="filter"
              type="search"
              aria-label="Product: sku or id"
              placeholder="Product: sku or id"
              value={typed.value}
              onInput={(event) => (typed.value = event.currentTarget.value)}
            />
            <Button type="submit">Find</Button>
          </form>
          {productId.value !== "" && (
            <span class="faint">of {productName(http, productId.value).value}</span>
          )}
        </>
      }
      fetchPage={(query) => {
        // The active ones are in the order of their end.
        const order = status.value === "" ? query.order : "asc";
        return unwrap(http.reservations.$get({ query: { ...query, order, ...filter } }));
      }}
      columns={[
        { title: "Reservation", by: titleOf },
        { title: "Units" },
        { title: "Status", by: (reservation) => reservation.status },
        { title: "Time left", by: ({ expiresAt }) => expiresAt },
        { title: "Created", size: "time", by: ({ createdAt }) => createdAt },
      ]}
      cells={(reservation) => [
        <a href={href("reservations", reservation.id)}>{titleOf(reservation)}</a>,
        <Units connection={connection} reservation={reservation} />,
        reservation.status,
        <TimeLeft reservation={reservation} />,
        moment(reservation.createdAt),
      ]}
      nameOf={titleOf}
      bulk={[
        {
          verb: "Cancel",
          question: (n) => `Release the units of ${count(n)} reservations? This is final.`,
          yes: "Release them",
          run: ({ id }, headers) =>
            unwrap(http.reservations[":id"].cancel.$post({ param: { id } }, { headers })),
        },
      ]}
    />
  );
}

interface CellProps {
  connection: Connection;
  reservation: Reservation;
}

const Units = ({ connection, reservation }: CellProps) => (
  <>{unitsOf(connection.http, reservation)}</>
);

/** Counts down while a reservation is active. */
export function TimeLeft({ reservation }: { reservation: Reservation }) {
  if (reservation.status !== "active") return <span class="faint">–</span>;
  const left = secondsLeft(reservation);
  return <span class="num">{left > 0 ? duration(left) : "expired"}</span>;
}
