/** Reads all records of a list, oldest first, page by page: memory holds a page, whatever the list has. */

import { type Client, unwrap } from "@stockwire/client";
import type { Resource, Values } from "./resource.ts";

const PAGE = 100; // records

type Page = { items: readonly Values[]; nextToken: string | null };

async function* pagesOf(client: Client, resource: Resource): AsyncGenerator<readonly Values[]> {
  let nextToken: string | null = null;
  do {
    const token: { nextToken?: string } = nextToken === null ? {} : { nextToken };
    const query = { limit: String(PAGE), order: "asc", ...token } as const;
    const page = (await unwrap<unknown>(client[resource].$get({ query }))) as Page;
    yield page.items;
    ({ nextToken } = page);
  } while (nextToken !== null);
}

/**
 * The pages of a resource. An inventory level gets the sku of its product, because ids differ from server
 * to server. Throws `ProblemError`.
 */
export const recordsOf = (client: Client, resource: Resource): AsyncIterable<readonly Values[]> =>
  resource === "inventory" ? withSkus(client) : pagesOf(client, resource);

/** Both lists are in the order of the same ids, so they are read beside each other. */
async function* withSkus(client: Client): AsyncGenerator<readonly Values[]> {
  const products = recordsIn(pagesOf(client, "products"));
  let product = (await products.next()).value;
  for await (const page of pagesOf(client, "inventory")) {
    const records: Values[] = [];
    for (const level of page) {
      const id = String(level["id"]);
      while (product && String(product["id"]) < id) product = (await products.next()).value;
      const sku = product?.["id"] === id ? product["sku"] : undefined;
      records.push({ ...level, ...(sku !== undefined && { sku }) });
    }
    yield records;
  }
}

async function* recordsIn(
  pages: AsyncIterable<readonly Values[]>,
): AsyncGenerator<Values, undefined> {
  for await (const page of pages) yield* page;
  return undefined;
}
