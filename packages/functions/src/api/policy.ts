import { Change, type Feed } from "@stockwire/core/changes/change";
import type { Code } from "@stockwire/core/error";
import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Item from "@stockwire/core/catalog/item";
import * as Product from "@stockwire/core/catalog/product";
import { query } from "@stockwire/core/store/pagination";
import * as Reservation from "@stockwire/core/catalog/reservation";
import { readScope } from "@stockwire/core/changes/topic";
import * as User from "@stockwire/core/catalog/user";
import * as z from "zod";
import { RESOURCE_SERVER } from "../scope.ts";

/**
 * Every route once: who may call it, how often, and what it takes and gives. Gateways, app,
 * OpenAPI and tests all read this table; a route that is missing here is refused.
 */

export const scopes = [
  "read:users",
  "write:users",
  "read:products",
  "write:products",
  "read:inventory",
  "write:inventory",
  "reserve:inventory",
  "read:items",
  "write:items",
  "read:history",
  "publish:channels",
  "admin",
] as const;
type Scope = (typeof scopes)[number];

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  method: Method;
  path: string; // as API Gateway writes it: /users/{id}
  summary: string;
  tag: "Users" | "Products" | "Inventory" | "Reservations" | "Items" | "Changes" | "Service";
  /** A scope; `token` for any valid token; `open` for none. `admin` opens every scope. */
  access: Scope | "token" | "open";
  /** Needed besides; a gateway asks for one scope, the app for both. */
  alsoNeeds?: Scope;
  /** Answers say from where in these to listen, so that nothing after them is missed. */
  feeds?: readonly Feed[];
  throttle?: Throttle;
  /** Whether the Partner API may keep its answers. */
  cacheable?: boolean;
  query?: z.ZodObject;
  body?: z.ZodType;
  maxBody?: number; // bytes
  answers: Readonly<Record<number, z.ZodType | null>>;
  /** Refusals of its own, besides those of its method and access. */
  refusals?: readonly Code[];
}

interface Throttle {
  rate: number; // requests a second
  burst: number;
}

/** Of the account and of the stage, as API Gateway counts them. */
export const throttles = {
  account: { rate: 10_000, burst: 5_000 },
  stage: { rate: 1_000, burst: 2_000 },
} as const;

const KB = 1024;
export const MAX_BODY = 64 * KB;
const MAX_BATCH = 1024 * KB;
const MAX_ENTRIES = 100;
export const MAX_ATOMIC = 25;

const pageOf = (record: z.ZodType, id: string) =>
  z
    .object({ items: z.array(record), count: z.int(), nextToken: z.string().nullable() })
    .meta({ id });

/** Entries are validated one by one, so that each has a result of its own. */
const batchOf = (entry: z.ZodType, id: string) =>
  z
    .union([
      z.array(z.unknown()).min(1).max(MAX_ENTRIES),
      z.strictObject({
        items: z.array(z.unknown()).min(1).max(MAX_ENTRIES),
        atomic: z.boolean().optional(),
      }),
    ])
    .meta({ id, description: `Entries are validated as ${z.globalRegistry.get(entry)?.id ?? ""}` });

const BatchAnswer = z
  .object({
    results: z.array(
      z.object({
        index: z.int(),
        status: z.int(),
        record: z.unknown().optional(),
        problem: z.unknown().optional(),
      }),
    ),
    succeeded: z.int(),
    failed: z.int(),
  })
  .meta({ id: "BatchAnswer" });

export const UserBatch = batchOf(User.Create, "UserBatch");
export const ProductBatch = batchOf(Product.Create, "ProductBatch");
export const ItemBatch = batchOf(Item.Create, "ItemBatch");

const UserPage = pageOf(User.Info, "UserPage");
const ProductPage = pageOf(Product.Info, "ProductPage");
const InventoryPage = pageOf(Inventory.Info, "InventoryPage");
const ReservationPage = pageOf(Reservation.Info, "ReservationPage");
const ItemPage = pageOf(Item.Info, "ItemPage");

const ProductWithInventory = Product.Info.extend({ inventory: Inventory.Info.optional() }).meta({
  id: "ProductWithInventory",
});

const TAGS = {
  users: "Users",
  products: "Products",
  inventory: "Inventory",
  items: "Items",
  reservations: "Reservations",
} as const satisfies Record<Feed, Route["tag"]>;

const NOT_FOUND = {
  users: "user_not_found",
  products: "product_not_found",
  inventory: "inventory_not_found",
  items: "item_not_found",
  reservations: "reservation_not_found",
} as const satisfies Record<Feed, Code>;

