import type { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import type { Client } from "@stockwire/core/store/client";

/** Counts of calls to DynamoDB and of cancelled transactions. */
export interface Tally {
  calls: number;
  /** Transactions that met another one on the same record. */
  conflicts: number;
  /** Transactions with a condition that failed. */
  conditions: number;
}

/** Counts all later calls of the client. The result changes with each call. */
export function tally(client: Client): Tally {
  const counts: Tally = { calls: 0, conflicts: 0, conditions: 0 };
  const send = client.send.bind(client);
  client.send = async (...args) => {
    counts.calls++;
    try {
      return await send(...args);
    } catch (error) {
      const codes = reasonsOf(error);
      if (codes.includes("TransactionConflict")) counts.conflicts++;
      else if (codes.includes("ConditionalCheckFailed")) counts.conditions++;
      throw error;
    }
  };
  return counts;
}

const reasonsOf = (error: unknown): (string | undefined)[] =>
  error instanceof Error && error.name === "TransactionCanceledException"
    ? ((error as TransactionCanceledException).CancellationReasons ?? []).map(({ Code }) => Code)
    : [];
