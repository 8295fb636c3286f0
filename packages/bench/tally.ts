import type { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** Calls to DynamoDB, and the transactions among them that did not go through. */
export interface Tally {
  calls: number;
  /** Met another transaction on the same record. */
  conflicts: number;
  /** Found a record not to be as expected. */
  conditions: number;
}

/** Counts all calls of the client from now on. */
export function tally(client: DynamoDBDocumentClient): Tally {
  const found: Tally = { calls: 0, conflicts: 0, conditions: 0 };
  client.middlewareStack.add(
    (next) => async (args) => {
      found.calls++;
      try {
        return await next(args);
      } catch (error) {
        const codes = reasonsOf(error);
        if (codes.includes("TransactionConflict")) found.conflicts++;
        else if (codes.includes("ConditionalCheckFailed")) found.conditions++;
        throw error;
      }
    },
    { step: "initialize", name: "tally" },
  );
  return found;
}

const reasonsOf = (error: unknown): (string | undefined)[] =>
  error instanceof Error && error.name === "TransactionCanceledException"
    ? ((error as TransactionCanceledException).CancellationReasons ?? []).map(({ Code }) => Code)
    : [];
