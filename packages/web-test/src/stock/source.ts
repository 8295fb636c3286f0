/** Reads pages of products with their levels, in few requests. */

import {
  type Answer,
  type Client,
  type Inventory,
  type Product,
  unwrap,
} from "@stockwire/client/http";
import type { PageOfRows } from "./paged-list.ts";

/** What the stock page shows. The server finds a sku exactly and a category without regard to case. */
export type Filter =
  | { by: "all"; order: "asc" | "desc" }
  | { by: "sku" | "category"; text: string }
  | { by: "level"; level: "out" | "low" };

export interface ProductAndLevel {
  product: Product;
  level: Inventory | undefined;
}

/** The cursors from which the changes after the first page follow. */
export interface Cursors {
  products: string | undefined;
  inventory: string | undefined;
}

const PAGE = "50"; // rows
/** A screen, and where each row needs a request of its own. */
const SHORT_PAGE = "20";

const cursorOf = (answer: Answer<unknown>) => answer.headers.get("Feed-Cursor") ?? undefined;

/** Returns a function that reads a page; `onCursors` gets the cursors of each. */
export function sourceOf(http: Client, filter: Filter, onCursors: (cursors: Cursors) => void) {
  const levelOf = (id: string): Promise<Inventory | undefined> =>
    unwrap(http.inventory[":productId"].$get({ param: { productId: id } })).catch(() => undefined);
  const withLevels = (products: readonly Product[], known: readonly Inventory[] = []) => {
    const levels = new Map(known.map((level) => [level.id, level]));
    return Promise.all(
      products.map(async (product) => ({
        product,
        level: levels.get(product.id) ?? (await levelOf(product.id)),
      })),
    );
  };

  /** Both lists have the same ids in the same order, so their pages are read side by side. */
  const readAll = async (token: string | undefined, order: "asc" | "desc") => {
    const [productToken, levelToken] = token === undefined ? [] : (JSON.parse(token) as string[]);
    const query = (nextToken: string | undefined) => ({
      limit: nextToken === undefined ? SHORT_PAGE : PAGE,
      order,
      ...(nextToken && { nextToken }),
    });
    const hasLevels = token === undefined || levelToken !== "";
    const [productAnswer, levelAnswer] = await Promise.all([
      http.products.$get({ query: query(productToken) }),
      hasLevels ? http.inventory.$get({ query: query(levelToken) }) : undefined,
    ]);
    const [products, levels] = await Promise.all([
      unwrap(productAnswer),
      levelAnswer && unwrap(levelAnswer),
    ]);
    onCursors({
      products: cursorOf(productAnswer),
      inventory: levelAnswer && cursorOf(levelAnswer),
    });
    const { nextToken } = products;
    const next = nextToken === null ? null : JSON.stringify([nextToken, levels?.nextToken ?? ""]);
    return { rows: await withLevels(products.items, levels?.items), next };
  };

  const readProducts = async (query: object, token: string | undefined) => {
    const nextToken = token === undefined ? {} : { nextToken: token };
    const answer = await http.products.$get({
      query: { limit: SHORT_PAGE, ...query, ...nextToken },
    });
    const page = await unwrap(answer);
    onCursors({ products: cursorOf(answer), inventory: undefined });
    return { rows: await withLevels(page.items), next: page.nextToken };
  };

  const readLevels = async (level: "out" | "low", token: string | undefined) => {
    const nextToken = token === undefined ? {} : { nextToken: token };
    const answer = await http.inventory.$get({ query: { limit: SHORT_PAGE, level, ...nextToken } });
    const page = await unwrap(answer);
    onCursors({ products: undefined, inventory: cursorOf(answer) });
    const rows = await Promise.all(
      page.items.map(async (each): Promise<ProductAndLevel[]> => {
        const product = unwrap(http.products[":id"].$get({ param: { id: each.id } }));
        return product.then(
          (found) => [{ product: found, level: each }],
          () => [], // deleted meanwhile
        );
      }),
    );
    return { rows: rows.flat(), next: page.nextToken };
  };

  return (token: string | undefined): Promise<PageOfRows<ProductAndLevel>> => {
    if (filter.by === "all") return readAll(token, filter.order);
    if (filter.by === "level") return readLevels(filter.level, token);
    return readProducts({ [filter.by]: filter.text }, token);
  };
}
