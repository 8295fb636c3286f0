import type { Change } from "../api.gen.ts";

/** Records whose last version is remembered; the one that changed longest ago is forgotten first. */
const MAX_RECORDS = 1_000;

/**
 * The last delivered version of each record. In a part of a feed, `seq` has gaps by nature, but the
 * versions of one record have none: a version that is missing shows that a change was lost.
 */
export interface RecordVersions {
  add: (change: Change) => void;
  /** True if a version of the record is missing between the last delivered one and this change. */
  hasGapBefore: (change: Change) => boolean;
  clear: () => void;
}

export function createRecordVersions(): RecordVersions {
  const lastVersions = new Map<string, number>();
  return {
    add({ id, version, op }) {
      lastVersions.delete(id); // so that `set` appends it as the youngest
      // A record that left the filter may change unseen before it enters again.
      if (op !== "leave") lastVersions.set(id, version);
      for (const oldest of lastVersions.keys()) {
        if (lastVersions.size <= MAX_RECORDS) return;
        lastVersions.delete(oldest);
      }
    },
    hasGapBefore({ id, version, op }) {
      const last = lastVersions.get(id);
      return last !== undefined && op !== "enter" && op !== "create" && version > last + 1;
    },
    clear: () => lastVersions.clear(),
  };
}
