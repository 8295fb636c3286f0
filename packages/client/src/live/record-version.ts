import type { Change } from "@stockwire/core/changes/change";

/** Records whose last version is remembered; the one that changed longest ago is forgotten first. */
const MAX_RECORDS = 1_000;

/**
 * The last delivered version of each record. In a part of a feed, `seq` has gaps by nature, but the
 * versions of one record have none: a version that is missing shows that a change was lost.
 */
export class RecordVersions {
  readonly #last = new Map<string, number>();

  add({ id, version, op }: Change): void {
    this.#last.delete(id); // so that `set` appends it as the youngest
    // A record that left the filter may change unseen before it enters again.
    if (op !== "leave") this.#last.set(id, version);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MAX_RECORDS) return;
      this.#last.delete(oldest);
    }
  }

  /** True if a version of the record is missing between the last delivered one and this change. */
  hasGapBefore({ id, version, op }: Change): boolean {
    const last = this.#last.get(id);
    return last !== undefined && op !== "enter" && op !== "create" && version > last + 1;
  }

  clear = (): void => this.#last.clear();
}
