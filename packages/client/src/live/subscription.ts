/**
 * Subscriptions as callers see them, and the bounded queue between the connection and a reader that
 * iterates: a slow reader loses nothing and does not hold up others.
 */

import type { Change } from "../api.gen.ts";
import type { LiveError } from "../error.ts";
import type { Topic } from "./topic.ts";

/** Changes are missing for good: the caller must read the records of these topics again. */
export interface Reset {
  topics: readonly Topic[];
  /** The server's reason, or `invalid_cursor`. */
  reason: string;
}

export interface SubscribeOptions {
  /** A `Feed-Cursor` header or a change's `cursor`. Without one the subscription begins now. */
  since?: string;
}

export interface Handlers extends SubscribeOptions {
  /**
   * Called with each change once. Those of a whole feed come in the order of `seq`, without gaps
   * unless `reset` is called; those of a record or a filter in the order of each record's `version`.
   */
  event: (change: Change) => void;
  reset?: (reset: Reset) => void;
  /** The server refused the subscription; it is closed. */
  error?: (error: LiveError) => void;
}

/** An element of a `Stream`. */
export type StreamItem = { type: "event"; event: Change } | ({ type: "reset" } & Reset);

export interface Subscription {
  /** Resolves once all topics have caught up for the first time; rejects with `LiveError`. */
  readonly ready: Promise<void>;
  close: () => void;
}

/** Ends when the subscription is closed; throws the `LiveError` of a refusal. */
export interface Stream extends Subscription, AsyncIterable<StreamItem> {}

/** A promise and the functions that settle it: `Promise.withResolvers`, which Node 20 lacks. */
export function deferred() {
  let resolve!: () => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  promise.catch(() => undefined); // not every caller awaits it
  return { promise, resolve, reject };
}

/** Items that wait for a slow reader; beyond them, changes are asked for again when it is empty. */
const MAX_WAITING = 1_000;

export class StreamQueue {
  readonly #items: StreamItem[] = [];
  readonly #onDrained: () => void;
  #wake: (() => void) | undefined;
  #full = false;
  #ended = false;
  #error: LiveError | undefined;

  /** `onDrained` is called when a queue that has refused changes is empty again. */
  constructor(onDrained: () => void) {
    this.#onDrained = onDrained;
  }

  /** False if the queue is full: it refuses all changes until it is empty, to keep their order. */
  offer(event: Change): boolean {
    this.#full ||= this.#items.length >= MAX_WAITING;
    if (!this.#full) this.push({ type: "event", event });
    return !this.#full;
  }

  push(item: StreamItem): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** Ends the iteration after the items that wait. */
  end(error?: LiveError): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<StreamItem, void> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#ended) {
        if (this.#error) throw this.#error;
        return;
      } else if (this.#full) {
        this.#full = false;
        this.#onDrained();
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }
}
