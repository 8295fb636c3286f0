/**
 * Leases on streams, as the Kinesis Client Library keeps them: one process at a time reads a stream
 * for a function, and only the lease holder can write checkpoints. Leases are items of a table on the
 * stream's own endpoint. Deleting the data therefore also deletes the checkpoints, which would be
 * wrong for the new stream; checkpoints in a separate file would survive.
 * https://docs.aws.amazon.com/streams/latest/dev/kcl-concepts.html
 */

import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { codeOf } from "../error.ts";

/** The lease table: an item for each function and stream, with the lease holder and checkpoints. */
export const Leases = {
  id: "Leases",
  fields: ["functionName", "eventSourceArn"],
  primaryIndex: { hashKey: "functionName", rangeKey: "eventSourceArn" },
  globalIndexes: {},
} as const satisfies TableSpec;

/** The checkpoint of a closed shard whose records are all processed. */
export const SHARD_END = "SHARD_END";

/** By shard id: the sequence number of the last processed record, or SHARD_END. */
export type Checkpoints = Readonly<Record<string, string>>;

/** This process does not hold the lease any more; another one may read the stream now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The right to read a stream. It is renewed in the background until `release`. */
export interface Lease {
  /** The checkpoints at the time when the lease was taken. */
  readonly checkpoints: Checkpoints;
  /** False once the lease may have expired. Check it before each invocation of the function. */
  isHeld(): boolean;
  /** Throws LeaseLost if another process has taken the lease. */
  checkpoint(shardId: string, sequenceNumber: string): Promise<void>;
  /** Removes the checkpoint of a shard that has expired. Throws LeaseLost. */
  deleteCheckpoint(shardId: string): Promise<void>;
  release(): Promise<void>;
}

export interface LeaseStore {
  /** Takes the lease if it is free; undefined if another process holds it. */
  acquire(): Promise<Lease | undefined>;
  /** The current checkpoints, whichever process writes them. */
  checkpoints(): Promise<Checkpoints>;
}

interface Options {
  dynamodb: DynamoDBClient;
  tableName: string;
  functionName: string;
  eventSourceArn: string;
  leaseMs: number;
}

interface Row {
  leaseOwner?: string;
  leaseCounter?: number;
  checkpoints?: Record<string, string>;
}

const CALL_TIMEOUT = 10_000; // ms

/**
 * Opens the lease of one function on one stream. All writes are conditional, so that of several
 * processes one wins. A lease is free if its counter has not changed for `leaseMs` by this process's
 * own clock, so clocks are never compared; or if its holder was a process of this machine that has
 * ended.
 */
export function leaseStore(options: Options): LeaseStore {
  const { tableName: TableName, functionName, eventSourceArn, leaseMs } = options;
  const client = DynamoDBDocumentClient.from(options.dynamodb);
  const Key = { functionName, eventSourceArn };
  const me = JSON.stringify([hostname(), process.pid, randomUUID()]);
  let seen: { holder: string; counter: number; since: number } | undefined;

  const withTimeout = () => ({ abortSignal: AbortSignal.timeout(CALL_TIMEOUT) });

  async function read(): Promise<Row> {
    const command = new GetCommand({ TableName, Key, ConsistentRead: true });
    const { Item = {} } = await client.send(command, withTimeout());
    return Item;
  }

  function isFree(holder: string, counter: number): boolean {
    if (holder === me || hasEnded(holder)) return true;
    const now = performance.now();
    if (seen?.holder !== holder || seen.counter !== counter) {
      seen = { holder, counter, since: now };
    }
    return now - seen.since > leaseMs;
  }

  function hold(checkpoints: Checkpoints): Lease {
    let renewedAt = performance.now();
    let lost = false;
    const write = async (UpdateExpression: string, names = {}, values = {}) => {
      const startedAt = performance.now(); // the lease counts from the request, not from its answer
      const command = new UpdateCommand({
        TableName,
        Key,
        UpdateExpression,
        ConditionExpression: "leaseOwner = :me",
        ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
        ExpressionAttributeValues: { ":me": me, ...values },
      });
      try {
        await client.send(command, withTimeout());
      } catch (cause) {
        if (!(cause instanceof ConditionalCheckFailedException)) throw cause;
        lost = true;
        throw new LeaseLost("another process reads the stream", { cause });
      }
      renewedAt = startedAt;
    };
    const renewal = setInterval(() => {
      if (performance.now() - renewedAt < leaseMs / 3) return;
      // If renewals keep failing, `isHeld` becomes false by itself.
      write("ADD leaseCounter :one", {}, { ":one": 1 }).catch(() => undefined);
    }, leaseMs / 3);
    renewal.unref();
    return {
      checkpoints,
      isHeld: () => !lost && performance.now() - renewedAt < leaseMs,
      checkpoint: (shardId, sequenceNumber) =>
        write(
          "SET checkpoints.#shard = :sequenceNumber ADD leaseCounter :one",
          { "#shard": shardId },
          { ":sequenceNumber": sequenceNumber, ":one": 1 },
        ),
      deleteCheckpoint: (shardId) => write("REMOVE checkpoints.#shard", { "#shard": shardId }),
      async release() {
        clearInterval(renewal);
        if (!lost) await write("REMOVE leaseOwner").catch(() => undefined);
      },
    };
  }

  return {
    async acquire() {
      const { leaseOwner: holder, leaseCounter: counter = 0 } = await read();
      if (holder !== undefined && !isFree(holder, counter)) return undefined;
      const command = new UpdateCommand({
        TableName,
        Key,
        UpdateExpression:
          "SET leaseOwner = :me, checkpoints = if_not_exists(checkpoints, :none) ADD leaseCounter :one",
        // Fails if another process has taken or renewed the lease since it was read.
        ConditionExpression:
          holder === undefined
            ? "attribute_not_exists(leaseOwner)"
            : "leaseOwner = :holder AND leaseCounter = :counter",
        ExpressionAttributeValues: {
          ":me": me,
          ":none": {},
          ":one": 1,
          ...(holder !== undefined && { ":holder": holder, ":counter": counter }),
        },
        ReturnValues: "ALL_NEW",
      });
      try {
        const { Attributes } = await client.send(command, withTimeout());
        const { checkpoints = {} }: Row = Attributes ?? {};
        return hold(checkpoints);
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw error;
      }
    },
    checkpoints: async () => (await read()).checkpoints ?? {},
  };
}

/** True if the holder was a process of this machine that does not run any more. */
function hasEnded(holder: string): boolean {
  const [host, pid]: unknown[] = JSON.parse(holder);
  if (host !== hostname() || typeof pid !== "number") return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}
