import type { Change } from "@stockwire/core/changes/change";
import { backoff } from "../backoff.ts";
import { LiveError } from "../error.ts";
import type { Snapshot } from "../http.ts";
import { MissingCursorError } from "../problem.ts";
import type { Handlers, Reset, Subscription } from "./subscription.ts";
import { delay, type Timers } from "../timers.ts";
import type { Topic } from "./topic.ts";

export interface Versioned {
  id: string;
  version: number;
}

export interface CollectionOptions<T extends Versioned> {
  /** All records of the topic and the first page's `Feed-Cursor`: `pages(…)` of the HTTP client. */
  load: (signal: AbortSignal) => Promise<Snapshot<T>>;
  /** One record, undefined if it is gone, for changes that are too large to be told; else all is loaded. */
  fetch?: (id: string, signal: AbortSignal) => Promise<T | undefined>;
}

export type CollectionChange<T> =
  | { type: "set"; id: string; record: T; previous: T | undefined }
  | { type: "delete"; id: string; previous: T };

interface CollectionPort {
  subscribe: (topic: Topic, handlers: Handlers) => Subscription;
  /** Tells what is tried again. */
  report: (detail: string, cause: unknown) => void;
  threw: (error: unknown) => void;
  timers: Timers;
  random: () => number;
}

/** Removed ids whose last version is remembered, so that an older change doesn't bring them back. */
const MAX_REMOVED = 10_000;
const WAIT = { base: 500, cap: 30_000 }; // ms

/** The records of a topic as they are now: a read-only map that changes by itself. */
export class Collection<T extends Versioned> implements Iterable<[string, T]> {
  readonly #topic: Topic;
  readonly #options: CollectionOptions<T>;
  readonly #port: CollectionPort;
  readonly #records = new Map<string, T>();
  readonly #removed = new Map<string, number>();
  readonly #listeners = new Set<(change: CollectionChange<T>) => void>();
  readonly #onClose = new Set<() => void>();
  readonly #ending = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #loading: AbortController | undefined;
  #subscription: Subscription | undefined;

  constructor(topic: Topic, options: CollectionOptions<T>, port: CollectionPort) {
    this.#topic = topic;
    this.#options = options;
    this.#port = port;
    this.#ready.promise.catch(() => undefined);
    void this.#load("");
  }

  /** Once it is loaded and has caught up; rejects with what `load` throws, or `LiveError`. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get size(): number {
    return this.#records.size;
  }

  get = (id: string): T | undefined => this.#records.get(id);
  has = (id: string): boolean => this.#records.has(id);
  keys = (): MapIterator<string> => this.#records.keys();
  values = (): MapIterator<T> => this.#records.values();
  entries = (): MapIterator<[string, T]> => this.#records.entries();
  [Symbol.iterator] = (): MapIterator<[string, T]> => this.#records.entries();

  /** Hears of each change of the map; returns what ends that. */
  onChange(listener: (change: CollectionChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onClose(listener: () => void): void {
    this.#onClose.add(listener);
  }

  /** Final; the records stay as they are. */
  close(): void {
    this.#fail(new LiveError("closed", "The collection was closed"));
  }

  #fail(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(error);
    this.#subscription?.close();
    this.#ready.reject(error);
    this.#listeners.clear();
    for (const listener of this.#onClose) listener();
  }

  /** Loads all, then listens from before the load. */
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
        // Versions count from somewhere else after a position that the server does not know.
        this.#replace(records, reason === "unknown_position");
        this.#listen(cursor);
        return;
      } catch (error) {
        if (!signal.aborted) {
          if (isFinal(error)) this.#fail(error);
          else this.#port.report("a load failed", error);
        }
        const wait = backoff(failures, { ...WAIT, random: this.#port.random });
        const goesOn = await delay(wait, this.#port.timers, signal).then(
          () => true,
          () => false,
        );
        if (!goesOn) return;
      }
    }
  }

  #listen(since: string): void {
    const subscription = this.#port.subscribe(this.#topic, {
      since,
      event: (change) => this.#apply(change),
      reset: ({ reason }: Reset) => void this.#load(reason),
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
      // told by `error`, or replaced by another
    }
  }

  #replace(records: readonly T[], anew: boolean): void {
    if (anew) this.#removed.clear();
    const ids = new Set(records.map(({ id }) => id));
    for (const [id, { version }] of this.#records) {
      if (!ids.has(id) || anew) this.#remove(id, anew ? undefined : version);
    }
    for (const record of records) this.#set(record);
  }

  #apply(change: Change): void {
    const { id, version, op, data } = change;
    if (op === "delete" || op === "leave") this.#remove(id, version);
    else if (data) this.#set({ ...data, id, version } as unknown as T);
    else void this.#fetch(id, version);
  }

  /** An older version never replaces a newer one, nor what a newer one removed. */
  #set(record: T): void {
    const { id, version } = record;
    const previous = this.#records.get(id);
    if (version <= Math.max(previous?.version ?? 0, this.#removed.get(id) ?? 0)) return;
    this.#removed.delete(id);
    this.#records.set(id, record);
    this.#tell({ type: "set", id, record, previous });
  }

  #remove(id: string, version: number | undefined): void {
    const previous = this.#records.get(id);
    if (version !== undefined && version < (previous?.version ?? 0)) return;
    if (version !== undefined) this.#bury(id, version);
    if (previous === undefined) return;
    this.#records.delete(id);
    this.#tell({ type: "delete", id, previous });
  }

  #bury(id: string, version: number): void {
    const last = this.#removed.get(id) ?? 0;
    this.#removed.delete(id); // to the end, as the youngest
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
      if (!fetch) throw new TypeError("a truncated change, and no fetch");
      const record = await fetch(id, signal);
      if (signal.aborted) return;
      if (record) this.#set(record);
      else this.#remove(id, version);
    } catch {
      // The list has it; if that can't be read either, `load` says why.
      if (!signal.aborted && this.#subscription === subscription) await this.#load("");
    }
  }

  #tell(change: CollectionChange<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#port.threw(error);
      }
    }
  }
}

/** Whether another try is in vain: the request itself was refused. */
function isFinal(error: unknown): boolean {
  if (error instanceof MissingCursorError) return true;
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === "number" && status >= 400 && status < 500 && status !== 429;
}
