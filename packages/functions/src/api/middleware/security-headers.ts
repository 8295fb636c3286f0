import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

/** Headers that keep browsers from guessing types, from caching data, and from plain HTTP. */
export const securityHeaders = (secure: boolean) =>
  createMiddleware<Env>(async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("X-Content-Type-Options", "nosniff");
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    if (secure) headers.set("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
  });
