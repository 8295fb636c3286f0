/** The list of products, of one category or with one sku. */

import { type Product, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { moment, money, prepareMoney } from "../format.ts";
import { RecordList } from "../record/list.tsx";
import type { BulkAction } from "../record/bulk.tsx";
import { href, parameters, setParameters } from "../route.ts";
import { Button } from "../ui/button.tsx";

type Http = Connection["http"];

const setStatus = (
  http: Http,
  status: Product["status"],
  verb: string,
  what: string,
): BulkAction<Product> => ({
  verb,
  question: (count) => `${verb} ${count} products? ${what}`,
  yes: `${verb} them`,
  run: ({ id }, headers) =>
    unwrap(http.products[":id"].$patch({ param: { id }, json: { status } }, { headers })),
});

/** Only the versions on screen are deleted. */
const remove = (http: Http): BulkAction<Product> => ({
  verb: "Delete",
  question: (count) => `Delete ${count} products with their stock? This is final.`,
  yes: "Delete them",
  run: ({ id, version }, key) => {
    const headers = { ...key, "If-Match": `"${version}"` };
    return unwrap(http.products[":id"].$delete({ param: { id } }, { headers }));
  },
});

export function ProductList({ connection }: { connection: Connection }) {
  const { http } = connection;
  const given = parameters();
  const typed = useSignal({ category: given.get("category") ?? "", sku: given.get("sku") ?? "" });
  const used = useSignal(typed.peek());
  const filter = Object.fromEntries(Object.entries(used.value).filter(([, value]) => value !== ""));
  const search = () => {
    const { category, sku } = typed.value;
    used.value = { category: category.trim(), sku: sku.trim() };
    setParameters(used.value);
  };
  const field = (name: "category" | "sku", label: string) => (
    <input
      class="filter"
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed.value[name]}
      onInput={(event) => {
        typed.value = { ...typed.value, [name]: event.currentTarget.value };
        if (event.currentTarget.value === "") search(); // also by the field's own cross
      }}
    />
  );
  useEffect(prepareMoney, []);
  return (
    <RecordList<Product>
      connection={connection}
      feed="products"
      filter={JSON.stringify(filter)}
      filters={
        <form
          class="pick"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            search();
          }}
        >
          {field("sku", "Sku, exactly")}
          {field("category", "Category")}
          <Button type="submit">Find</Button>
        </form>
      }
      fetchPage={(query) => unwrap(http.products.$get({ query: { ...query, ...filter } }))}
      columns={[
        { title: "Name", by: ({ name }) => name },
        { title: "Category", by: ({ category }) => category },
        { title: "Sku", by: ({ sku = "" }) => sku },
        { title: "Price", num: true, by: ({ price }) => price },
        { title: "Status", by: ({ status }) => status },
        { title: "Changed", size: "time", by: ({ updatedAt }) => updatedAt },
      ]}
      cells={({ id, name, category, sku, price, currency, status, updatedAt }) => [
        <a href={href("products", id)}>{name}</a>,
        category,
        sku ?? "–",
        money(price, currency),
        status,
        moment(updatedAt),
      ]}
      nameOf={({ name }) => name}
      bulk={[
        setStatus(http, "archived", "Archive", "They cannot be reserved then."),
        setStatus(http, "active", "Activate", "They can be reserved then."),
        remove(http),
      ]}
    />
  );
}
