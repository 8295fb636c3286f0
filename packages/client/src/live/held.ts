import type { Change } from "@stockwire/core/changes/change";

/** Changes of one feed that wait, by number; of too many the highest go first. */
export class Held {
  readonly #changes = new Map<number, Change>();
  readonly #limit: number;
  /** False once one had to go. */
  complete = true;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#changes.size;
  }

  get = (seq: number): Change | undefined => this.#changes.get(seq);
  seqs = (): Iterable<number> => this.#changes.keys();
  delete = (seq: number): boolean => this.#changes.delete(seq);
  clear = (): void => this.#changes.clear();

  add(change: Change): void {
    this.#changes.set(change.seq, change);
    if (this.#changes.size <= this.#limit) return;
    this.#changes.delete([...this.#changes.keys()].reduce((a, b) => Math.max(a, b)));
    this.complete = false;
  }

  deleteUpTo(seq: number): void {
    for (const one of this.#changes.keys()) if (one <= seq) this.#changes.delete(one);
  }

  inOrder = (): Change[] => [...this.#changes.values()].toSorted((a, b) => a.seq - b.seq);
}
