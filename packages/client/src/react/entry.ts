/**
 * One collection that hooks share. It is opened for the first subscriber and closed some seconds
 * after the last one, so that a component that is mounted again immediately (StrictMode, a change of
 * the page) does not load it again.
 */

import type { Feed } from "../api.gen.ts";
import type { Collection, Versioned } from "../live/collection.ts";
import type { Timers } from "../timer.ts";
import type { Write } from "./write.ts";

/** What a hook returns. It is the same object until something changes. */
export interface CollectionState<T> {
  /** `error`: the server refused the list or the topic, and it is not tried again. */
  readonly status: "loading" | "ready" | "error";
  /** The records with the writes that are under way, in no defined order. */
  readonly records: readonly T[];
  /** Of status `error`: `ProblemError`, `LiveError` or `MissingCursorError`. */
  readonly error: Error | undefined;
  /** Loads again after an error. */
  readonly retry: () => void;
}

/** Ms for which a collection stays open without a subscriber. */
const KEEP = 5_000;
/** Ms for which one stays open that a suspended component waits for. */
const KEEP_SUSPENDED = 30_000;

export interface EntryPort {
  feed: Feed;
  open: () => Collection<Versioned>;
  writes: () => Iterable<Write>;
  /** The change that a write made of a record has arrived here. */
  arrived: (ref: string, id: string) => void;
  closed: () => void;
  timers: Timers;
}

export class Entry {
  readonly feed: Feed;
  readonly #port: EntryPort;
  readonly #listeners = new Set<() => void>();
  #collection: Collection<Versioned> | undefined;
  #status: CollectionState<Versioned>["status"] = "loading";
  #error: Error | undefined;
  #state: CollectionState<Versioned> | undefined;
  #notifying = false;
  #closing: unknown;
  #settled: Promise<void> | undefined;
  #settle: () => void = () => undefined;

  constructor(port: EntryPort) {
    this.feed = port.feed;
    this.#port = port;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#keep();
    this.#open();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#closeAfter(KEEP);
    };
  }

  /** Opens it for a component that is not mounted yet. Resolves once it is loaded or has failed. */
  suspended(): Promise<void> {
    this.#settled ??= new Promise((resolve) => (this.#settle = resolve));
    if (this.#listeners.size === 0) this.#closeAfter(KEEP_SUSPENDED);
    this.#open();
    return this.#settled;
  }

  get state(): CollectionState<Versioned> {
    this.#state ??= {
      status: this.#status,
      records: this.#records(),
      error: this.#error,
      retry: this.#retry,
    };
    return this.#state;
  }

  /** Its state is another one: subscribers are called once for all changes of this moment. */
  readonly changed = (): void => {
    this.#state = undefined;
    if (this.#notifying) return;
    this.#notifying = true;
    queueMicrotask(() => {
      this.#notifying = false;
      for (const listener of this.#listeners) listener();
    });
  };

  close(): void {
    this.#keep();
    const collection = this.#collection;
    this.#collection = undefined;
    collection?.close();
    this.#settle();
    this.#port.closed();
  }

  #records(): Versioned[] {
    const records = [...(this.#collection?.values() ?? [])];
    const writes = [...this.#port.writes()];
    if (writes.length === 0) return records;
    return records.flatMap((record) => {
      let current: Versioned | undefined = record;
      for (const write of writes) current = current && write.applyTo(this, current);
      return current ?? [];
    });
  }

  #open(): void {
    if (this.#collection) return;
    const collection = this.#port.open();
    this.#collection = collection;
    collection.onChange(this.changed);
    collection.onApplied(({ clientRef, id }) => {
      if (clientRef !== undefined) this.#port.arrived(clientRef, id);
    });
    const become = (status: "ready" | "error", error?: unknown) => {
      if (this.#collection !== collection) return;
      this.#status = status;
      this.#error = error as Error | undefined;
      this.#settle();
      this.changed();
    };
    const ready = () => become("ready");
    void collection.ready.then(ready, () => undefined); // `onClose` has the reason
    collection.onClose((reason) => become("error", reason));
  }

  readonly #retry = (): void => {
    if (this.#status !== "error") return;
    this.#status = "loading";
    this.#error = undefined;
    this.#collection = undefined;
    this.#settled = undefined;
    this.changed();
    this.#open();
  };

  #closeAfter(ms: number): void {
    this.#keep();
    this.#closing = this.#port.timers.setTimeout(() => this.close(), ms);
  }

  #keep(): void {
    this.#port.timers.clearTimeout(this.#closing);
    this.#closing = undefined;
  }
}
