/** Finds the products and levels of a count with few requests. */

import { type Client, type Inventory, type Product, unwrap } from "@stockwire/client/http";
import { findProduct, isId } from "../product/find.ts";
import type { Stocked } from "./difference.ts";

const PARALLEL = 5; // requests
const WALK_FROM = 50; // lines: below, the lists are not walked
const LINES_PER_PAGE = 25;

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
  const found = (text: string): Stocked | undefined => {
    const product = products.get(isId(text) ? text.toLowerCase() : text);
    const level = product && levels.get(product.id);
    return level && { product, level };
  };
  const remember = (product: Product) => {
    products.set(product.id, product);
    if (product.sku !== undefined) products.set(product.sku, product);
  };
  const missing = () => typed.filter((text) => !found(text));
  const report = () => onProgress(typed.length - missing().length);

  const walk = async <T>(
    list: (token: string | undefined) => Promise<{ items: T[]; nextToken: string | null }>,
    keep: (record: T) => void,
  ) => {
    let token: string | undefined;
    for (let pages = Math.ceil(typed.length / LINES_PER_PAGE); pages > 0; pages--) {
      const { items, nextToken } = await list(token);
      for (const record of items) keep(record);
      if (nextToken === null || signal.aborted || missing().length === 0) return;
      report();
      token = nextToken;
    }
  };
  if (typed.length >= WALK_FROM) {
    const query = (token: string | undefined) => ({
      limit: "100",
      ...(token !== undefined && { nextToken: token }),
    });
    await Promise.all([
      walk((token) => unwrap(http.products.$get({ query: query(token) })), remember),
      walk(
        (token) => unwrap(http.inventory.$get({ query: query(token) })),
        (level) => levels.set(level.id, level),
      ),
    ]);
  }
  const rest = missing().values();
  const work = async () => {
    for (const text of rest) {
      if (signal.aborted) return;
      const known = products.get(isId(text) ? text.toLowerCase() : text);
      const product = known ?? (await findProduct(http, text));
      if (product) {
        remember(product);
        const param = { productId: product.id };
        levels.set(product.id, await unwrap(http.inventory[":productId"].$get({ param })));
      }
      report();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return found;
}
