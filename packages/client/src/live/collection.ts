/**
 * A read-only map of a topic's records that stays up to date: it loads a list, then applies the
 * changes after the list's cursor. A record never returns to an older version, even if changes
 * arrive late or twice.
 */

import type { Change } from "../api.gen.ts";
import { LiveError, MissingCursorError } from "../error.ts";
import type { Snapshot } from "../http.ts";
import { backoff, pause, type Timers } from "../timer.ts";
import { deferred, type Handlers, type Subscription } from "./subscription.ts";
import type { Topic } from "./topic.ts";

/** What a record must have to be kept: `version` counts up with each change of the record. */
export interface Versioned {
  id: string;
  version: number;
}

export interface CollectionOptions<T extends Versioned> {
  /** All records of the topic and the first page's `Feed-Cursor`: `pages(…)` of the HTTP client. */
  load: (signal: AbortSignal) => Promise<Snapshot<T>>;
  /**
   * One record, or undefined if it does not exist. It is called for a change that is too large for
   * a frame; without it, such a change loads the whole list again.
   */
  fetch?: (id: string, signal: AbortSignal) => Promise<T | undefined>;
}

/** A change of the map. `previous` is undefined for a new record. */
export type CollectionChange<T> =
  | { type: "set"; id: string; record: T; previous: T | undefined }
  | { type: "delete"; id: string; previous: T };

interface CollectionPort {
  subscribe: (topic: Topic, handlers: Handlers) => Subscription;
  /** Reports a failure that is tried again. */
  report: (detail: string, cause: unknown) => void;
  /** Reports an error that a listener has thrown. */
  reportThrown: (error: unknown) => void;
  timers: Timers;
  random: () => number;
}

/** Removed ids whose last version is remembered, so that a late change does not bring them back. */
const MAX_REMOVED = 10_000;
const WAIT = { base: 500, cap: 30_000 }; // ms

export class Collection<T extends Versioned> implements Iterable<[string, T]> {
  readonly #topic: Topic;
  readonly #options: CollectionOptions<T>;
  readonly #port: CollectionPort;
  readonly #records = new Map<string, T>();
  readonly #removed = new Map<string, number>();
  readonly #listeners = new Set<(change: CollectionChange<T>) => void>();
  readonly #onApplied = new Set<(change: Change) => void>();
  readonly #onClose = new Set<(reason: unknown) => void>();
  readonly #ending = new AbortController();
  readonly #ready = deferred();
  #loading: AbortController | undefined;
  #subscription: Subscription | undefined;

  constructor(topic: Topic, options: CollectionOptions<T>, port: CollectionPort) {
    this.#topic = topic;
    this.#options = options;
    this.#port = port;
    void this.#load("");
  }

