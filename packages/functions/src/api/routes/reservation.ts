import * as Reservation from "@stockwire/core/catalog/reservation";
import { Hono } from "hono";
import { created, history, page, record, updated } from "../answer.ts";
import { by } from "../caller.ts";
import type { Env } from "../env.ts";
import { IdParam, input } from "../input.ts";
import { HistoryQuery } from "../policy.ts";

export const reservation = new Hono<Env>()
  .get("/", input("query", Reservation.List), async (c) =>
    page(c, await Reservation.list(c.req.valid("query"))),
  )
  .post("/", input("json", Reservation.Create), async (c) =>
    created(c, "/reservations", await Reservation.create(c.req.valid("json"), by(c))),
  )
  .get("/:id", input("param", IdParam), async (c) =>
    record(c, await Reservation.get(c.req.valid("param").id)),
  )
  .post("/:id/confirm", input("param", IdParam), async (c) =>
    updated(c, await Reservation.confirm(c.req.valid("param").id, by(c), c.var.ifMatch)),
  )
  .post("/:id/cancel", input("param", IdParam), async (c) =>
    updated(c, await Reservation.cancel(c.req.valid("param").id, by(c), c.var.ifMatch)),
  )
  .post("/:id/extend", input("param", IdParam), input("json", Reservation.Extend), async (c) => {
    const { id } = c.req.valid("param");
    return updated(c, await Reservation.extend(id, c.req.valid("json"), by(c), c.var.ifMatch));
  })
  .get("/:id/history", input("param", IdParam), input("query", HistoryQuery), (c) =>
    history(c, "reservations", c.req.valid("param").id, c.req.valid("query"), Reservation.get),
  );
