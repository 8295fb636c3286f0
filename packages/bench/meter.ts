import type { Client } from "@stockwire/core/store/client";

/** The capacity units that calls consumed, and their number. */
export interface Cost {
  reads: number; // units
  writes: number; // units
  calls: number;
  trips: number; // round trips: parallel calls count as one
  /** True if some units are computed, because a failed call does not report them. */
  computed: boolean;
}

interface Metered {
  ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
}

const READS: ReadonlySet<string> = new Set(["GetItem", "Query", "BatchGetItem"]);

/**
 * Makes every call of the client report its units. The result measures the calls of `work`, which
 * may fail.
 */
export function meter(client: Client) {
  let cost = zero();
  let inFlight = 0;
  const send = client.send.bind(client);
  client.send = async (operation, given, options) => {
    const input = { ...given, ReturnConsumedCapacity: "TOTAL" } as typeof given;
    cost.calls++;
    if (inFlight++ === 0) cost.trips++;
    try {
      const result = await send(operation, input, options);
      const { ConsumedCapacity = [] } = result as Metered;
      for (const { CapacityUnits = 0 } of [ConsumedCapacity].flat()) {
        cost[READS.has(operation) ? "reads" : "writes"] += CapacityUnits;
      }
      return result;
    } catch (error) {
      cost.writes += unitsOfFailure(input, error);
      cost.computed = true;
      throw error;
    } finally {
      inFlight--;
    }
  };
  return async (work: () => Promise<unknown>): Promise<Cost> => {
    cost = zero();
    await work().catch(() => undefined);
    return cost;
  };
}

const zero = (): Cost => ({ reads: 0, writes: 0, calls: 0, trips: 0, computed: false });

/**
 * A failed conditional write consumes the units of its item, here under 1 KB: one, or two for each
 * item of a transaction.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadWriteCapacityMode.html
 */
function unitsOfFailure(input: object, error: unknown): number {
  if (!(error instanceof Error)) return 0;
  if (error.name === "ConditionalCheckFailedException") return 1;
  const { TransactItems = [] } = input as { TransactItems?: unknown[] };
  return error.name === "TransactionCanceledException" ? 2 * TransactItems.length : 0;
}
