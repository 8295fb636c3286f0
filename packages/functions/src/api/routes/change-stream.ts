/** The change log as server-sent events, where answers can be streamed. */

import { AppError } from "@stockwire/core/error";
import { lazy } from "@stockwire/core/lazy";
import { Hono } from "hono";
import * as z from "zod";
import type { Env } from "../env.ts";
import { route } from "../route.ts";
import { readableTopic, Since, TopicText } from "../topic.ts";

const Query = lazy(() => z.strictObject({ topic: TopicText, since: Since }));

const Events = z.string().meta({
  description:
    "Server-sent events: `changes` with an answer of GET /changes as its data, then one of `reset` and `error` with a problem, and `end` with a reason",
});

export const changeStream = new Hono<Env>().get(
  "/changes/stream",
  route({
    summary: "Stream the changes of a topic after a cursor as server-sent events",
    tag: "Changes",
    access: "token", // the topic decides which scope is needed
    query: Query,
    answers: { 200: Events },
    events: true,
    partner: "metered",
    refusals: ["invalid_cursor", "cursor_expired", "streaming_unavailable"],
  }),
  (c) => {
    const { streamChanges, caller } = c.var;
    const { topic: text, since } = c.req.valid("query");
    const topic = readableTopic(caller, text);
    if (streamChanges === undefined) {
      throw new AppError(
        "streaming_unavailable",
        "Answers of this address cannot be streamed; ask GET /changes with wait",
      );
    }
    // A client that reconnects repeats its first query; only the header is up to date.
    const last = c.req.header("last-event-id");
    return streamChanges(
      c,
      topic,
      last === undefined
        ? { since, parameter: "since" }
        : { since: last, parameter: "Last-Event-ID" },
    );
  },
);
