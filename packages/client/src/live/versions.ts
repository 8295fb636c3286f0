import type { Change } from "@stockwire/core/changes/change";

/** Records whose last version is remembered. */
const MAX = 1_000;

/** The last version of each record that was handed out: those of one record have no holes. */
export class Versions {
  readonly #last = new Map<string, number>();

  add({ id, version, op }: Change): void {
    this.#last.delete(id); // to the end, as the youngest
    if (op !== "leave") this.#last.set(id, version);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MAX) return;
      this.#last.delete(oldest);
    }
  }

  /** Whether a version of its record is missing before it. What comes from outside may skip some. */
  skippedBy({ id, version, op }: Change): boolean {
    const last = this.#last.get(id);
    return last !== undefined && op !== "enter" && op !== "create" && version > last + 1;
  }

  clear = (): void => this.#last.clear();
}