  /** Resolves once it is loaded and has caught up; rejects with the error of `load`, or `LiveError`. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get size(): number {
    return this.#records.size;
  }

  get = (id: string): T | undefined => this.#records.get(id);
  has = (id: string): boolean => this.#records.has(id);
  keys = (): IterableIterator<string> => this.#records.keys();
  values = (): IterableIterator<T> => this.#records.values();
  entries = (): IterableIterator<[string, T]> => this.#records.entries();
  [Symbol.iterator] = (): IterableIterator<[string, T]> => this.#records.entries();

  /** Calls the listener after each change of the map; returns a function that removes it. */
  onChange(listener: (change: CollectionChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls the listener after each change of the topic, also one that changed nothing because the map
   * had it already. The change's `clientRef` shows whose write it was. Returns a function that
   * removes the listener.
   */
  onApplied(listener: (change: Change) => void): () => void {
    this.#onApplied.add(listener);
    return () => this.#onApplied.delete(listener);
  }

  /** Calls the listener when it is closed, with `LiveError` or the error of `load`. */
  onClose(listener: (reason: unknown) => void): void {
    this.#onClose.add(listener);
  }

  /** Final: the records stay in the map, but are no longer updated. */
  close(): void {
    this.#fail(new LiveError("closed", "The collection was closed"));
  }

  #fail(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(error);
    this.#subscription?.close();
    this.#ready.reject(error);
    this.#listeners.clear();
    this.#onApplied.clear();
    for (const listener of this.#onClose) listener(error);
  }

  /** Loads the list, then subscribes from the list's cursor. `reason` is that of a reset. */
  async #load(reason: string): Promise<void> {
    this.#loading?.abort();
    this.#subscription?.close();
    const loading = new AbortController();
    this.#loading = loading;
    const signal = AbortSignal.any([loading.signal, this.#ending.signal]);
    for (let failures = 1; ; failures++) {
      try {
        const { records, cursor } = await this.#options.load(signal);
        if (signal.aborted) return;
        // The server does not know the cursor, because its data is another: a restored backup, for
        // example. The versions that are known here say nothing about the new ones.
        this.#replace(records, reason === "unknown_position");
        this.#follow(cursor);
        return;
      } catch (error) {
        if (!signal.aborted) {
          if (isFinal(error)) this.#fail(error);
          else this.#port.report("A load failed", error);
        }
        const wait = backoff(failures, { ...WAIT, random: this.#port.random });
        if (!(await pause(wait, this.#port.timers, signal))) return;
      }
    }
  }

  #follow(since: string): void {
    const subscription = this.#port.subscribe(this.#topic, {
      since,
      event: (change) => this.#apply(change),
      reset: ({ reason }) => void this.#load(reason),
      error: (error) => this.#fail(error),
    });
    this.#subscription = subscription;
    void this.#awaitReady(subscription);
  }

  async #awaitReady(subscription: Subscription): Promise<void> {
    try {
      await subscription.ready;
      if (this.#subscription === subscription) this.#ready.resolve();
    } catch {
      // `error` has handled it, or another subscription has replaced this one
    }
  }

  /** Makes the map equal to a list. `forget` drops the known versions, too. */
  #replace(records: readonly T[], forget: boolean): void {
    if (forget) this.#removed.clear();
    const ids = new Set(records.map(({ id }) => id));
    for (const [id, { version }] of this.#records) {
      if (!ids.has(id) || forget) this.#remove(id, forget ? undefined : version);
    }
    for (const record of records) this.#set(record);
  }

  #apply(change: Change): void {
    const { id, version, op, data } = change;
    if (op === "delete" || op === "leave") this.#remove(id, version);
    else if (data) {
      const record: Versioned = { ...data, id, version };
      this.#set(record as T);
    } else {
      void this.#fetch(id, version).then(() => this.#call(this.#onApplied, change));
      return;
    }
    this.#call(this.#onApplied, change);
  }

  /** Ignores a version that is not newer than the known one, also that of a removed record. */
  #set(record: T): void {
    const { id, version } = record;
    const previous = this.#records.get(id);
    if (version <= Math.max(previous?.version ?? 0, this.#removed.get(id) ?? 0)) return;
    this.#removed.delete(id);
    this.#records.set(id, record);
    this.#notify({ type: "set", id, record, previous });
  }

  /** Removes a record, unless a newer version of it is known. */
  #remove(id: string, version: number | undefined): void {
    const previous = this.#records.get(id);
    if (version !== undefined && version < (previous?.version ?? 0)) return;
    if (version !== undefined) this.#rememberRemoved(id, version);
    if (previous === undefined) return;
    this.#records.delete(id);
    this.#notify({ type: "delete", id, previous });
  }

  #rememberRemoved(id: string, version: number): void {
    const last = this.#removed.get(id) ?? 0;
    this.#removed.delete(id); // so that `set` appends it as the youngest
    this.#removed.set(id, Math.max(version, last));
    for (const oldest of this.#removed.keys()) {
      if (this.#removed.size <= MAX_REMOVED) return;
      this.#removed.delete(oldest);
    }
  }

  async #fetch(id: string, version: number): Promise<void> {
    const { fetch } = this.#options;
    const subscription = this.#subscription;
    const { signal } = this.#ending;
    try {
      if (!fetch) throw new TypeError("A truncated change, and no fetch");
      const record = await fetch(id, signal);
      if (signal.aborted) return;
      if (record) this.#set(record);
      else this.#remove(id, version);
    } catch {
      // The list has the record, too. If it cannot be loaded either, `load` reports the reason.
      if (!signal.aborted && this.#subscription === subscription) await this.#load("");
    }
  }

  #notify(change: CollectionChange<T>): void {
    this.#call(this.#listeners, change);
  }

  #call<A>(listeners: ReadonlySet<(argument: A) => void>, argument: A): void {
    for (const listener of listeners) {
      try {
        listener(argument);
      } catch (error) {
        this.#port.reportThrown(error);
      }
    }
  }
}

/** True if another try cannot succeed, because the request itself was refused. */
function isFinal(error: unknown): boolean {
  if (error instanceof MissingCursorError) return true;
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === "number" && status >= 400 && status < 500 && status !== 429;
}
