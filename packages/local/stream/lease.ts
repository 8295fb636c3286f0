import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

/** Who reads which stream for which function, and how far it has got. */
export const Leases = {
  id: "Leases",
  fields: ["functionName", "eventSourceArn"],
  primaryIndex: { hashKey: "functionName", rangeKey: "eventSourceArn" },
  globalIndexes: {},
} as const satisfies TableSpec;

/** The checkpoint of a shard that is closed and handled to its end. */
export const SHARD_END = "SHARD_END";

/** By shard: the sequence number of the last record that is handled, or SHARD_END. */
export type Checkpoints = Readonly<Record<string, string>>;

/** Another process reads the stream now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The right to read a stream. */
export interface Lease {
  readonly checkpoints: Checkpoints;
  /** Whether it is safe to call the function; a checkpoint is refused to any but the holder. */
  isHeld(): boolean;
  /** Throws LeaseLost. */
  checkpoint(shardId: string, sequenceNumber: string): Promise<void>;
  /** Throws LeaseLost. */
  forget(shardId: string): Promise<void>;
  release(): Promise<void>;
}

export interface LeaseStore {
  /** Takes the lease if it is free; undefined if another process has it. */
  acquire(): Promise<Lease | undefined>;
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

const CALL_WITHIN = 10_000; // ms

/**
 * Leases kept in a table beside the stream, as the Kinesis Client Library does: conditional writes
 * settle who reads, on any endpoint that two processes share, and whoever deletes the data deletes
 * the checkpoints with them, which a file elsewhere would outlive. A lease whose counter stands
 * still for `leaseMs` is free, so no clocks are compared; one whose process has died on this
 * machine is free at once.
 * https://docs.aws.amazon.com/streams/latest/dev/kcl-concepts.html
 */
export function leaseStore(options: Options): LeaseStore {
  const { tableName: TableName, functionName, eventSourceArn, leaseMs } = options;
  const client = DynamoDBDocumentClient.from(options.dynamodb);
  const Key = { functionName, eventSourceArn };
  const me = JSON.stringify([hostname(), process.pid, randomUUID()]);
  let seen: { holder: string; counter: number; since: number } | undefined;

  const within = () => ({ abortSignal: AbortSignal.timeout(CALL_WITHIN) });

  async function read(): Promise<Row> {
    const command = new GetCommand({ TableName, Key, ConsistentRead: true });
    const { Item = {} } = await client.send(command, within());
    return Item;
  }

  function isFree(holder: string, counter: number): boolean {
    if (holder === me || isDead(holder)) return true;
    const now = performance.now();
    if (seen?.holder !== holder || seen.counter !== counter) {
      seen = { holder, counter, since: now };
    }
    return now - seen.since > leaseMs;
  }

  function hold(checkpoints: Checkpoints): Lease {
    let renewed = performance.now();
    let lost = false;
    const write = async (UpdateExpression: string, names = {}, values = {}) => {
      const began = performance.now();
      const command = new UpdateCommand({
        TableName,
        Key,
        UpdateExpression,
        ConditionExpression: "leaseOwner = :me",
        ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
        ExpressionAttributeValues: { ":me": me, ...values },
      });
      try {
        await client.send(command, within());
      } catch (cause) {
        if (!(cause instanceof ConditionalCheckFailedException)) throw cause;
        lost = true;
        throw new LeaseLost("another process reads the stream", { cause });
      }
      renewed = began;
    };
    const renewal = setInterval(() => {
      if (performance.now() - renewed < leaseMs / 3) return;
      // Without an answer the lease runs out by itself.
      write("ADD leaseCounter :one", {}, { ":one": 1 }).catch(() => undefined);
    }, leaseMs / 3);
    renewal.unref();
    return {
      checkpoints,
      isHeld: () => !lost && performance.now() - renewed < leaseMs,
      checkpoint: (shardId, sequenceNumber) =>
        write(
          "SET checkpoints.#shard = :at ADD leaseCounter :one",
          { "#shard": shardId },
          { ":at": sequenceNumber, ":one": 1 },
        ),
      forget: (shardId) => write("REMOVE checkpoints.#shard", { "#shard": shardId }),
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
        const { Attributes } = await client.send(command, within());
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

function isDead(holder: string): boolean {
  const [host, pid]: unknown[] = JSON.parse(holder);
  if (host !== hostname() || typeof pid !== "number") return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
