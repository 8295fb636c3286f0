import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Product from "@stockwire/core/catalog/product";
import { lazy } from "@stockwire/core/lazy";
import { Hono } from "hono";
import { created, page, record, removed, updated } from "../answer.ts";
import { batch, batchAnswers, batchOf, MAX_BATCH } from "../batch.ts";
import { requireScope, writerOf } from "../caller.ts";
import type { Env } from "../env.ts";
import { someFields } from "../input.ts";
import { pageOf, route } from "../route.ts";
import { answerHistory, historyOf } from "./history.ts";

const ProductWithInventory = lazy(() =>
  Product.Info.unwrap()
    .extend({ inventory: Inventory.Info.optional() })
    .meta({ id: "ProductWithInventory" }),
);

export const product = new Hono<Env>()
  .get(
    "/",
    route({
      summary: "List products",
      access: "read:products",
      cache: "shared",
      query: Product.List,
      feeds: ["products"],
      throughIndex: ({ category, sku }) => category !== undefined && sku === undefined,
      answers: { 200: pageOf(Product.Info, "ProductPage") },
    }),
    async (c) => page(c, await Product.list(c.req.valid("query"))),
  )
  .post(
    "/",
    route({
      summary: "Create a product with its inventory level",
      access: "write:products",
      body: Product.Create,
      answers: { 201: Product.Info },
      refusals: ["sku_exists"],
    }),
    async (c) => created(c, "/products", await Product.create(c.req.valid("json"), writerOf(c))),
  )
  .post(
    "/batch",
    route({
      summary: "Create up to 100 products",
      access: "write:products",
      body: batchOf(Product.Create, "ProductBatch"),
      maxBody: MAX_BATCH,
      answers: batchAnswers(Product.Info, "ProductBatchAnswer"),
      refusals: ["sku_exists"],
    }),
    (c) => batch(c, c.req.valid("json"), { schema: Product.Create, ...Product }),
  )
  .get(
    "/:id",
    route({
      summary: "Get a product; include=inventory adds its level and also needs read:inventory",
      access: "read:products",
      cache: "token",
      query: Product.Get,
      feeds: ["products", "inventory"],
      answers: { 200: ProductWithInventory, 304: null },
      refusals: ["inventory_not_found"],
    }),
    async (c) => {
      const id = c.req.param("id");
      if (c.req.valid("query").include === undefined) return record(c, await Product.get(id));
      requireScope(c.var.caller, "read:inventory");
      const reading = Inventory.get(id);
      reading.catch(() => undefined); // of two refusals that of the product counts
      const found = await Product.get(id);
      const level = await reading;
      return record(c, { ...found, inventory: level }, `${found.version}.${level.version}`);
    },
  )
  .put(
    "/:id",
    route({
      summary: "Change the given members of a product",
      access: "write:products",
      body: Product.Update,
      answers: { 200: Product.Info },
      refusals: ["sku_exists", "no_fields_to_update"],
    }),
    async (c) => {
      const change = someFields(c.req.valid("json"));
      const id = c.req.param("id");
      return updated(c, await Product.update(id, change, writerOf(c), c.var.ifMatch));
    },
  )
  .patch(
    "/:id",
    route({
      summary: "Change a product by a JSON merge patch",
      access: "write:products",
      body: Product.Patch,
      answers: { 200: Product.Info },
      refusals: ["sku_exists", "no_fields_to_update"],
    }),
    async (c) => {
      const change = someFields(c.req.valid("json"));
      const id = c.req.param("id");
      return updated(c, await Product.update(id, change, writerOf(c), c.var.ifMatch));
    },
  )
  .delete(
    "/:id",
    route({
      summary: "Delete a product and its inventory level",
      access: "write:products",
      answers: { 204: null },
      refusals: ["has_active_reservations"],
    }),
    async (c) => removed(c, await Product.remove(c.req.param("id"), writerOf(c), c.var.ifMatch)),
  )
  .get("/:id/history", route(historyOf("products")), (c) =>
    answerHistory(c, "products", c.req.param("id"), c.req.valid("query")),
  );
