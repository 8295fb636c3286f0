import type { Change } from "@stockwire/core/changes/change";

/**
 * Changes of one feed that cannot be delivered yet, by seq. It holds a bounded number: beyond the
 * limit it drops the highest seq, so that the changes that are due first are kept.
 */
export class ChangeBuffer {
  readonly #changes = new Map<number, Change>();
  readonly #limit: number;
  /** True once a change was dropped. The tracker sets it back when it asks for a replay. */
  overflowed = false;

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
    this.overflowed = true;
  }

  deleteUpTo(seq: number): void {
    for (const one of this.#changes.keys()) if (one <= seq) this.#changes.delete(one);
  }

  inOrder = (): Change[] => [...this.#changes.values()].toSorted((a, b) => a.seq - b.seq);
}
