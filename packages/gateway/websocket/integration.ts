/** The Lambda integration of a WebSocket route. */

import { isRecord } from "../json.ts";
import { invoke } from "../lambda.ts";
import type { ReportError } from "../log.ts";
import type { WebSocketRoute } from "./config.ts";
import type { WebSocketEvent } from "./event.ts";

/** The outcome of an integration, and how long it took in milliseconds. */
export type IntegrationOutcome = { latency: number } & (
  | { kind: "returned"; statusCode: number; result: Record<string, unknown> }
  | { kind: "timed-out" | "failed"; error: string }
);

/**
 * Invokes the function of a route and reports its failure. A result counts as a failure unless it has
 * an integer `statusCode` from 200 to 599. The result of `$disconnect` is ignored, since its client is
 * gone. Never rejects.
 */
export async function invokeIntegration(
  { routeKey, handler, functionName, timeoutMs }: WebSocketRoute,
  { payload, requestId }: WebSocketEvent,
  report: ReportError,
): Promise<IntegrationOutcome> {
  const startedAt = performance.now();
  const invocation = await invoke(handler, functionName, payload, timeoutMs);
  const latency = Math.round(performance.now() - startedAt);
  const fail = (
    kind: "timed-out" | "failed",
    message: string,
    error: unknown,
  ): IntegrationOutcome => {
    report({ message: `${routeKey}: ${message}`, error, requestId });
    return { kind, error: message, latency };
  };
  if (invocation.outcome === "timed-out") {
    const error = new Error(`no result after ${timeoutMs} ms`);
    return fail("timed-out", "the integration timed out", error);
  }
  if (invocation.outcome === "failed") {
    return fail("failed", "the function failed", invocation.error);
  }
  if (routeKey === "$disconnect") return { kind: "returned", statusCode: 200, result: {}, latency };
  const result = invocation.value;
  const statusCode = isRecord(result) ? Number(result["statusCode"]) : NaN;
  if (isRecord(result) && Number.isInteger(statusCode) && statusCode >= 200 && statusCode <= 599) {
    return { kind: "returned", statusCode, result, latency };
  }
  return fail("failed", "the function's result has no status", new Error("malformed result"));
}
