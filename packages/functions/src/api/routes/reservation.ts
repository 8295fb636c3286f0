import * as Reservation from "@stockwire/core/catalog/reservation";
import { Hono } from "hono";
import { created, page, record, updated } from "../answer.ts";
import { writerOf } from "../caller.ts";
import type { Env } from "../env.ts";
import { pageOf, route } from "../route.ts";
import { answerHistory, historyOf } from "./history.ts";

const closing = {
  access: "reserve:inventory",
  answers: { 200: Reservation.Info },
  refusals: ["reservation_closed", "reservation_expired"],
} as const;

export const reservation = new Hono<Env>()
  .get(
    "/",
    route({
      summary: "List reservations",
      access: "reserve:inventory",
      query: Reservation.List,
      feeds: ["reservations"],
      throughIndex: ({ status }) => status !== undefined,
      answers: { 200: pageOf(Reservation.Info, "ReservationPage") },
    }),
    async (c) => page(c, await Reservation.list(c.req.valid("query"))),
  )
  .post(
    "/",
    route({
      summary: "Reserve all lines or none",
      access: "reserve:inventory",
      body: Reservation.Create,
      answers: { 201: Reservation.Info },
      refusals: ["product_not_found", "product_archived", "insufficient_stock"],
    }),
    async (c) =>
      created(c, "/reservations", await Reservation.create(c.req.valid("json"), writerOf(c))),
  )
  .get(
    "/:id",
    route({
      summary: "Get a reservation",
      access: "reserve:inventory",
      feeds: ["reservations"],
      answers: { 200: Reservation.Info, 304: null },
    }),
    async (c) => {
      const found = await Reservation.get(c.req.param("id"));
      // It expires without a write, so the version does not say it.
      const { status, version } = found;
      return record(c, found, status === "expired" ? `${version}.expired` : String(version));
    },
  )
  .post("/:id/confirm", route({ summary: "Sell what is reserved", ...closing }), async (c) =>
    updated(c, await Reservation.confirm(c.req.param("id"), writerOf(c), c.var.ifMatch)),
  )
  .post("/:id/cancel", route({ summary: "Release what is reserved", ...closing }), async (c) =>
    updated(c, await Reservation.cancel(c.req.param("id"), writerOf(c), c.var.ifMatch)),
  )
  .post(
    "/:id/extend",
    route({ summary: "Extend a reservation", ...closing, body: Reservation.Extend }),
    async (c) => {
      const extension = c.req.valid("json");
      const id = c.req.param("id");
      return updated(c, await Reservation.extend(id, extension, writerOf(c), c.var.ifMatch));
    },
  )
  .get("/:id/history", route(historyOf("reservations")), (c) =>
    answerHistory(c, "reservations", c.req.param("id"), c.req.valid("query")),
  );
