import { unwrap } from "@stockwire/client/http";
import { short } from "../format.ts";
import { readOnce } from "../read-once.ts";

/** The name of a product; the end of its id until it is read, and without the scope `read:products`. */
export const productName = readOnce({
  before: short,
  scope: "read:products",
  read: async (http, id) => (await unwrap(http.products[":id"].$get({ param: { id } }))).name,
});
