/**
 * The tables as plain data. Infrastructure, the laptop and the tests all create them from here, so
 * that they cannot differ. All have on-demand capacity.
 */

export interface TableSpec {
  /** The name from which a stage or the laptop derives the real one. */
  readonly id: string;
  /** Attributes of keys; all are strings. */
  readonly fields: readonly string[];
  readonly primaryIndex: { readonly hashKey: string; readonly rangeKey: string };
  readonly globalIndexes: Readonly<Record<string, { hashKey: string; rangeKey: string }>>;
  readonly ttl?: string; // attribute with epoch seconds
  readonly stream?: "new-and-old-images";
}

/**
 * Records, unique values, tombstones, reservation lines and idempotency rows. gsi1 is sparse: only
 * records that a filter lists have its keys. The stream feeds the change log.
 */
export const Data = {
  id: "Data",
  fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" } },
  ttl: "expiresAt",
  stream: "new-and-old-images",
} as const satisfies TableSpec;

/**
 * The change log: changes by record and version, in gsi1 by feed and seq; and one head per feed.
 */
export const Changes = {
  id: "Changes",
  fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" } },
  ttl: "expiresAt",
} as const satisfies TableSpec;

/**
 * Connections, subscriptions and tickets. It has no index, since an index is eventually consistent
 * and a delivery must see every subscription that has been confirmed.
 */
export const Connections = {
  id: "Connections",
  fields: ["pk", "sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: {},
  ttl: "expiresAt",
} as const satisfies TableSpec;

export const tables: readonly TableSpec[] = [Data, Changes, Connections];
