import { type Client, type Product, ProblemError, unwrap } from "@stockwire/client/http";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** True if the text has the form of a product's id. */
export const isId = (text: string): boolean => UUID.test(text.trim());

/** The product with this id or sku; undefined if there is none, also for a text that can be no sku. */
export async function findProduct(http: Client, text: string): Promise<Product | undefined> {
  const wanted = text.trim();
  if (wanted === "") return undefined;
  try {
    if (isId(wanted)) return await unwrap(http.products[":id"].$get({ param: { id: wanted } }));
    const { items } = await unwrap(http.products.$get({ query: { sku: wanted } }));
    return items[0];
  } catch (error) {
    const isUnknown = error instanceof ProblemError && [400, 404].includes(error.status);
    if (isUnknown) return undefined;
    throw error;
  }
}
