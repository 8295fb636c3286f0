import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Client, unwrap } from "@stockwire/client/http";
import { CLIENT_REF } from "../connection.ts";
import { hasScope } from "../session.ts";

const caches = new WeakMap<Client, Map<string, Signal<string | undefined>>>();

/**
 * Who made a reservation: the actor of its first change, since the record itself names no owner.
 * Undefined until it is read, and without the scope `read:history`.
 */
export function ownerOf(http: Client, id: string): ReadonlySignal<string | undefined> {
  const owners = caches.get(http) ?? new Map<string, Signal<string | undefined>>();
  caches.set(http, owners);
  const known = owners.get(id);
  if (known) return known;
  const owner = signal<string>();
  owners.set(id, owner);
  const load = async () => {
    const query = { order: "asc", limit: "1" } as const;
    const { items } = await unwrap(http.reservations[":id"].history.$get({ param: { id }, query }));
    const [first] = items;
    if (first) owner.value = first.clientRef === CLIENT_REF ? "this window" : first.actor;
  };
  if (hasScope("read:history")) load().catch(() => owners.delete(id));
  return owner;
}
