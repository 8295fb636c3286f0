/** The form of a product. */

import { type Client, type Product, unwrap } from "@stockwire/client/http";
import type { Connection } from "../connection.ts";
import { DraftForm } from "../record/draft-form.tsx";
import { DEFAULTS, membersOf, NAMES } from "./draft.ts";

export const getProduct = (http: Client, id: string): Promise<Product> =>
  unwrap(http.products[":id"].$get({ param: { id } }));

interface Props {
  connection: Connection;
  /** Undefined for a new one. */
  product: Product | undefined;
}

export function ProductForm({ connection: { http }, product }: Props) {
  const { $post: create } = http.products;
  const { $patch: patch, $delete: remove } = http.products[":id"];
  type Create = Parameters<typeof create>[0]["json"];
  return (
    <DraftForm
      resource="products"
      record={product}
      names={NAMES}
      defaults={DEFAULTS}
      {...(product && { after: ["products", product.id] })}
      membersOf={(draft) => membersOf(draft, !product)}
      get={(id) => getProduct(http, id)}
      create={(members, headers) => unwrap(create({ json: members as Create }, { headers }))}
      patch={(id, json, headers) => unwrap(patch({ param: { id }, json }, { headers }))}
      remove={(id, headers) => unwrap(remove({ param: { id } }, { headers }))}
    >
      {(field) => (
        <>
          {field("name", "Name", { required: true })}
          {field("category", "Category", { required: true })}
          <div class="row">
            {field("price", "Price", { required: true })}
            {field("currency", "Currency", { hint: "Such as USD, EUR, JPY" })}
          </div>
          {field("sku", "Sku", { hint: "Optional; unique" })}
          {field("description", "Description", { lines: 4 })}
          {field("status", "Status", { options: ["active", "archived"] })}
          {!product && field("initialQuantity", "Opening stock", { hint: "Units on hand" })}
        </>
      )}
    </DraftForm>
  );
}
