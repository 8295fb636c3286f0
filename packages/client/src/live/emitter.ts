/**
 * Listeners by event name. An error that a listener throws never reaches the code that emits: it
 * becomes an `error` event, or an uncaught error of the process if `error` has no listener.
 */
export class Emitter<Events extends { error: Error }> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();

  /** Returns a function that removes the listener. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (payload: Events[E]) => void)(payload);
      } catch (error) {
        if (event === "error") throwLater(error);
        else this.reportThrown(error);
      }
    }
  }

  /** Emits `error` with the cause itself, or with an error of this text if the cause is none. */
  report(detail: string, cause: unknown): void {
    this.emit("error", cause instanceof Error ? cause : new Error(detail, { cause }));
  }

  /** Reports an error that the caller's own code has thrown. */
  reportThrown(error: unknown): void {
    if (this.#listeners.get("error")?.size) this.report("A listener threw", error);
    else throwLater(error);
  }

  clear = (): void => this.#listeners.clear();
}

/** Throws outside of the running code, as a browser does with an error of an event listener. */
const throwLater = (error: unknown): void =>
  queueMicrotask(() => {
    throw error;
  });
