/** Hono with its adapter for Lambda, without anything else. */

import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Outcome, create, get, list } from "./operation.ts";

const app = new Hono();
const codeOf = ({ status }: Outcome) => status as ContentfulStatusCode;

app.get("/items", async (c) => {
  const outcome = await list(Number(c.req.query("limit") ?? 20));
  return c.json(outcome.body, codeOf(outcome));
});
app.get("/items/:id", async (c) => {
  const outcome = await get(c.req.param("id"));
  return c.json(outcome.body, codeOf(outcome));
});
app.post("/items", async (c) => {
  const outcome = await create(await c.req.json());
  return c.json(outcome.body, codeOf(outcome));
});

export const handler = handle(app);
