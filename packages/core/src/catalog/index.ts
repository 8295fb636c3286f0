import type * as z from "zod";
import type { Code } from "../error.ts";
import type { Stored } from "../store/update-expression.ts";
import * as Inventory from "./inventory.ts";
import * as Item from "./item.ts";
import * as Product from "./product.ts";
import * as Reservation from "./reservation.ts";
import * as User from "./user.ts";

/**
 * The list of resources. Each is described once, here: feeds, topics, scopes, tags, the stream
 * filter, history and the client's types are derived from it. A test fails if a resource that is
 * stored is missing.
 */

/** What the rest of the service must know about a resource. */
interface Resource {
  /** The resource's section in OpenAPI. */
  readonly tag: string;
  /** The resource's records, as clients see them. */
  readonly info: z.ZodType;
  readonly records: {
    /** Partition keys of the resource's records are `<kind>#<shard>`. */
    readonly kind: string;
    readonly notFound: Code;
    /** The tombstone of a deleted version: who deleted it, and when. */
    readonly deletion: (id: string, version: number) => Promise<object | undefined>;
    /** Throws `notFound`. */
    readonly existing: (id: string) => Promise<unknown>;
  };
  /** The record as it was written, whatever the time is now. */
  readonly image: (stored: Stored) => Readonly<Record<string, unknown>>;
  readonly scopes: { readonly read: string; readonly write: string };
  /** A filter that lists and topics offer, served by the records' index. */
  readonly filter?: {
    readonly parameter: string;
    /** The index partition of a value; undefined if no record can have it. */
    readonly partition: (value: string) => string | undefined;
  };
  /** Attributes of a write that its change carries, besides the record itself. */
  readonly notes?: readonly string[];
}

/** Resources by the name of their feed, which is also the first segment of their routes. */
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
    records: Inventory.levels,
    image: Inventory.levels.decode,
    scopes: { read: "read:inventory", write: "write:inventory" },
    filter: { parameter: "level", partition: Inventory.levelKey },
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

/** The description of a resource, where it may be any of them. */
export const resourceOf = (feed: Feed): Resource => resources[feed];

type ResourceScope = Resources[Feed]["scopes"]["read" | "write"];

/** Scopes that belong to no single resource; `admin` grants all others. */
const GENERAL_SCOPES = ["read:history", "publish:channels", "admin"] as const;

export type Scope = ResourceScope | (typeof GENERAL_SCOPES)[number];

/** All scopes that a token can have. */
export const SCOPES: readonly Scope[] = [
  ...new Set<Scope>(Object.values(resources).flatMap(({ scopes }) => [scopes.read, scopes.write])),
  ...GENERAL_SCOPES,
];

/**
 * Partition keys of the items whose changes are announced start with one of these. Unique values,
 * tombstones, reservation lines and idempotency records are not announced.
 */
export const ANNOUNCED: readonly string[] = Object.values(resources).map(
  ({ records }) => `${records.kind}#`,
);
