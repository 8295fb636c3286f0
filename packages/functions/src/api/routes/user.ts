import * as User from "@stockwire/core/catalog/user";
import { Hono } from "hono";
import { created, page, record, removed, updated } from "../answer.ts";
import { batch, batchAnswers, batchOf, MAX_BATCH } from "../batch.ts";
import { writerOf } from "../caller.ts";
import type { Env } from "../env.ts";
import { someFields } from "../input.ts";
import { pageOf, route } from "../route.ts";
import { answerHistory, historyOf } from "./history.ts";

export const user = new Hono<Env>()
  .get(
    "/",
    route({
      summary: "List users",
      access: "read:users",
      throttle: { rate: 100, burst: 200 },
      query: User.List,
      feeds: ["users"],
      answers: { 200: pageOf(User.Info, "UserPage") },
    }),
    async (c) => page(c, await User.list(c.req.valid("query"))),
  )
  .post(
    "/",
    route({
      summary: "Create a user",
      access: "write:users",
      body: User.Create,
      answers: { 201: User.Info },
      refusals: ["email_exists"],
    }),
    async (c) => created(c, "/users", await User.create(c.req.valid("json"), writerOf(c))),
  )
  .post(
    "/batch",
    route({
      summary: "Create up to 100 users",
      access: "write:users",
      body: batchOf(User.Create, "UserBatch"),
      maxBody: MAX_BATCH,
      answers: batchAnswers(User.Info, "UserBatchAnswer"),
      refusals: ["email_exists"],
    }),
    (c) => batch(c, c.req.valid("json"), { schema: User.Create, ...User }),
  )
  .get(
    "/:id",
    route({
      summary: "Get a user",
      access: "read:users",
      feeds: ["users"],
      answers: { 200: User.Info, 304: null },
    }),
    async (c) => record(c, await User.get(c.req.param("id"))),
  )
  .put(
    "/:id",
    route({
      summary: "Change the given members of a user",
      access: "write:users",
      body: User.Update,
      answers: { 200: User.Info },
      refusals: ["email_exists", "no_fields_to_update"],
    }),
    async (c) => {
      const change = someFields(c.req.valid("json"));
      return updated(c, await User.update(c.req.param("id"), change, writerOf(c), c.var.ifMatch));
    },
  )
  .patch(
    "/:id",
    route({
      summary: "Change a user by a JSON merge patch",
      access: "write:users",
      body: User.Patch,
      answers: { 200: User.Info },
      refusals: ["email_exists", "no_fields_to_update"],
    }),
    async (c) => {
      const change = someFields(c.req.valid("json"));
      return updated(c, await User.update(c.req.param("id"), change, writerOf(c), c.var.ifMatch));
    },
  )
  .delete(
    "/:id",
    route({ summary: "Delete a user", access: "write:users", answers: { 204: null } }),
    async (c) => removed(c, await User.remove(c.req.param("id"), writerOf(c), c.var.ifMatch)),
  )
  .get("/:id/history", route(historyOf("users")), (c) =>
    answerHistory(c, "users", c.req.param("id"), c.req.valid("query")),
  );
