/**
 * A bounded cache, so that neither forged tokens nor invented identities can fill the memory.
 */

/** A map of at most `limit` values that drops the least recently used one. */
export interface Cache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/** Creates an empty cache. */
export function createCache<Value>(limit: number): Cache<Value> {
  const entries = new Map<string, Value>();
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      // A Map keeps insertion order, so moving a hit to the end leaves the oldest entry first.
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= limit) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        return;
      }
    },
  };
}
