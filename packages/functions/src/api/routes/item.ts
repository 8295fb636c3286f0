import * as Item from "@stockwire/core/catalog/item";
import { Hono } from "hono";
import { created, page, record, removed, updated } from "../answer.ts";
import { batch, batchAnswers, batchOf, MAX_BATCH } from "../batch.ts";
import { writerOf } from "../caller.ts";
import type { Env } from "../env.ts";
import { pageOf, route } from "../route.ts";
import { answerHistory, historyOf } from "./history.ts";

export const item = new Hono<Env>()
  .get(
    "/",
    route({
      summary: "List items",
      access: "read:items",
      cache: "shared",
      query: Item.List,
      feeds: ["items"],
      throughIndex: ({ type }) => type !== undefined,
      answers: { 200: pageOf(Item.Info, "ItemPage") },
    }),
    async (c) => page(c, await Item.list(c.req.valid("query"))),
  )
  .post(
    "/",
    route({
      summary: "Create an item of any shape",
      access: "write:items",
      body: Item.Create,
      answers: { 201: Item.Info },
    }),
    async (c) => created(c, "/items", await Item.create(c.req.valid("json"), writerOf(c))),
  )
  .post(
    "/batch",
    route({
      summary: "Create up to 100 items",
      access: "write:items",
      body: batchOf(Item.Create, "ItemBatch"),
      maxBody: MAX_BATCH,
      answers: batchAnswers(Item.Info, "ItemBatchAnswer"),
    }),
    (c) => batch(c, c.req.valid("json"), { schema: Item.Create, ...Item }),
  )
  .get(
    "/:id",
    route({
      summary: "Get an item",
      access: "read:items",
      cache: "shared",
      feeds: ["items"],
      answers: { 200: Item.Info, 304: null },
    }),
    async (c) => record(c, await Item.get(c.req.param("id"))),
  )
  .put(
    "/:id",
    route({
      summary: "Replace an item, or create it at this id with If-None-Match: *",
      access: "write:items",
      body: Item.Create,
      answers: { 200: Item.Info, 201: Item.Info },
    }),
    async (c) => {
      const id = c.req.param("id");
      const attributes = c.req.valid("json");
      if (c.var.ifNoneMatch === "*") {
        return created(c, "/items", await Item.createAt(id, attributes, writerOf(c)));
      }
      return updated(c, await Item.replace(id, attributes, writerOf(c), c.var.ifMatch));
    },
  )
  .patch(
    "/:id",
    route({
      summary: "Change an item by a JSON merge patch",
      access: "write:items",
      body: Item.Patch,
      answers: { 200: Item.Info },
    }),
    async (c) => {
      const id = c.req.param("id");
      return updated(c, await Item.patch(id, c.req.valid("json"), writerOf(c), c.var.ifMatch));
    },
  )
  .delete(
    "/:id",
    route({ summary: "Delete an item", access: "write:items", answers: { 204: null } }),
    async (c) => removed(c, await Item.remove(c.req.param("id"), writerOf(c), c.var.ifMatch)),
  )
  .get("/:id/history", route(historyOf("items")), (c) =>
    answerHistory(c, "items", c.req.param("id"), c.req.valid("query")),
  );
