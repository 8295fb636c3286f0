/** How the records of each resource are found, compared and written over HTTP. */

import { isDeepStrictEqual } from "node:util";
import { type Answer, type Client, ProblemError, unwrap } from "@stockwire/client";
import { keyOf, type Resource, tables, type Values } from "./resource.ts";

export type Stored = Values & { id: string; version: number };

type Headers = Readonly<Record<string, string>>;

/** Calls reject with `ProblemError`. */
export interface Access {
  /** Undefined if there is none with the row's key, or if it has no key. */
  find: (client: Client, row: Values) => Promise<Stored | undefined>;
  /** The body that makes the record equal to the row; undefined if it is equal. */
  changeOf: (row: Values, current: Stored) => Values | undefined;
  create: (client: Client, row: Values, headers: Headers) => Promise<Answer<unknown>>;
  change: (client: Client, id: string, change: Values, headers: Headers) => Promise<unknown>;
}

/** The server checks values; their types are not known here. */
const json = (value: Values) => value as never;

const without = (row: Values, names: readonly string[]): Values =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));

/** `null` removes a member, and a new record does not have it. */
const withoutNulls = (row: Values): Values =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

const hasAll = (current: Stored, row: Values): boolean =>
  Object.entries(row).every(([name, value]) =>
    isDeepStrictEqual(value ?? undefined, current[name]),
  );

const users: Access = {
  async find(client, row) {
    if (keyOf("users", row) === undefined) return undefined;
    const query = { email: String(row["email"]) };
    return (await unwrap(client.users.$get({ query }))).items[0];
  },
  changeOf: (row, current) => (hasAll(current, row) ? undefined : row),
  create: (client, row, headers) =>
    client.users.$post({ json: json(withoutNulls(row)) }, { headers }),
  change: (client, id, change, headers) =>
    unwrap(client.users[":id"].$patch({ param: { id }, json: json(change) }, { headers })),
};

async function productOf(client: Client, sku: string): Promise<Stored | undefined> {
  const { items } = await unwrap(client.products.$get({ query: { sku } }));
  return items[0];
}

const products: Access = {
  async find(client, row) {
    if (keyOf("products", row) === undefined) return undefined;
    return productOf(client, String(row["sku"]));
  },
  changeOf(row, current) {
    const change = without(row, ["initialQuantity"]);
    return hasAll(current, change) ? undefined : change;
  },
  create: (client, row, headers) =>
    client.products.$post({ json: json(withoutNulls(row)) }, { headers }),
  change: (client, id, change, headers) =>
    unwrap(client.products[":id"].$patch({ param: { id }, json: json(change) }, { headers })),
};

/** A level belongs to a product: it is found or refused, never created. */
const inventory: Access = {
  async find(client, row) {
    const productId = await productIdOf(client, row);
    const answer = client.inventory[":productId"].$get({ param: { productId } });
    return unwrap(answer);
  },
  changeOf(row, current) {
    const change = without(row, ["sku", "productId"]);
    if (hasAll(current, without(change, ["reason"]))) return undefined;
    return { quantity: current["quantity"], ...change };
  },
  create: () => Promise.reject(new Error("an inventory level is created with its product")),
  change: (client, productId, change, headers) =>
    unwrap(
      client.inventory[":productId"].$put(
        { param: { productId }, json: json(change) },
        { headers },
      ),
    ),
};

async function productIdOf(client: Client, { sku, productId }: Values): Promise<string> {
  if (typeof sku === "string" && sku.trim() !== "") {
    const product = await productOf(client, sku);
    if (product) return product.id;
    throw new ProblemError(404, { code: "product_not_found", detail: "No product has this sku" });
  }
  if (typeof productId === "string" && productId !== "") return addressable(productId);
  throw new ProblemError(400, { code: "invalid_request", detail: "A sku or productId is needed" });
}

/** Refuses an id that no URL can name: a path with it is another path. */
function addressable(id: string): string {
  if (id !== "." && id !== ".." && !id.includes("/")) return id;
  throw new ProblemError(400, { code: "invalid_id", detail: "This id cannot be in a URL" });
}

/** All attributes of an item are those of its row. */
const items: Access = {
  async find(client, row) {
    if (keyOf("items", row) === undefined) return undefined;
    const id = addressable(String(row["id"]));
    const answer = await client.items[":id"].$get({ param: { id } });
    try {
      return await unwrap(answer);
    } catch (error) {
      if (error instanceof ProblemError && error.code === "item_not_found") return undefined;
      throw error;
    }
  },
  changeOf(row, current) {
    const attributes = without(row, ["id"]);
    const found = without(current, ["id", ...tables.items.readOnly]);
    return isDeepStrictEqual(attributes, found) ? undefined : attributes;
  },
  create(client, { id, ...row }, headers) {
    if (typeof id !== "string" || id.trim() === "") {
      return client.items.$post({ json: json(row) }, { headers });
    }
    const absent = { ...headers, "If-None-Match": "*" };
    return client.items[":id"].$put({ param: { id }, json: json(row) }, { headers: absent });
  },
  change: (client, id, change, headers) =>
    unwrap(client.items[":id"].$put({ param: { id }, json: json(change) }, { headers })),
};

export const access: Readonly<Record<Resource, Access>> = { users, products, inventory, items };
