/** Listeners by event; what one throws is told as an `error`. */
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
        if (event !== "error") this.report("a listener threw", error);
      }
    }
  }

  report(detail: string, cause: unknown): void {
    this.emit("error", cause instanceof Error ? cause : new Error(detail, { cause }));
  }

  clear = (): void => this.#listeners.clear();
}
