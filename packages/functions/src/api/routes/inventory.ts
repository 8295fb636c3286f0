import * as Inventory from "@stockwire/core/catalog/inventory";
import { Hono } from "hono";
import { history, page, record, updated } from "../answer.ts";
import { by } from "../caller.ts";
import type { Env } from "../env.ts";
import { input, ProductIdParam } from "../input.ts";
import { HistoryQuery } from "../policy.ts";

export const inventory = new Hono<Env>()
  .get("/", input("query", Inventory.List), async (c) =>
    page(c, await Inventory.list(c.req.valid("query"))),
  )
  .get("/:productId", input("param", ProductIdParam), async (c) =>
    record(c, await Inventory.get(c.req.valid("param").productId)),
  )
  .put("/:productId", input("param", ProductIdParam), input("json", Inventory.Put), async (c) => {
    const { productId } = c.req.valid("param");
    return updated(c, await Inventory.set(productId, c.req.valid("json"), by(c), c.var.ifMatch));
  })
  .post(
    "/:productId/adjustments",
    input("param", ProductIdParam),
    input("json", Inventory.Adjust),
    async (c) => {
      const { productId } = c.req.valid("param");
      const outcome = await Inventory.adjust(productId, c.req.valid("json"), by(c), c.var.ifMatch);
      return updated(c, outcome, 201);
    },
  )
  .get("/:productId/history", input("param", ProductIdParam), input("query", HistoryQuery), (c) =>
    history(c, "inventory", c.req.valid("param").productId, c.req.valid("query"), Inventory.get),
  );
