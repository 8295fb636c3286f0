import { isRecord } from "@stockwire/gateway/json";
import type { Invocation } from "@stockwire/gateway/lambda";

/** What a function says of a batch: the records that failed, or why all of it did. */
export type BatchResult = { failed: ReadonlySet<string> } | { error: unknown };

/**
 * Reads the answer of a function whose mapping has ReportBatchItemFailures. No answer and no list
 * mean success; an identifier that is empty, or not of this batch, means that all of it failed.
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
  return { error: new Error(`not a batch response of this batch: ${text}`) };
}
