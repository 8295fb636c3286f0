import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Client, unwrap } from "@stockwire/client/http";
import { CLIENT_REF } from "../connection.ts";
import { hasScope } from "../session.ts";

/**
 * Returns a function that gives who made a reservation: the actor of its first change, since the
 * record itself names no owner. Undefined until it is read, and without the scope `read:history`.
 */
export function openOwners(http: Client): (id: string) => ReadonlySignal<string | undefined> {
  const owners = new Map<string, Signal<string | undefined>>();
  const load = async (id: string, owner: Signal<string | undefined>) => {
    const query = { order: "asc", limit: "1" } as const;
    const { items } = await unwrap(http.reservations[":id"].history.$get({ param: { id }, query }));
    const [first] = items;
    if (first) owner.value = first.clientRef === CLIENT_REF ? "this window" : first.actor;
  };
  return (id) => {
    const known = owners.get(id);
    if (known) return known;
    const owner = signal<string>();
    owners.set(id, owner);
    if (hasScope("read:history")) load(id, owner).catch(() => owners.delete(id));
    return owner;
  };
}
