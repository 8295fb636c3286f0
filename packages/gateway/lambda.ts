/**
 * Invokes a Lambda handler in this process as the Lambda service would. Event and result cross a JSON
 * boundary, so a handler sees nothing here that it would not see on AWS.
 */

import { randomUUID } from "node:crypto";
import { passThroughJson } from "./json.ts";
import type { Concurrency } from "./concurrency.ts";

/**
 * The context object of a handler.
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */
export interface LambdaContext {
  awsRequestId: string;
  callbackWaitsForEmptyEventLoop: boolean;
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  logGroupName: string;
  logStreamName: string;
  memoryLimitInMB: string;
  getRemainingTimeInMillis(): number;
  done(): void;
  fail(): void;
  succeed(): void;
}

/**
 * Any exported Lambda handler, whatever event type it declares. The type is taken from a method,
 * because TypeScript checks only the parameters of methods bivariantly.
 */
export type LambdaHandler = { handle(event: unknown, context: LambdaContext): unknown }["handle"];

/** The result of an invocation. `value` is what remains of the handler's result after JSON. */
export type Invocation =
  | { outcome: "returned"; value: unknown }
  | { outcome: "failed"; error: unknown }
  | { outcome: "timed-out" };

/** The service has refused an invocation, because too many are in progress. */
export class ThrottledError extends Error {
  override name = "TooManyRequestsException";
}

/**
 * The payload limit of a synchronous invocation, for the event and for the result: 6 MB.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const MAX_PAYLOAD = 6 * 1024 * 1024; // bytes

/**
 * Runs a handler on an event given as JSON text. Never rejects. A handler that exceeds its time keeps
 * running and its result is dropped, as behind API Gateway. Fails with `ThrottledError` if too many
 * invocations are in progress.
 */
export const invoke = (
  handler: LambdaHandler,
  functionName: string,
  payload: string,
  timeoutMs: number,
  concurrency?: Concurrency,
): Promise<Invocation> =>
  invokeWith(handler, functionName, () => JSON.parse(payload), timeoutMs, concurrency);

/** As `invoke`, but `read` returns the event, which only the handler may hold afterwards. */
export async function invokeWith(
  handler: LambdaHandler,
  functionName: string,
  read: () => unknown,
  timeoutMs: number,
  concurrency?: Concurrency,
): Promise<Invocation> {
  const release = concurrency?.acquire();
  if (concurrency && !release) {
    return { outcome: "failed", error: new ThrottledError("Rate Exceeded.") };
  }
  const deadline = performance.now() + timeoutMs;
  const run = (async (): Promise<Invocation> => {
    try {
      const event = read();
      const result: unknown = await handler(event, createContext(functionName, deadline));
      const passed = passThroughJson(result, MAX_PAYLOAD);
      if (passed === undefined) {
        throw new RangeError("Response payload size exceeded maximum allowed payload size");
      }
      return { outcome: "returned", value: passed.value };
    } catch (error) {
      return { outcome: "failed", error };
    }
  })();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Invocation>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, { outcome: "timed-out" });
  });
  try {
    return await Promise.race([run, timeout]);
  } finally {
    clearTimeout(timer);
    release?.();
  }
}

/** The context of an invocation; `deadline` is a time of `performance.now()`. */
export function createContext(functionName: string, deadline: number): LambdaContext {
  return {
    awsRequestId: randomUUID(),
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    memoryLimitInMB: "1024",
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
    done: noop,
    fail: noop,
    succeed: noop,
  };
}

// The nodejs24.x runtime has no callback-style completion any more, but the types keep its members.
function noop(): void {}
