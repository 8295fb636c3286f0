/**
 * ReportBatchItemFailures: how a function that processes a batch says which records have failed. Both
 * event source mappings of the laptop, for streams and for queues, use it.
 */

import { isRecord } from "@stockwire/gateway/json";
import type { Invocation } from "@stockwire/gateway/lambda";

/** The identifiers of the failed records, or the error for which the whole batch failed. */
export type BatchResult = { failed: ReadonlySet<string> } | { error: unknown };

/**
 * Reads the response of a function to a batch with these identifiers. No response and no list mean
 * success. An identifier that is empty or not in the batch means that the whole batch failed.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function batchResult(invocation: Invocation, batch: readonly string[]): BatchResult {
  if (invocation.outcome === "failed") return { error: invocation.error };
  if (invocation.outcome === "timed-out") return { error: new Error("the function timed out") };
  const { value } = invocation;
  const failures = isRecord(value) ? (value["batchItemFailures"] ?? []) : (value ?? []);
  if (!Array.isArray(failures) || Array.isArray(value)) return invalid(value);
  const identifiers = failures.map((failure: unknown) =>
    isRecord(failure) ? failure["itemIdentifier"] : undefined,
  );
  const failed = new Set<string>();
  for (const identifier of identifiers) {
    if (typeof identifier !== "string" || !batch.includes(identifier)) return invalid(value);
    failed.add(identifier);
  }
  return { failed };
}

function invalid(value: unknown): BatchResult {
  const text = JSON.stringify(value).slice(0, 200);
  return { error: new Error(`invalid response for this batch: ${text}`) };
}
