/**
 * The list of resources. Each is described once, here. Feeds, topics, scopes, tags, the stream
 * filter, history and the client's types are derived from it, so a resource that is stored but not
 * listed fails a test.
 */

import type * as z from "zod";
import type { Code } from "../error.ts";
import type { Stored } from "../store/update-expression.ts";
import * as Inventory from "./inventory.ts";
import { levelKey } from "./inventory-units.ts";
import * as Item from "./item.ts";
import * as Product from "./product.ts";
import * as Reservation from "./reservation-record.ts";
import * as User from "./user.ts";

/** What the rest of the service needs to know about a resource. */
interface Resource {
  /** The resource's section in OpenAPI. */
  readonly tag: string;
  /** Schema of a record as clients see it. */
  readonly info: z.ZodType;
  readonly records: {
    /** Records have partition keys `<kind>#<shard>`. */
    readonly kind: string;
    readonly notFound: Code;
    /** The tombstone of a deleted version: who deleted the record, and when. */
    readonly tombstone: (id: string, version: number) => Promise<object | undefined>;
    /** Throws `notFound` if there is no such record now. */
    readonly getStored: (id: string) => Promise<unknown>;
    /** Undefined if there is no such record now. */
    readonly readStored: (id: string) => Promise<Stored | undefined>;
  };
  /** Returns the record as it was written, independent of the current time. */
  readonly image: (stored: Stored) => Readonly<Record<string, unknown>>;
  readonly scopes: { readonly read: string; readonly write: string };
  /** A filter of lists and topics, which the index of the records serves. */
  readonly filter?: {
    readonly parameter: string;
    /** Returns the index partition of a value; undefined if no record can have that value. */
    readonly partition: (value: string) => string | undefined;
  };
  /** Attributes of a write that its change has beside the record, such as its reason. */
  readonly notes?: readonly string[];
}

/** Resources by the name of their feed, which is also the first segment of their paths. */
export const resources = {
  users: {
    tag: "Users",
    info: User.Info,
    records: User.users,
    image: User.users.decode,
    scopes: { read: "read:users", write: "write:users" },
  },
  products: {
    tag: "Products",
    info: Product.Info,
    records: Product.products,
    image: Product.products.decode,
    scopes: { read: "read:products", write: "write:products" },
    filter: { parameter: "category", partition: Product.categoryFilter },
  },
  inventory: {
    tag: "Inventory",
    info: Inventory.Info,
    records: Inventory.inventories,
    image: Inventory.inventories.decode,
    scopes: { read: "read:inventory", write: "write:inventory" },
    filter: { parameter: "level", partition: levelKey },
    notes: ["reason", "reference"],
  },
  reservations: {
    tag: "Reservations",
    info: Reservation.Info,
    records: Reservation.reservations,
    image: Reservation.storedInfo,
    scopes: { read: "reserve:inventory", write: "reserve:inventory" },
  },
  items: {
    tag: "Items",
    info: Item.Info,
    records: Item.items,
    image: Item.items.decode,
    scopes: { read: "read:items", write: "write:items" },
    filter: { parameter: "type", partition: Item.typeKey },
  },
} as const satisfies Readonly<Record<string, Resource>>;

type Resources = typeof resources;

/** The feed of a resource's changes. */
export type Feed = keyof Resources;
export type Tag = Resources[Feed]["tag"];

export const FEEDS = Object.keys(resources) as [Feed, ...Feed[]];

export const isFeed = (name: string): name is Feed => Object.hasOwn(resources, name);

/** Returns the description of any resource, without the types that only one of them has. */
export const resourceOf = (feed: Feed): Resource => resources[feed];

type ResourceScope = Resources[Feed]["scopes"]["read" | "write"];

/** Scopes beside those of single resources; `admin` grants all others. */
const GENERAL_SCOPES = ["read:history", "publish:channels", "admin"] as const;

export type Scope = ResourceScope | (typeof GENERAL_SCOPES)[number];

/** All scopes that a token can have, each once. */
export const SCOPES: readonly Scope[] = [
  ...new Set<Scope>(Object.values(resources).flatMap(({ scopes }) => [scopes.read, scopes.write])),
  ...GENERAL_SCOPES,
];

/**
 * Prefixes of the partition keys whose changes go to the change log. Unique values, tombstones,
 * reservation lines and idempotency rows have other prefixes.
 */
export const ANNOUNCED: readonly string[] = Object.values(resources).map(
  ({ records }) => `${records.kind}#`,
);
