import { issueTicket } from "@stockwire/core/live/connection";
import { AppError } from "@stockwire/core/error";
import { poll } from "@stockwire/core/changes/long-poll";
import { parse, readScope } from "@stockwire/core/changes/topic";
import { Hono } from "hono";
import type { Env } from "../env.ts";
import { input } from "../input.ts";
import { ChangesQuery } from "../policy.ts";

export const change = new Hono<Env>()
  .get("/changes", input("query", ChangesQuery), async (c) => {
    const { topic: text, since, limit, wait } = c.req.valid("query");
    const topic = parse(text);
    if (topic === undefined) throw notATopic();
    const { scopes } = c.var.caller;
    if (!scopes.includes(readScope(topic.feed)) && !scopes.includes("admin")) {
      throw new AppError("insufficient_scope", `This needs the scope ${readScope(topic.feed)}`);
    }
    return c.json(await poll(topic, since, { limit, wait: wait * 1000 }), 200);
  })
  .post("/live/tickets", async (c) => {
    const { sub, kind, scopes, expiresAt } = c.var.caller;
    const authExpiresAt = expiresAt === null ? undefined : Date.parse(expiresAt);
    return c.json(await issueTicket({ sub, kind, scopes, authExpiresAt }), 201);
  });

const notATopic = () =>
  new AppError("invalid_parameter", "Not a topic", {
    errors: [{ parameter: "topic", code: "invalid_value", detail: "Not a topic" }],
  });
