/** The products: list, form, and the page of one product. */

import { RESOURCES } from "../catalog.ts";
import { Loaded } from "../record/load.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { getProduct, ProductForm } from "./form.tsx";
import { ProductList } from "./list.tsx";
import { ProductView } from "./view.tsx";

interface Props {
  id: string | undefined;
  part: string | undefined;
}

export const ProductsPage = ({ id, part }: Props) => (
  <RequireScopes scopes={[RESOURCES.products.readScope]}>
    {(connection) => {
      if (id === undefined) return <ProductList connection={connection} />;
      if (part !== undefined && part !== "edit") {
        return <Empty title="No such page">A product has no page {part}.</Empty>;
      }
      if (id === "new") return <ProductForm connection={connection} product={undefined} />;
      if (part === undefined) return <ProductView key={id} connection={connection} id={id} />;
      return (
        <Loaded key={id} load={() => getProduct(connection.http, id)}>
          {(product) => <ProductForm connection={connection} product={product} />}
        </Loaded>
      );
    }}
  </RequireScopes>
);
