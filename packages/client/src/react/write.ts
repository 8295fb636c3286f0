/**
 * Writes that are shown before the server has answered. A refused write is taken back. One that
 * succeeded stays until its own change has arrived, which the write's `clientRef` identifies: so no
 * value is shown twice, and none jumps back in between.
 */

import type { Feed } from "../api.gen.ts";
import type { Versioned } from "../live/collection.ts";
import type { Records } from "./source.ts";

/** What a record becomes if a write succeeds. */
export type Patch = {
  [F in Feed]: {
    feed: F;
    id: string;
    /** Returns the new record, or undefined if the write deletes it. It must not change its argument. */
    apply: (record: Records[F]) => Records[F] | undefined;
  };
}[Feed];

/** One optimistic write, from its request until its change has arrived everywhere. */
export class Write {
  readonly ref: string;
  readonly patches: readonly Patch[];
  /** The record of the answer: from this version on it has the write. */
  #answer: { id?: unknown; version?: unknown } | undefined;
  /** The ids of the records whose change has arrived, by where. */
  readonly #arrived = new Map<object, Set<string>>();

  constructor(ref: string, patches: readonly Patch[]) {
    this.ref = ref;
    this.patches = patches;
  }

  get answered(): boolean {
    return this.#answer !== undefined;
  }

  succeeded(body: unknown): void {
    this.#answer = body ?? {};
  }

  arrivedAt(entry: object, id: string): void {
    const ids = this.#arrived.get(entry) ?? new Set();
    this.#arrived.set(entry, ids.add(id));
  }

  /** For what was opened after the answer: its list has the write. */
  skip(entry: object): void {
    for (const { id } of this.patches) this.arrivedAt(entry, id);
  }

  /** True if nothing that these show is patched any more. */
  isDone(entries: readonly { feed: Feed }[]): boolean {
    const has = (entry: object, id: string) => this.#arrived.get(entry)?.has(id) ?? false;
    return entries.every((entry) =>
      this.patches.every(({ feed, id }) => feed !== entry.feed || has(entry, id)),
    );
  }

  /** The record with this write as `entry` must show it; undefined if the write deletes it. */
  applyTo(entry: { feed: Feed }, record: Versioned): Versioned | undefined {
    const { id } = record;
    if (this.#arrived.get(entry)?.has(id)) return record;
    const { id: answered, version } = this.#answer ?? {};
    if (answered === id && typeof version === "number" && record.version >= version) return record;
    let current: Versioned | undefined = record;
    for (const patch of this.patches) {
      if (current === undefined || patch.feed !== entry.feed || patch.id !== id) continue;
      // The record is of the feed of the patch.
      const apply = patch.apply as (record: Versioned) => Versioned | undefined;
      current = apply(current);
    }
    return current;
  }
}
