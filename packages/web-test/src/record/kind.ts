import { type Client, pages, unwrap } from "@stockwire/client/http";
import type { Handlers } from "@stockwire/client/live";
import type { Scope } from "../session.ts";

/** The records as the typed client gives them. */

export type Change = Parameters<Handlers["event"]>[0];
export type Feed = Change["feed"];
export const FEEDS = ["products", "inventory", "reservations", "users", "items"] as const;

export const allProducts = (http: Client) => pages((query) => http.products.$get({ query }));
export const allLevels = (http: Client) => pages((query) => http.inventory.$get({ query }));
export const activeReservations = (http: Client) =>
  pages((query) => http.reservations.$get({ query: { ...query, status: "active" } }));

type RecordOf<L extends (http: Client) => () => Promise<{ records: unknown[] }>> = Awaited<
  ReturnType<ReturnType<L>>
>["records"][number];

export type Product = RecordOf<typeof allProducts>;
export type Level = RecordOf<typeof allLevels>;
export type Reservation = RecordOf<typeof activeReservations>;

export const getUser = (http: Client, id: string) =>
  unwrap(http.users[":id"].$get({ param: { id } }));
export type User = Awaited<ReturnType<typeof getUser>>;

/** What is needed to listen to a feed, or to read its records. */
export const READ: Readonly<Record<Feed, Scope>> = {
  users: "read:users",
  products: "read:products",
  inventory: "read:inventory",
  items: "read:items",
  reservations: "reserve:inventory",
};

export const feedOf = (topic: string): Feed => topic.split(/[/?]/)[0] as Feed;