export const HistoryQuery = z.strictObject(query(20));
const HistoryPage = pageOf(Change.omit({ cursor: true }), "HistoryPage");

export const ChangesQuery = z.strictObject({
  topic: z.string().min(1).max(1024),
  since: z.string().min(1).max(2048).optional(),
  limit: query(100).limit,
  wait: z
    .string()
    .regex(/^(?:1?\d|20)$/, { error: "Seconds, at most 20" })
    .transform(Number)
    .default(0)
    .meta({ type: "integer", minimum: 0, maximum: 20, default: 0 }),
});

export const Hello = z.strictObject({ name: z.string().max(200).default("World") });

const closing = [
  "reservation_not_found",
  "reservation_closed",
  "reservation_expired",
] as const satisfies Code[];

const batchAnswers = { 201: BatchAnswer, 207: BatchAnswer };

/** The Live API's stage: part of its URL, and of the address that frames are posted to. */
export const LIVE_STAGE = "live";

export const routes: readonly Route[] = [
  {
    method: "GET",
    path: "/users",
    summary: "List users",
    tag: "Users",
    access: "read:users",
    throttle: { rate: 100, burst: 200 },
    query: User.List,
    feeds: ["users"],
    answers: { 200: UserPage },
  },
  {
    method: "POST",
    path: "/users",
    summary: "Create a user",
    tag: "Users",
    access: "write:users",
    body: User.Create,
    answers: { 201: User.Info },
    refusals: ["email_exists"],
  },
  {
    method: "POST",
    path: "/users/batch",
    summary: "Create up to 100 users",
    tag: "Users",
    access: "write:users",
    body: UserBatch,
    maxBody: MAX_BATCH,
    answers: batchAnswers,
    refusals: ["email_exists"],
  },
  {
    method: "GET",
    path: "/users/{id}",
    summary: "Get a user",
    tag: "Users",
    access: "read:users",
    feeds: ["users"],
    answers: { 200: User.Info, 304: null },
    refusals: ["user_not_found"],
  },
  {
    method: "PUT",
    path: "/users/{id}",
    summary: "Change the members given",
    tag: "Users",
    access: "write:users",
    body: User.Update,
    answers: { 200: User.Info },
    refusals: ["user_not_found", "email_exists", "no_fields_to_update"],
  },
  {
    method: "PATCH",
    path: "/users/{id}",
    summary: "Change a user by a merge patch",
    tag: "Users",
    access: "write:users",
    body: User.Patch,
    answers: { 200: User.Info },
    refusals: ["user_not_found", "email_exists", "no_fields_to_update"],
  },
  {
    method: "DELETE",
    path: "/users/{id}",
    summary: "Delete a user",
    tag: "Users",
    access: "write:users",
    answers: { 204: null },
    refusals: ["user_not_found"],
  },
  {
    method: "GET",
    path: "/products",
    summary: "List products",
    tag: "Products",
    access: "read:products",
    cacheable: true,
    query: Product.List,
    feeds: ["products"],
    answers: { 200: ProductPage },
  },
  {
    method: "POST",
    path: "/products",
    summary: "Create a product with its inventory",
    tag: "Products",
    access: "write:products",
    body: Product.Create,
    answers: { 201: Product.Info },
    refusals: ["sku_exists"],
  },
  {
    method: "POST",
    path: "/products/batch",
    summary: "Create up to 100 products",
    tag: "Products",
    access: "write:products",
    body: ProductBatch,
    maxBody: MAX_BATCH,
    answers: batchAnswers,
    refusals: ["sku_exists"],
  },
  {
    method: "GET",
    path: "/products/{id}",
    summary: "Get a product",
    tag: "Products",
    access: "read:products",
    cacheable: true,
    query: Product.Get,
    feeds: ["products", "inventory"],
    answers: { 200: ProductWithInventory, 304: null },
    refusals: ["product_not_found"],
  },
  {
    method: "PUT",
    path: "/products/{id}",
    summary: "Change the members given",
    tag: "Products",
    access: "write:products",
    body: Product.Update,
    answers: { 200: Product.Info },
    refusals: ["product_not_found", "sku_exists", "no_fields_to_update"],
  },
  {
    method: "PATCH",
    path: "/products/{id}",
    summary: "Change a product by a merge patch",
    tag: "Products",
    access: "write:products",
    body: Product.Patch,
    answers: { 200: Product.Info },
    refusals: ["product_not_found", "sku_exists", "no_fields_to_update"],
  },
  {
    method: "DELETE",
    path: "/products/{id}",
    summary: "Delete a product and its inventory",
    tag: "Products",
    access: "write:products",
    answers: { 204: null },
    refusals: ["product_not_found", "has_active_reservations"],
  },
  {
    method: "GET",
    path: "/inventory",
    summary: "List inventory levels",
    tag: "Inventory",
    access: "read:inventory",
    cacheable: true,
    query: Inventory.List,
    feeds: ["inventory"],
    answers: { 200: InventoryPage },
  },
  {
    method: "GET",
    path: "/inventory/{productId}",
    summary: "Get the inventory level of a product",
    tag: "Inventory",
    access: "read:inventory",
    cacheable: true,
    feeds: ["inventory"],
    answers: { 200: Inventory.Info, 304: null },
    refusals: ["inventory_not_found"],
  },
  {
    method: "PUT",
    path: "/inventory/{productId}",
    summary: "Set the quantity on hand",
    tag: "Inventory",
    access: "write:inventory",
    body: Inventory.Put,
    answers: { 200: Inventory.Info },
    refusals: ["inventory_not_found", "below_reserved", "stale_quantity"],
  },
  {
    method: "POST",
    path: "/inventory/{productId}/adjustments",
    summary: "Add to the quantity on hand",
    tag: "Inventory",
    access: "write:inventory",
    body: Inventory.Adjust,
    answers: { 201: Inventory.Info },
    refusals: ["inventory_not_found", "insufficient_stock"],
  },
  {
    method: "GET",
    path: "/reservations",
    summary: "List reservations",
    tag: "Reservations",
    access: "reserve:inventory",
    query: Reservation.List,
    feeds: ["reservations"],
    answers: { 200: ReservationPage },
  },
  {
    method: "POST",
    path: "/reservations",
    summary: "Reserve all lines or none",
    tag: "Reservations",
    access: "reserve:inventory",
    body: Reservation.Create,
    answers: { 201: Reservation.Info },
    refusals: ["product_not_found", "insufficient_stock"],
  },
  {
    method: "GET",
    path: "/reservations/{id}",
    summary: "Get a reservation",
    tag: "Reservations",
    access: "reserve:inventory",
    feeds: ["reservations"],
    answers: { 200: Reservation.Info, 304: null },
    refusals: ["reservation_not_found"],
  },
  ...(["confirm", "cancel"] as const).map((action): Route => ({
    method: "POST",
    path: `/reservations/{id}/${action}`,
    summary: action === "confirm" ? "Sell what is reserved" : "Give back what is reserved",
    tag: "Reservations",
    access: "reserve:inventory",
    answers: { 200: Reservation.Info },
    refusals: closing,
  })),
  {
    method: "POST",
    path: "/reservations/{id}/extend",
    summary: "Keep it for longer",
    tag: "Reservations",
    access: "reserve:inventory",
    body: Reservation.Extend,
    answers: { 200: Reservation.Info },
    refusals: closing,
  },
  {
    method: "GET",
    path: "/items",
    summary: "List items",
    tag: "Items",
    access: "read:items",
    cacheable: true,
    query: Item.List,
    feeds: ["items"],
    answers: { 200: ItemPage },
  },
  {
    method: "POST",
    path: "/items",
    summary: "Create an item of any shape",
    tag: "Items",
    access: "write:items",
    body: Item.Create,
    answers: { 201: Item.Info },
  },
  {
    method: "POST",
    path: "/items/batch",
    summary: "Create up to 100 items",
    tag: "Items",
    access: "write:items",
    body: ItemBatch,
    maxBody: MAX_BATCH,
    answers: batchAnswers,
  },
  {
    method: "GET",
    path: "/items/{id}",
    summary: "Get an item",
    tag: "Items",
    access: "read:items",
    cacheable: true,
    feeds: ["items"],
    answers: { 200: Item.Info, 304: null },
    refusals: ["item_not_found"],
  },
  {
    method: "PUT",
    path: "/items/{id}",
    summary: "Replace an item, or create it at this id with If-None-Match: *",
    tag: "Items",
    access: "write:items",
    body: Item.Create,
    answers: { 200: Item.Info, 201: Item.Info },
    refusals: ["item_not_found"],
  },
  {
    method: "PATCH",
    path: "/items/{id}",
    summary: "Change an item by a merge patch",
    tag: "Items",
    access: "write:items",
    body: Item.Patch,
    answers: { 200: Item.Info },
    refusals: ["item_not_found"],
  },
  {
    method: "DELETE",
    path: "/items/{id}",
    summary: "Delete an item",
    tag: "Items",
    access: "write:items",
    answers: { 204: null },
    refusals: ["item_not_found"],
  },
  ...(["users", "products", "inventory", "items", "reservations"] as const).map((feed): Route => ({
    method: "GET",
    path: `/${feed}/{${feed === "inventory" ? "productId" : "id"}}/history`,
    summary: "What happened to it, newest first",
    tag: TAGS[feed],
    access: readScope(feed),
    alsoNeeds: "read:history",
    query: HistoryQuery,
    answers: { 200: HistoryPage },
    refusals: [NOT_FOUND[feed]],
  })),
  {
    method: "GET",
    path: "/changes",
    summary: "What changed since a cursor; waits if asked to",
    tag: "Changes",
    access: "token",
    query: ChangesQuery,
    answers: {
      200: z
        .object({ events: z.array(Change), cursor: z.string(), more: z.boolean() })
        .meta({ id: "Changes" }),
    },
    refusals: ["insufficient_scope", "invalid_cursor", "cursor_expired"],
  },
  {
    method: "POST",
    path: "/live/tickets",
    summary: "A ticket that opens one live connection, within a minute",
    tag: "Changes",
    access: "token",
    answers: {
      201: z.object({ ticket: z.string(), expiresAt: z.iso.datetime() }).meta({ id: "Ticket" }),
    },
  },
  {
    method: "GET",
    path: "/me",
    summary: "Who the token says you are",
    tag: "Service",
    access: "token",
    answers: {
      200: z
        .object({
          sub: z.string(),
          kind: z.enum(["user", "client", "partner"]),
          scopes: z.array(z.string()),
          expiresAt: z.iso.datetime().nullable(),
        })
        .meta({ id: "Me" }),
    },
  },
  {
    method: "GET",
    path: "/hello",
    summary: "A greeting",
    tag: "Service",
    access: "open",
    query: Hello,
    answers: {
      200: z.object({ message: z.string(), status: z.literal("success") }).meta({ id: "Greeting" }),
    },
  },
  {
    method: "GET",
    path: "/health",
    summary: "Whether the process answers; touches nothing",
    tag: "Service",
    access: "open",
    answers: { 200: z.object({ status: z.literal("ok") }).meta({ id: "Health" }) },
  },
  {
    method: "GET",
    path: "/ready",
    summary: "Whether the store answers too",
    tag: "Service",
    access: "open",
    answers: { 200: z.unknown(), 503: z.unknown() },
  },
  {
    method: "GET",
    path: "/version",
    summary: "What is running",
    tag: "Service",
    access: "open",
    answers: { 200: z.record(z.string(), z.string()) },
  },
  {
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    tag: "Service",
    access: "open",
    answers: { 200: z.unknown() },
  },
  {
    method: "GET",
    path: "/asyncapi.json",
    summary: "The Live API's document",
    tag: "Service",
    access: "open",
    answers: { 200: z.unknown() },
  },
  {
    method: "GET",
    path: "/docs",
    summary: "This document for people, with a try-it console",
    tag: "Service",
    access: "open",
    answers: { 200: z.string() },
  },
  {
    method: "GET",
    path: "/docs/problems",
    summary: "What each problem code means",
    tag: "Service",
    access: "open",
    answers: { 200: z.string() },
  },
];

/** CORS of every front, from one place (S-162…S-169). */
export const cors = {
  methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"],
  headers: [
    "Content-Type",
    "Authorization",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "X-Api-Key",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Client-Ref",
    "X-Request-Id",
    "X-Requested-With",
  ],
  exposed: [
    "ETag",
    "Feed-Cursor",
    "Location",
    "Link",
    "Retry-After",
    "Idempotency-Replayed",
    "X-Request-Id",
  ],
  maxAge: 86_400, // seconds
} as const;

/** As API Gateway writes it: `GET /users/{id}`. */
export const routeKeyOf = ({ method, path }: Route): string => `${method} ${path}`;

/** One of these must be in a token that a gateway lets through, with or without the prefix. */
export const scopesOf = ({ access }: Route): string[] =>
  access === "token" || access === "open"
    ? []
    : [access, "admin"].flatMap((scope) => [scope, `${RESOURCE_SERVER}/${scope}`]);

const patterns = routes.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

/** The methods that a path has, as `Allow` lists them; none for a path that is not ours. */
export const methodsOf = (path: string): Method[] =>
  patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
