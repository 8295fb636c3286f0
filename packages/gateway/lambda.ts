import { randomUUID } from "node:crypto";

/** What a handler learns about its invocation, as Lambda's Node runtime gives it. */
interface LambdaContext {
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
 * Any exported Lambda handler, whatever event type it declares: what arrives is JSON either way.
 * Written as a method, because only methods take parameters of a narrower type.
 */
export type LambdaHandler = { handle(event: unknown, context: LambdaContext): unknown }["handle"];

/** How an invocation ended. `value` has been through JSON, as everything that leaves a Lambda. */
export type Invocation =
  | { outcome: "returned"; value: unknown }
  | { outcome: "failed"; error: unknown }
  | { outcome: "timed-out" };

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB each way. */
export const MAX_PAYLOAD = 6 * 1024 * 1024; // bytes

/**
 * Runs a handler on an event given as JSON text, so that `undefined`, dates, buffers and class
 * instances die on both ways as they do on AWS. Never rejects. A handler that runs out of time goes
 * on running, as it does behind a gateway.
 */
export async function invoke(
  handler: LambdaHandler,
  functionName: string,
  payload: string,
  timeoutMs: number,
): Promise<Invocation> {
  const deadline = performance.now() + timeoutMs;
  const run = (async (): Promise<Invocation> => {
    try {
      const event: unknown = JSON.parse(payload);
      const result: unknown = await handler(event, context(functionName, deadline));
      const json = JSON.stringify(result) ?? "null";
      if (Buffer.byteLength(json) > MAX_PAYLOAD) {
        throw new RangeError("Response payload size exceeded maximum allowed payload size");
      }
      return { outcome: "returned", value: JSON.parse(json) };
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
  }
}

function context(functionName: string, deadline: number): LambdaContext {
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

// Callback-style completion is gone from the nodejs24.x runtime; the members stay in its types.
function noop(): void {}
