/**
 * The console's only list of resources and scopes. A feed that the client's types name and that
 * is missing here does not compile.
 */

import type { Handlers } from "@stockwire/client/live";

/** A change as the client delivers it. */
export type Change = Parameters<Handlers["event"]>[0];
export type Feed = Change["feed"];

interface Resource {
  /** The scope to read the resource, and to subscribe to its feed. */
  readScope: string;
  writeScope: string;
}

export const RESOURCES = {
  products: { readScope: "read:products", writeScope: "write:products" },
  inventory: { readScope: "read:inventory", writeScope: "write:inventory" },
  reservations: { readScope: "reserve:inventory", writeScope: "reserve:inventory" },
  users: { readScope: "read:users", writeScope: "write:users" },
  items: { readScope: "read:items", writeScope: "write:items" },
} as const satisfies Record<Feed, Resource>;

export const FEEDS = Object.keys(RESOURCES) as readonly Feed[];

const OTHER_SCOPES = ["read:history", "publish:channels", "admin"] as const;

type ResourceScopes = (typeof RESOURCES)[Feed];
export type Scope = ResourceScopes["readScope" | "writeScope"] | (typeof OTHER_SCOPES)[number];

export const SCOPES: readonly Scope[] = [
  ...new Set([
    ...Object.values(RESOURCES).flatMap(({ readScope, writeScope }) => [readScope, writeScope]),
    ...OTHER_SCOPES,
  ]),
];

/** The feed of a topic: `products` of `products/0193…` and of `products?category=pens`. */
export const feedOf = (topic: string): Feed => topic.split(/[/?]/)[0] as Feed;
