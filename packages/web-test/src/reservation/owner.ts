import { unwrap } from "@stockwire/client/http";
import { CLIENT_REF } from "../connection.ts";
import { readOnce } from "../read-once.ts";

/**
 * Who made a reservation: the actor of its first change, since the record itself names no owner.
 * Undefined until it is read, and without the scope `read:history`.
 */
export const ownerOf = readOnce<string | undefined>({
  before: () => undefined,
  scope: "read:history",
  read: async (http, id) => {
    const query = { order: "asc", limit: "1" } as const;
    const { items } = await unwrap(http.reservations[":id"].history.$get({ param: { id }, query }));
    const [first] = items;
    return first?.clientRef === CLIENT_REF ? "this window" : first?.actor;
  },
});
