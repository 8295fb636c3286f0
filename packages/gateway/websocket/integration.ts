import type { Report } from "../auth/authorizer.ts";
import { isRecord } from "../json.ts";
import { invoke } from "../lambda.ts";
import type { WebSocketRoute } from "./config.ts";
import type { WebSocketEvent } from "./event.ts";

/** What came of a route's Lambda; `result` has an integer `statusCode`. */
export type Integrated = { latency: number } & (
  | { outcome: "answered"; statusCode: number; result: Record<string, unknown> }
  | { outcome: "timed-out" | "failed"; error: string }
);

/** Runs a route's Lambda and reports what went wrong with it. Never rejects. */
export async function integrate(
  { routeKey, handler, functionName, timeoutMs }: WebSocketRoute,
  { payload, requestId }: WebSocketEvent,
  report: Report,
): Promise<Integrated> {
  const startedAt = performance.now();
  const invocation = await invoke(handler, functionName, payload, timeoutMs);
  const latency = Math.round(performance.now() - startedAt);
  const failure = (outcome: "timed-out" | "failed", text: string, error: unknown): Integrated => {
    report({ what: `${routeKey}: ${text}`, error, requestId });
    return { outcome, error: text, latency };
  };
  if (invocation.outcome === "timed-out") {
    const error = new Error(`no result after ${timeoutMs} ms`);
    return failure("timed-out", "the integration timed out", error);
  }
  if (invocation.outcome === "failed") {
    return failure("failed", "the Lambda failed", invocation.error);
  }
  const result = invocation.value;
  if (routeKey === "$disconnect") {
    // Nobody is left to be told, so any result will do.
    return { outcome: "answered", statusCode: 200, result: {}, latency };
  }
  const statusCode = isRecord(result) ? Number(result["statusCode"]) : NaN;
  if (isRecord(result) && Number.isInteger(statusCode) && statusCode >= 200 && statusCode <= 599) {
    return { outcome: "answered", statusCode, result, latency };
  }
  return failure("failed", "the Lambda's result has no status", new Error("malformed result"));
}
