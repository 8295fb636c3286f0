import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Product from "@stockwire/core/catalog/product";
import { Hono } from "hono";
import { created, history, page, record, removed, updated } from "../answer.ts";
import { batch } from "../batch.ts";
import { by } from "../caller.ts";
import type { Env } from "../env.ts";
import { IdParam, input, someFields } from "../input.ts";
import { HistoryQuery, ProductBatch } from "../policy.ts";

export const product = new Hono<Env>()
  .get("/", input("query", Product.List), async (c) =>
    page(c, await Product.list(c.req.valid("query"))),
  )
  .post("/", input("json", Product.Create), async (c) =>
    created(c, "/products", await Product.create(c.req.valid("json"), by(c))),
  )
  .post("/batch", input("json", ProductBatch), (c) =>
    batch(c, c.req.valid("json"), { schema: Product.Create, ...Product }),
  )
  .get("/:id", input("param", IdParam), input("query", Product.Get), async (c) => {
    const { id } = c.req.valid("param");
    if (c.req.valid("query").include === undefined) return record(c, await Product.get(id));
    const [found, level] = await Promise.all([Product.get(id), Inventory.get(id)]);
    return record(c, { ...found, inventory: level }, `${found.version}.${level.version}`);
  })
  .put("/:id", input("param", IdParam), input("json", Product.Update), async (c) => {
    const change = someFields(c.req.valid("json"));
    return updated(c, await Product.update(c.req.valid("param").id, change, by(c), c.var.ifMatch));
  })
  .patch("/:id", input("param", IdParam), input("json", Product.Patch), async (c) => {
    const change = someFields(c.req.valid("json"));
    return updated(c, await Product.update(c.req.valid("param").id, change, by(c), c.var.ifMatch));
  })
  .delete("/:id", input("param", IdParam), async (c) =>
    removed(c, await Product.remove(c.req.valid("param").id, by(c), c.var.ifMatch)),
  )
  .get("/:id/history", input("param", IdParam), input("query", HistoryQuery), (c) =>
    history(c, "products", c.req.valid("param").id, c.req.valid("query"), Product.get),
  );
