/** Finds the products and levels of a count with few requests. */

import { type Client, type Inventory, type Product, unwrap } from "@stockwire/client/http";
import { findProduct, isId } from "../product/find.ts";
import type { Stocked } from "./difference.ts";

const PARALLEL = 5; // requests
const WALK_FROM = 50; // lines: below, the lists are not walked
const LINES_PER_PAGE = 25;

/** How the server stores a sku or an id that was typed. */
const keyOf = (typed: string): string =>
  isId(typed) ? typed.toLowerCase() : typed.normalize("NFC");

/**
 * Finds each sku or id. Of a long count it first walks the newest pages of the lists, which has them
 * all where the count covers most products; the rest is asked for one by one.
 */
export async function lookUp(
  http: Client,
  typed: readonly string[],
  { signal, onProgress }: { signal: AbortSignal; onProgress: (found: number) => void },
): Promise<(text: string) => Stocked | undefined> {
  const products = new Map<string, Product>(); // by id and by sku
  const levels = new Map<string, Inventory>();
  const found = (key: string): Stocked | undefined => {
    const product = products.get(key);
    const level = product && levels.get(product.id);
    return level && { product, level };
  };
  const remember = (product: Product) => {
    products.set(product.id, product);
    if (product.sku !== undefined) products.set(product.sku, product);
  };
  const keys = typed.map(keyOf);
  const missing = () => keys.filter((key) => !found(key));

  const walk = async <T>(
    list: (token: string | undefined) => Promise<{ items: T[]; nextToken: string | null }>,
    keep: (record: T) => void,
  ) => {
    let token: string | undefined;
    for (let pages = Math.ceil(keys.length / LINES_PER_PAGE); pages > 0; pages--) {
      const { items, nextToken } = await list(token);
      for (const record of items) keep(record);
      const left = missing().length;
      if (nextToken === null || signal.aborted || left === 0) return;
      onProgress(keys.length - left);
      token = nextToken;
    }
  };
  if (keys.length >= WALK_FROM) {
    const query = (token: string | undefined) => ({
      limit: "100",
      ...(token !== undefined && { nextToken: token }),
    });
    await Promise.all([
      walk((token) => unwrap(http.products.$get({ query: query(token) }, { signal })), remember),
      walk(
        (token) => unwrap(http.inventory.$get({ query: query(token) }, { signal })),
        (level) => levels.set(level.id, level),
      ),
    ]);
  }
  const asked = missing();
  let done = keys.length - asked.length;
  const rest = asked.values();
  const work = async () => {
    for (const key of rest) {
      if (signal.aborted) return;
      const product = products.get(key) ?? (await findProduct(http, key));
      if (product) {
        remember(product);
        const param = { productId: product.id };
        levels.set(product.id, await unwrap(http.inventory[":productId"].$get({ param })));
      }
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return (text) => found(keyOf(text));
}
