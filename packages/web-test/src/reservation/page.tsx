/** The reservations: list, the page of one, and the form of a new one. */

import { RESOURCES } from "../catalog.ts";
import { RequireScopes } from "../ui/require-scopes.tsx";
import { ReservationList } from "./list.tsx";
import { NewReservation } from "./new.tsx";
import { ReservationView } from "./view.tsx";

export const ReservationsPage = ({ id }: { id: string | undefined }) => (
  <RequireScopes scopes={[RESOURCES.reservations.readScope]}>
    {(connection) => {
      if (id === undefined) return <ReservationList connection={connection} />;
      if (id === "new") return <NewReservation connection={connection} />;
      return <ReservationView key={id} connection={connection} id={id} />;
    }}
  </RequireScopes>
);
