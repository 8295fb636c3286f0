/** The page of one product: its stock, active reservations, level over time and history. */

import { type Inventory, type Product, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { History } from "../change/history.tsx";
import type { Connection } from "../connection.ts";
import { moment, money } from "../format.ts";
import { Figure, Figures } from "../inventory/figures.tsx";
import { Adjust, Reorder } from "../inventory/form.tsx";
import { errorText } from "../notice.tsx";
import { LiveRecord } from "../record/live-record.tsx";
import { ProductReservations } from "../reservation/entry.tsx";
import { href, navigate } from "../route.ts";
import { hasScope } from "../session.ts";
import { Ask } from "../ui/ask.tsx";
import { Button } from "../ui/button.tsx";
import { usePress } from "../ui/press.ts";
import { Empty } from "../ui/require-scopes.tsx";
import { LevelChart } from "./level-chart.tsx";

interface Props {
  connection: Connection;
  id: string;
}

export function ProductView({ connection, id }: Props) {
  const { http } = connection;
  return (
    <LiveRecord<Product>
      connection={connection}
      topic={`products/${id}`}
      get={() => http.products[":id"].$get({ param: { id } })}
      failed="The product can't be read"
      deleted={
        <Empty title="Deleted">
          This product was deleted. <a href={href("history", "products", id)}>Its history</a> is
          kept.
        </Empty>
      }
    >
      {(product) => (
        <div class="stack">
          <Facts connection={connection} product={product} />
          {hasScope("read:inventory") && <Stock connection={connection} product={product} />}
          {hasScope("reserve:inventory") && (
            <div class="panel padded product-reservations">
              <ProductReservations productId={id} connection={connection} />
            </div>
          )}
          {hasScope("read:history") && <Past connection={connection} id={id} />}
        </div>
      )}
    </LiveRecord>
  );
}

interface PartProps {
  connection: Connection;
  product: Product;
}

function Facts({ connection: { http }, product }: PartProps) {
  const { id, name, price, currency, category, sku, status, description, version } = product;
  const { isBusy, send } = usePress();
  const problem = useSignal<string>();
  const canWrite = hasScope("write:products");
  const remove = async () => {
    if (isBusy.peek()) return;
    problem.value = undefined;
    try {
      const headers = { "If-Match": `"${version}"` };
      await send(
        (key) =>
          unwrap(
            http.products[":id"].$delete({ param: { id } }, { headers: { ...key, ...headers } }),
          ),
        ["delete", version],
      );
      navigate("products");
    } catch (error) {
      problem.value = errorText(error);
    }
  };
  return (
    <section class="panel padded" aria-labelledby="product-name">
      <div class="product-head">
        <h2 id="product-name">{name}</h2>
        {canWrite && (
          <a class="button primary" href={href("products", id, "edit")}>
            Edit
          </a>
        )}
        {hasScope("reserve:inventory") && status === "active" && (
          <a class="button" href={`${href("reservations", "new")}?product=${id}`}>
            Reserve
          </a>
        )}
        <Ask
          verb="Delete"
          question={`Delete ${name} with its stock? This is final.`}
          yes="Delete it"
          disabled={!canWrite || isBusy.value}
          onYes={() => void remove()}
        />
      </div>
      <p role="alert" class="problem">
        {problem.value}
      </p>
      <dl class="facts">
        <dt>Price</dt>
        <dd class="num">{money(price, currency)}</dd>
        <dt>Category</dt>
        <dd>
          <a href={`${href("products")}?category=${encodeURIComponent(category)}`}>{category}</a>
        </dd>
        <dt>Sku</dt>
        <dd>{sku ?? "–"}</dd>
        <dt>Status</dt>
        <dd>{status}</dd>
        <dt>Changed</dt>
        <dd>
          {moment(product.updatedAt)} · version {version}
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{id}</code>
        </dd>
      </dl>
      {description !== "" && <p class="description">{description}</p>}
    </section>
  );
}

function Stock({ connection, product: { id, name } }: PartProps) {
  const { http } = connection;
  return (
    <section class="panel padded" aria-labelledby="stock-heading">
      <h2 id="stock-heading">Stock</h2>
      <LiveRecord<Inventory>
        connection={connection}
        topic={`inventory/${id}`}
        get={() => http.inventory[":productId"].$get({ param: { productId: id } })}
        failed="The stock can't be read"
      >
        {(level) => (
          <>
            <Figures level={level}>
              <Figure name="reorder" value={level.reorderPoint} text="reorder point" />
            </Figures>
            <div class="columns">
              <Adjust id={id} name={name} connection={connection} />
              <Reorder id={id} level={level} connection={connection} />
            </div>
          </>
        )}
      </LiveRecord>
      {hasScope("read:history") && <LevelChart id={id} connection={connection} />}
    </section>
  );
}

/** The history of the stock, or of the product's own members. */
function Past({ connection, id }: { connection: Connection; id: string }) {
  const canReadStock = hasScope("read:inventory");
  const feed = useSignal<"inventory" | "products">(canReadStock ? "inventory" : "products");
  return (
    <section class="panel padded" aria-labelledby="past-heading">
      <h2 id="past-heading">History</h2>
      <div class="bar" role="group" aria-label="History of">
        <Button
          pressed={feed.value === "inventory"}
          disabled={!canReadStock}
          onClick={() => (feed.value = "inventory")}
        >
          Stock
        </Button>
        <Button pressed={feed.value === "products"} onClick={() => (feed.value = "products")}>
          Product
        </Button>
      </div>
      <History key={feed.value} connection={connection} feed={feed.value} id={id} />
    </section>
  );
}
