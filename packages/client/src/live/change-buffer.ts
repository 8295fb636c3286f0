import type { Change } from "../api.gen.ts";

/**
 * Changes of one feed that cannot be delivered yet, by seq. It holds a bounded number: beyond the
 * limit it drops the highest seq, so that the changes that are due first are kept.
 */
export interface ChangeBuffer {
  /** True once a change was dropped. The tracker sets it back when it asks for a replay. */
  overflowed: boolean;
  readonly size: number;
  get: (seq: number) => Change | undefined;
  seqs: () => Iterable<number>;
  inOrder: () => Change[];
  add: (change: Change) => void;
  delete: (seq: number) => void;
  deleteUpTo: (seq: number) => void;
  clear: () => void;
}

export function createChangeBuffer(limit: number): ChangeBuffer {
  const changes = new Map<number, Change>();
  return {
    overflowed: false,
    get size() {
      return changes.size;
    },
    get: (seq) => changes.get(seq),
    seqs: () => changes.keys(),
    inOrder: () => [...changes.values()].sort((a, b) => a.seq - b.seq),
    add(change) {
      changes.set(change.seq, change);
      if (changes.size <= limit) return;
      changes.delete([...changes.keys()].reduce((a, b) => Math.max(a, b)));
      this.overflowed = true;
    },
    delete: (seq) => changes.delete(seq),
    deleteUpTo(limitSeq) {
      for (const seq of changes.keys()) if (seq <= limitSeq) changes.delete(seq);
    },
    clear: () => changes.clear(),
  };
}
