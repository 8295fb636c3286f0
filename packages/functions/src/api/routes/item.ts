import * as Item from "@stockwire/core/catalog/item";
import { Hono } from "hono";
import { created, history, page, record, removed, updated } from "../answer.ts";
import { batch } from "../batch.ts";
import { by } from "../caller.ts";
import type { Env } from "../env.ts";
import { IdParam, input } from "../input.ts";
import { HistoryQuery, ItemBatch } from "../policy.ts";

export const item = new Hono<Env>()
  .get("/", input("query", Item.List), async (c) => page(c, await Item.list(c.req.valid("query"))))
  .post("/", input("json", Item.Create), async (c) =>
    created(c, "/items", await Item.create(c.req.valid("json"), by(c))),
  )
  .post("/batch", input("json", ItemBatch), (c) =>
    batch(c, c.req.valid("json"), { schema: Item.Create, ...Item }),
  )
  .get("/:id", input("param", IdParam), async (c) =>
    record(c, await Item.get(c.req.valid("param").id)),
  )
  .put("/:id", input("param", IdParam), input("json", Item.Create), async (c) => {
    const { id } = c.req.valid("param");
    const attributes = c.req.valid("json");
    if (c.var.ifNoneMatch === "*") {
      return created(c, "/items", await Item.createAt(id, attributes, by(c)));
    }
    return updated(c, await Item.replace(id, attributes, by(c), c.var.ifMatch));
  })
  .patch("/:id", input("param", IdParam), input("json", Item.Patch), async (c) =>
    updated(
      c,
      await Item.patch(c.req.valid("param").id, c.req.valid("json"), by(c), c.var.ifMatch),
    ),
  )
  .delete("/:id", input("param", IdParam), async (c) =>
    removed(c, await Item.remove(c.req.valid("param").id, by(c), c.var.ifMatch)),
  )
  .get("/:id/history", input("param", IdParam), input("query", HistoryQuery), (c) =>
    history(c, "items", c.req.valid("param").id, c.req.valid("query"), Item.get),
  );
