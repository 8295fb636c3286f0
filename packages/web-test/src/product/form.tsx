/** The form of a product. An edit sends the changed members only (PATCH). */

import { type Client, type Product, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { Connection } from "../connection.ts";
import { type Members, RecordForm } from "../record/form.tsx";
import { Field } from "../ui/field.tsx";
import type { KeyHeader } from "../ui/press.ts";
import { type Draft, draftOf, membersOf, NAMES, patchOf } from "./draft.ts";

export const getProduct = (http: Client, id: string): Promise<Product> =>
  unwrap(http.products[":id"].$get({ param: { id } }));

interface Props {
  connection: Connection;
  /** Undefined for a new one. */
  product: Product | undefined;
}

export function ProductForm({ connection: { http }, product }: Props) {
  const draft = useSignal(draftOf(product ?? {}));
  const set = (name: keyof Draft) => (value: string) =>
    void (draft.value = { ...draft.value, [name]: value });

  const save = (members: Members, base: Members, version: number | undefined, key: KeyHeader) => {
    type Create = Parameters<typeof http.products.$post>[0]["json"];
    type Patch = Parameters<(typeof http.products)[":id"]["$patch"]>[0]["json"];
    if (!product) {
      return unwrap(http.products.$post({ json: members as Create }, { headers: key }));
    }
    const json = patchOf(members, base) as Patch;
    const headers = { ...key, "If-Match": `"${version}"` };
    return unwrap(http.products[":id"].$patch({ param: { id: product.id }, json }, { headers }));
  };

  return (
    <RecordForm
      resource="products"
      record={product}
      names={NAMES}
      {...(product && { after: ["products", product.id] })}
      read={() => membersOf(draft.value, !product)}
      write={(members) => (draft.value = draftOf(members))}
      save={save}
      reload={() => getProduct(http, product?.id ?? "")}
      remove={(headers) => {
        const param = { id: product?.id ?? "" };
        return unwrap(http.products[":id"].$delete({ param }, { headers }));
      }}
    >
      {(problems) => {
        const field = (name: keyof Draft, label: string, rest: object = {}) => (
          <Field
            label={label}
            value={draft.value[name]}
            onInput={set(name)}
            problems={problems[name] ?? []}
            {...rest}
          />
        );
        return (
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
        );
      }}
    </RecordForm>
  );
}
