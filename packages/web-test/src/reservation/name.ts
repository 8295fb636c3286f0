import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Client, unwrap } from "@stockwire/client/http";
import { short } from "../format.ts";
import { hasScope } from "../session.ts";

const caches = new WeakMap<Client, Map<string, Signal<string>>>();

/**
 * The name of a product, which is read once for all pages; the end of its id until then, and
 * without the scope `read:products`.
 */
export function productName(http: Client, id: string): ReadonlySignal<string> {
  const names = caches.get(http) ?? new Map<string, Signal<string>>();
  caches.set(http, names);
  const known = names.get(id);
  if (known) return known;
  const name = signal(short(id));
  names.set(id, name);
  if (hasScope("read:products")) {
    unwrap(http.products[":id"].$get({ param: { id } })).then(
      (product) => (name.value = product.name),
      () => names.delete(id),
    );
  }
  return name;
}
