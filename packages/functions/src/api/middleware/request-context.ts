import { newId } from "@stockwire/core/id";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/**
 * Reads the clock and fixes the request's id: the caller's own `X-Request-Id` if it is safe to
 * repeat, else a new one. The answer carries it, whatever happens later.
 */
export const requestContext = createMiddleware<Env>(async (c, next) => {
  const given = c.req.header("x-request-id");
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : newId();
  c.set("requestId", requestId);
  c.set("at", new Date().toISOString());
  await next();
  c.res.headers.set("X-Request-Id", requestId);
});
