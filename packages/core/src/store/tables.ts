/**
 * The tables as plain data: infra provisions them, the laptop and the tests create them.
 * All are on demand; `id` is the name that a stage or the laptop derives the real one from.
 */
export interface TableSpec {
  readonly id: string;
  /** Attributes that take part in a key; all are strings. */
  readonly fields: readonly string[];
  readonly primaryIndex: { readonly hashKey: string; readonly rangeKey: string };
  readonly globalIndexes: Readonly<Record<string, { hashKey: string; rangeKey: string }>>;
  readonly ttl?: string; // attribute with epoch seconds
  readonly stream?: "new-and-old-images";
}

/** Records, their guards, tombstones and idempotency records. */
export const Data = {
  id: "Data",
  fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" } },
  ttl: "expiresAt",
  stream: "new-and-old-images",
} as const satisfies TableSpec;

/** The change log: events by record and version, in the index by feed and number; heads of feeds. */
export const Changes = {
  id: "Changes",
  fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" } },
  ttl: "expiresAt",
} as const satisfies TableSpec;

/** Live connections, what they subscribe to, and tickets. Never read through an index. */
export const Connections = {
  id: "Connections",
  fields: ["pk", "sk"],
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: {},
  ttl: "expiresAt",
} as const satisfies TableSpec;

export const tables: readonly TableSpec[] = [Data, Changes, Connections];
