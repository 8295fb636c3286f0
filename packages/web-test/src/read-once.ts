/** Values that are read once for all pages of a session. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Client } from "@stockwire/client/http";
import type { Scope } from "./catalog.ts";
import { hasScope } from "./session.ts";

interface Options<T> {
  /** What is shown until the value is read, and without the scope. */
  before: (id: string) => T;
  scope: Scope;
  read: (http: Client, id: string) => Promise<T>;
}

/** Returns a function that gives the value of an id as a signal. What could not be read is read again later. */
export function readOnce<T>({ before, scope, read }: Options<T>) {
  const caches = new WeakMap<Client, Map<string, Signal<T>>>();
  return (http: Client, id: string): ReadonlySignal<T> => {
    const values = caches.get(http) ?? new Map<string, Signal<T>>();
    caches.set(http, values);
    const known = values.get(id);
    if (known) return known;
    const value = signal(before(id));
    values.set(id, value);
    if (hasScope(scope)) {
      read(http, id).then(
        (found) => (value.value = found),
        () => values.delete(id),
      );
    }
    return value;
  };
}
