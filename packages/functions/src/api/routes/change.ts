/** The change log over HTTP, and tickets for the Live API. */

import { Change } from "@stockwire/core/changes/change";
import { latest, poll } from "@stockwire/core/changes/long-poll";
import { AppError } from "@stockwire/core/error";
import { lazy } from "@stockwire/core/lazy";
import { issueTicket } from "@stockwire/core/live/ticket";
import { query } from "@stockwire/core/store/pagination";
import { Hono } from "hono";
import * as z from "zod";
import type { Env } from "../env.ts";
import { route } from "../route.ts";
import { Since, readableTopic, TopicText } from "../topic.ts";

const Query = lazy(() =>
  z.strictObject({
    topic: TopicText,
    since: Since,
    limit: query(100).limit,
    wait: z
      .string()
      .regex(/^(?:1?\d|20)$/, { error: "Seconds, at most 20" })
      .transform(Number)
      .default(0)
      .meta({ type: "integer", minimum: 0, maximum: 20, default: 0 }),
    last: z
      .string()
      .regex(/^(?:[1-9]\d?|100)$/, { error: "A whole number from 1 to 100" })
      .transform(Number)
      .optional()
      .meta({ type: "integer", minimum: 1, maximum: 100 }),
  }),
);

const Changes = lazy(() =>
  z
    .object({ events: z.array(Change), cursor: z.string(), more: z.boolean() })
    .meta({ id: "Changes" }),
);

const Ticket = lazy(() =>
  z.object({ ticket: z.string(), expiresAt: z.iso.datetime() }).meta({ id: "Ticket" }),
);

const lastAndSince = () =>
  new AppError("invalid_parameter", "Either since or last", {
    errors: [{ parameter: "last", code: "invalid_value", detail: "Not together with since" }],
  });

export const change = new Hono<Env>()
  .get(
    "/changes",
    route({
      summary: "List the changes of a topic after a cursor; `wait` waits for the first",
      tag: "Changes",
      access: "token", // the topic decides which scope is needed
      partner: "metered",
      query: Query,
      answers: { 200: Changes },
      refusals: ["insufficient_scope", "invalid_cursor", "cursor_expired"],
    }),
    async (c) => {
      const { topic: text, since, limit, wait, last } = c.req.valid("query");
      const topic = readableTopic(c.var.caller, text);
      if (last !== undefined) {
        if (since !== undefined) throw lastAndSince();
        return c.json(await latest(topic, last), 200);
      }
      return c.json(await poll(topic, since, { limit, wait: wait * 1000 }), 200);
    },
  )
  .post(
    "/live/tickets",
    route({
      summary: "Issue a ticket that opens one live connection within a minute",
      tag: "Changes",
      writes: false,
      access: "token",
      answers: { 201: Ticket },
    }),
    async (c) => {
      const { sub, kind, scopes, expiresAt } = c.var.caller;
      const authExpiresAt = expiresAt === null ? undefined : Date.parse(expiresAt);
      return c.json(await issueTicket({ sub, kind, scopes, authExpiresAt }), 201);
    },
  );
