/**
 * The resources that can be exported and imported, as tables. A row is identified by a member that is
 * the same on every server: the email of a user, the sku of a product or of its inventory, the id of an
 * item.
 */

/** What a file has of a resource. */
export interface Table {
  /** Columns of an export, in their order. */
  readonly columns: readonly string[];
  /** Columns whose cells are numbers. */
  readonly numbers: ReadonlySet<string>;
  /** Columns that the server sets itself. An import ignores them. */
  readonly readOnly: ReadonlySet<string>;
  /** Columns that only an import has. */
  readonly importOnly: readonly string[];
  /** A row is identified by the first of these columns that it has a text in. */
  readonly keys: readonly string[];
  /** True if a row without any of them is a new record each time. */
  readonly keyIsOptional: boolean;
}

/** All attributes of an item as JSON, in CSV only. */
export const ATTRIBUTES = "attributes";

const SERVER_OWNED = ["createdAt", "updatedAt", "version"];

export const tables = {
  users: {
    columns: ["id", "name", "email", "phone", "age", "status", ...SERVER_OWNED],
    numbers: new Set(["age"]),
    readOnly: new Set(["id", ...SERVER_OWNED]),
    importOnly: [],
    keys: ["email"],
    keyIsOptional: false,
  },
  products: {
    columns: [
      "id",
      "name",
      "price",
      "currency",
      "category",
      "description",
      "sku",
      "status",
      ...SERVER_OWNED,
    ],
    numbers: new Set(["price", "initialQuantity"]),
    readOnly: new Set(["id", ...SERVER_OWNED]),
    importOnly: ["initialQuantity"],
    keys: ["sku"],
    keyIsOptional: true,
  },
  inventory: {
    columns: [
      "id",
      "productId",
      "sku",
      "quantity",
      "reserved",
      "available",
      "reorderPoint",
      "level",
      "updatedAt",
      "version",
    ],
    numbers: new Set(["quantity", "reorderPoint"]),
    readOnly: new Set(["id", "reserved", "available", "level", "updatedAt", "version"]),
    importOnly: ["reason"],
    keys: ["sku", "productId"],
    keyIsOptional: false,
  },
  items: {
    columns: ["id", ATTRIBUTES, ...SERVER_OWNED],
    numbers: new Set(),
    readOnly: new Set(SERVER_OWNED),
    importOnly: [],
    keys: ["id"],
    keyIsOptional: true,
  },
} as const satisfies Readonly<Record<string, Table>>;

export type Resource = keyof typeof tables;

export const RESOURCES = Object.keys(tables) as Resource[];

export const tableOf = (resource: Resource): Table => tables[resource];

export const isResource = (name: string): name is Resource => Object.hasOwn(tables, name);

/** A record as JSON has it. */
export type Values = Readonly<Record<string, unknown>>;

/** What identifies a row; undefined for a new record. Case does not count in emails. */
export function keyOf(resource: Resource, values: Values): string | undefined {
  for (const name of tableOf(resource).keys) {
    const value = values[name];
    if (typeof value !== "string" || value.trim() === "") continue;
    return `${name} ${name === "email" ? value.trim().toLowerCase() : value.trim()}`;
  }
  return undefined;
}
