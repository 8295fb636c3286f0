import { DescribeTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { createPulse } from "./pulse.ts";
import { type Lease, LeaseLost, Leases, leaseStore, SHARD_END } from "./lease.ts";
import { backoff, pauseFor, type ReaderConfig, readStream } from "./reader.ts";
import { isAfter, listShards, openShard, type Source } from "./shard.ts";
import { createTables } from "../engine/tables.ts";

/** Which stream to read, and what to do with its records. */
export interface StreamMappingConfig extends ReaderConfig {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  tableName: string;
  /** Where checkpoints are kept: made if need be, and shared by all who use this endpoint. */
  leaseTableName: string;
  leaseMs?: number; // without a sign of life until another process takes over
}

export interface StreamMapping {
  /** Polls at once, since somebody has written; cheap enough for each write. */
  wake(): void;
  /** Lets a call under way finish, for a bounded time, and hands the stream over. */
  stop(): Promise<void>;
  /** Resolves when all that was written before is handled, by whichever process. */
  settled(): Promise<void>;
}

const STANDBY_POLL = 1000; // ms
const SETTLED_POLL = 10; // ms
const SETTLED_TRIES = 10; // the engine may be restarting
const STOP_WITHIN = 1000; // ms
const STEADY = 5000; // ms of reading after which a failure counts as the first again
const PAGE = 1000; // records

/**
 * Lambda's event source mapping for a DynamoDB stream, with ReportBatchItemFailures. From
 * TRIM_HORIZON on, each record comes at least once, each shard's in order and one batch at a time,
 * a parent's before its children's. Of several processes that do this for the same function one
 * reads, the others stand by. What a shard's reader knows of failed attempts ends with its process.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
export function startStreamMapping(config: StreamMappingConfig): StreamMapping {
  const { dynamodb, streams, tableName, leaseTableName, functionName, onError } = config;
  const { leaseMs = 10_000 } = config;
  const pulse = createPulse();
  const stopping = new AbortController();
  const { signal } = stopping;

  async function open() {
    await createTables(dynamodb, [Leases], () => leaseTableName);
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: tableName }));
    const streamArn = Table?.LatestStreamArn;
    if (streamArn === undefined) throw new Error(`table ${tableName} has no stream`);
    const source: Source = { streams, streamArn };
    const leases = leaseStore({
      dynamodb,
      tableName: leaseTableName,
      functionName,
      eventSourceArn: streamArn,
      leaseMs,
    });
    return { source, leases };
  }

  async function untilOurs(acquire: () => Promise<Lease | undefined>): Promise<Lease | undefined> {
    while (!signal.aborted) {
      const lease = await acquire();
      if (lease) return lease;
      await pauseFor(STANDBY_POLL, signal);
    }
    return undefined;
  }

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const { source, leases } = await open();
        const lease = await untilOurs(() => leases.acquire());
        if (!lease) return;
        const since = performance.now();
        try {
          await readStream({ source, lease, config, pulse, signal });
        } finally {
          if (performance.now() - since > STEADY) failures = 0;
          await lease.release();
        }
      } catch (error) {
        if (error instanceof LeaseLost) continue;
        if (failures++ === 0 && !signal.aborted) onError(error);
        await pauseFor(backoff(config, failures), signal);
      }
    }
  }

  async function settle(): Promise<void> {
    const { source, leases } = await open();
    const goals = new Map<string, string>();
    const before = await leases.checkpoints();
    for (const { ShardId: id = "" } of await listShards(source)) {
      if (before[id] === SHARD_END) continue;
      const tip = await lastOf(source, id, before[id]);
      if (tip !== undefined) goals.set(id, tip);
    }
    while (goals.size > 0) {
      if (signal.aborted) throw new Error("the mapping was stopped");
      const reached = await leases.checkpoints();
      for (const [id, goal] of goals) {
        const at = reached[id];
        if (at === SHARD_END || (at !== undefined && !isAfter(goal, at))) goals.delete(id);
      }
      if (goals.size > 0) await pauseFor(SETTLED_POLL, signal);
    }
  }

  async function settled(): Promise<void> {
    pulse.beat();
    for (let failures = 1; ; failures++) {
      try {
        return await settle();
      } catch (error) {
        if (signal.aborted || failures === SETTLED_TRIES) throw error;
        await pauseFor(backoff(config, failures), signal);
      }
    }
  }

  const running = run();
  return {
    wake: () => pulse.beat(),
    async stop() {
      stopping.abort();
      pulse.beat();
      const late = new AbortController();
      await Promise.race([running, pauseFor(STOP_WITHIN, late.signal)]);
      late.abort();
    },
    settled,
  };
}

/** The last record of a shard after the given one. */
async function lastOf(source: Source, shardId: string, after: string | undefined) {
  const shard = openShard(source, shardId);
  let last = after;
  for (;;) {
    const page = await shard.next(last, PAGE);
    last = page.records.at(-1)?.dynamodb.SequenceNumber ?? last;
    if (page.last || page.empty) return last === after ? undefined : last;
  }
}
