/**
 * Repeats calls as the SDK does in its standard mode, for calls that may be repeated whatever became of
 * them. DynamoDB has rules of its own (store/retry.ts), since a write must not be applied twice.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */

import { setTimeout as pause } from "node:timers/promises";
import type { ErrorMembers } from "./reply.ts";

const THROTTLED: ReadonlySet<string> = new Set([
  "BandwidthLimitExceeded",
  "EC2ThrottledException",
  "LimitExceededException",
  "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
  "TransactionInProgressException",
]);
/** Names of errors, codes of network errors, and statuses. */
const TRANSIENT: ReadonlySet<unknown> = new Set([
  "TimeoutError",
  "RequestTimeout",
  "RequestTimeoutException",
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  500,
  502,
  503,
  504,
]);

/** The longest wait before the second attempt, in ms, and what a repetition takes of the capacity. */
const THROTTLE = { wait: 1_000, cost: 5 };
const FAULT = { wait: 50, cost: 14 };
const MAX_WAIT = 20_000; // ms
/** Repetitions stop when most calls fail: each takes of this, and successes give it back. */
const CAPACITY = 500;

/** Returns how an error is repeated; undefined if it is final. */
function ruleOf(error: unknown): typeof FAULT | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message, code, $metadata } = error as Error &
    Partial<ErrorMembers & { code: string }>;
  const { httpStatusCode: status, clockSkewCorrected } = $metadata ?? {};
  if (status === 429 || THROTTLED.has(name)) return THROTTLE;
  const isStale = name === "InvalidSignatureException" && message.includes("Signature expired");
  const isTransient = [name, code, status].some((sign) => TRANSIENT.has(sign));
  return isTransient || isStale || clockSkewCorrected ? FAULT : undefined;
}

/** Makes a call in up to `maxAttempts` attempts. Rejects with the error of the last one. */
export type Repeat = <T>(attempt: () => Promise<T>) => Promise<T>;

/** Returns the function that makes the calls of one client. */
export function createRepeat(maxAttempts: number): Repeat {
  let capacity = CAPACITY;
  return async (attempt) => {
    let cost = 1; // given back if the call succeeds
    for (let repetitions = 0; ; repetitions++) {
      try {
        const result = await attempt();
        capacity = Math.min(CAPACITY, capacity + cost);
        return result;
      } catch (error) {
        const rule = ruleOf(error);
        const isLast = repetitions + 1 >= maxAttempts;
        if (rule === undefined || isLast || capacity < rule.cost) throw error;
        cost = rule.cost;
        capacity -= cost;
        await pause(Math.random() * Math.min(MAX_WAIT, rule.wait * 2 ** repetitions));
      }
    }
  };
}
