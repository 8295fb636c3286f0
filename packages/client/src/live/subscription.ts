import type { Change } from "@stockwire/core/changes/change";
import type { LiveError } from "../error.ts";
import type { Topic } from "./topic.ts";

/** Changes could not be told: what is known of these topics' records must be read anew. */
export interface Reset {
  topics: readonly Topic[];
  /** The server's reason, or `invalid_cursor`. */
  reason: string;
}

export interface SubscribeOptions {
  /** A `Feed-Cursor` or a change's `cursor`; from now without one. */
  since?: string;
}

export interface Handlers extends SubscribeOptions {
  /** Each change once, those of a feed in the order of `seq`. */
  event: (change: Change) => void;
  reset?: (reset: Reset) => void;
  /** The subscription was refused and has ended. */
  error?: (error: LiveError) => void;
}

export type Entry = { type: "event"; event: Change } | ({ type: "reset" } & Reset);

export interface Subscription {
  /** Once all topics are subscribed and caught up for the first time; rejects with `LiveError`. */
  readonly ready: Promise<void>;
  close: () => void;
}

/** Ends with the subscription; throws its `LiveError`. */
export interface Stream extends Subscription, AsyncIterable<Entry, void> {}

/** Entries that wait for a slow reader before the server is asked for them again. */
const MAX_WAITING = 1_000;

/** What waits to be read. It takes no more than a bound, and asks for the rest when it is empty. */
export class Queue {
  readonly #entries: Entry[] = [];
  readonly #more: () => void;
  #wake: (() => void) | undefined;
  #full = false;
  #ended = false;
  #error: LiveError | undefined;

  constructor(more: () => void) {
    this.#more = more;
  }

  offer(event: Change): boolean {
    this.#full ||= this.#entries.length >= MAX_WAITING;
    if (!this.#full) this.push({ type: "event", event });
    return !this.#full;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#wake?.();
  }

  end(error?: LiveError): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Entry, void> {
    for (;;) {
      const entry = this.#entries.shift();
      if (entry !== undefined) {
        yield entry;
      } else if (this.#ended) {
        if (this.#error) throw this.#error;
        return;
      } else if (this.#full) {
        this.#full = false;
        this.#more();
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }
}
