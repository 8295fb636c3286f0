import { createMiddleware } from "hono/factory";
import type { Log } from "../../telemetry/log.ts";
import type { Measure } from "../../telemetry/metric.ts";
import type { Env } from "../env.ts";
import type { Route } from "../route.ts";

/**
 * One log line per request, which carries its metrics. Of what the client sent only its address and
 * user agent are in it, as the gateway says them.
 */
export const requestLog = (log: Log, measure: Measure) =>
  createMiddleware<Env>(async (c, next) => {
    const started = performance.now();
    await next();
    const { status } = c.res;
    const requestId = c.get("requestId");
    const route = c.get("route") as Route | undefined; // absent if no route matched
    const durationMs = Math.round((performance.now() - started) * 10) / 10;
    const metrics = measure(
      {
        Count: 1,
        "4XX": Number(status >= 400 && status < 500),
        "5XX": Number(status >= 500),
        // A long poll takes as long as its caller asked for, so it says nothing about latency.
        ...(c.req.query("wait") === undefined && { Latency: durationMs }),
      },
      route !== undefined,
    );
    log.info("request", {
      requestId,
      gatewayRequestId: c.env?.requestContext?.requestId,
      ...c.env?.requestContext?.client,
      method: c.req.method,
      route: route?.path,
      status,
      durationMs,
      ...metrics,
    });
  });
