/** CORS of every front. The gateway answers preflights itself where its CORS is configured. */

import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

export const cors = {
  methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"],
  headers: [
    "Content-Type",
    "Authorization",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-Api-Key",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Client-Ref",
    "X-Request-Id",
    "X-Requested-With",
  ],
  exposed: [
    "ETag",
    "Feed-Cursor",
    "Location",
    "Link",
    "Retry-After",
    "Idempotency-Replayed",
    "X-Request-Id",
  ],
  maxAge: 86_400, // seconds
} as const;

/** True if pages of this origin may call. */
export const allowedOrigin = (origins: readonly string[], origin: string): boolean =>
  origins.includes("*") || origins.includes(origin);

/** Adds the CORS headers to every answer, and answers preflights. */
export const crossOrigin = (origins: readonly string[]) =>
  createMiddleware<Env>(async (c, next) => {
    const origin = c.req.header("origin");
    const preflight =
      c.req.method === "OPTIONS" &&
      origin !== undefined &&
      c.req.header("access-control-request-method") !== undefined;
    if (preflight) c.res = c.body(null, 204);
    else await next();
    for (const [name, value] of headersFor(origins, origin)) c.res.headers.append(name, value);
  });

const FIXED = [
  ["Access-Control-Allow-Methods", cors.methods.join(", ")],
  ["Access-Control-Allow-Headers", cors.headers.join(", ")],
  ["Access-Control-Expose-Headers", cors.exposed.join(", ")],
  ["Access-Control-Max-Age", String(cors.maxAge)],
] as const;

/** Credentials are never allowed together with `*`. */
function* headersFor(
  origins: readonly string[],
  origin: string | undefined,
): Generator<readonly [name: string, value: string]> {
  if (origins.includes("*")) {
    yield ["Access-Control-Allow-Origin", "*"];
  } else {
    yield ["Vary", "Origin"];
    if (origin === undefined || !origins.includes(origin)) return;
    yield ["Access-Control-Allow-Origin", origin];
    yield ["Access-Control-Allow-Credentials", "true"];
  }
  yield* FIXED;
}
