/** Listeners by event; what one throws is told as an `error`, or thrown on. */
export class Emitter<Events extends { error: Error }> {
  readonly #listeners = new Map<keyof Events, Set<(of: never) => void>>();

  /** Returns what ends the listening. */
  on<E extends keyof Events>(event: E, listener: (of: Events[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit<E extends keyof Events>(event: E, of: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (of: Events[E]) => void)(of);
      } catch (error) {
        if (event === "error") rethrow(error);
        else this.threw(error);
      }
    }
  }

  report(detail: string, cause: unknown): void {
    this.emit("error", cause instanceof Error ? cause : new Error(detail, { cause }));
  }

  /** What a listener throws is not lost: without a listener to `error` it is thrown on. */
  threw(error: unknown): void {
    if (this.#listeners.get("error")?.size) this.report("a listener threw", error);
    else rethrow(error);
  }

  clear = (): void => this.#listeners.clear();
}

/** Apart from what goes on here, as a browser does with what an event's listener throws. */
const rethrow = (error: unknown): void =>
  queueMicrotask(() => {
    throw error;
  });
