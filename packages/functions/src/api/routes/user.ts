import * as User from "@stockwire/core/catalog/user";
import { Hono } from "hono";
import { created, history, page, record, removed, updated } from "../answer.ts";
import { batch } from "../batch.ts";
import { by } from "../caller.ts";
import type { Env } from "../env.ts";
import { IdParam, input, someFields } from "../input.ts";
import { HistoryQuery, UserBatch } from "../policy.ts";

export const user = new Hono<Env>()
  .get("/", input("query", User.List), async (c) => page(c, await User.list(c.req.valid("query"))))
  .post("/", input("json", User.Create), async (c) =>
    created(c, "/users", await User.create(c.req.valid("json"), by(c))),
  )
  .post("/batch", input("json", UserBatch), (c) =>
    batch(c, c.req.valid("json"), { schema: User.Create, ...User }),
  )
  .get("/:id", input("param", IdParam), async (c) =>
    record(c, await User.get(c.req.valid("param").id)),
  )
  .put("/:id", input("param", IdParam), input("json", User.Update), async (c) => {
    const change = someFields(c.req.valid("json"));
    return updated(c, await User.update(c.req.valid("param").id, change, by(c), c.var.ifMatch));
  })
  .patch("/:id", input("param", IdParam), input("json", User.Patch), async (c) => {
    const change = someFields(c.req.valid("json"));
    return updated(c, await User.update(c.req.valid("param").id, change, by(c), c.var.ifMatch));
  })
  .delete("/:id", input("param", IdParam), async (c) =>
    removed(c, await User.remove(c.req.valid("param").id, by(c), c.var.ifMatch)),
  )
  .get("/:id/history", input("param", IdParam), input("query", HistoryQuery), (c) =>
    history(c, "users", c.req.valid("param").id, c.req.valid("query"), User.get),
  );
