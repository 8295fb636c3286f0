/**
 * Lambda's event source mapping for a DynamoDB stream: it polls the stream and invokes a function with
 * batches of records. It starts at TRIM_HORIZON and understands ReportBatchItemFailures. Every record
 * is delivered at least once; records of a shard in order and one batch at a time; records of a parent
 * shard before those of its children. If several processes run the same mapping, one reads and the
 * others stand by.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */

import { DescribeTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { createTables } from "../engine/tables.ts";
import { type Lease, LeaseLost, Leases, leaseStore, SHARD_END } from "./lease.ts";
import { backoff, pauseFor, type PollerConfig, pollStream } from "./poller.ts";
import { isAfter, listShards, openShard, type Source } from "./shard.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** Which stream to poll, and how. */
export interface StreamMappingConfig extends PollerConfig {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  /** The table whose stream is polled. If it does not exist yet, the mapping waits for it. */
  tableName: string;
  /** The table of leases and checkpoints. It is created if missing; several mappings can share it. */
  leaseTableName: string;
  leaseMs?: number; // without a renewal, after which another process takes over
}

/** A running mapping. */
export interface StreamMapping {
  /** Polls immediately. Cheap enough to be called after each write of this process. */
  wake(): void;
  /** Waits a bounded time for an invocation in progress, and releases the lease. */
  stop(): Promise<void>;
  /** Resolves when all records written before the call are processed, by whichever process. */
  settled(): Promise<void>;
}

const STANDBY_INTERVAL = 1000; // ms
const SETTLED_INTERVAL = 10; // ms
const SETTLED_ATTEMPTS = 10; // the engine may be restarting
const STOP_TIMEOUT = 1000; // ms
const STABLE_AFTER = 5000; // ms of polling, after which the backoff begins from its start
const MAX_RECORDS = 1000;

/**
 * Starts a mapping. It retries after all errors, and reports the first of consecutive ones to
 * `onError`. The number of failed attempts of a batch is kept in memory, so it begins at zero in
 * another process.
 */
export function startStreamMapping(config: StreamMappingConfig): StreamMapping {
  const { dynamodb, streams, tableName, leaseTableName, functionName, onError } = config;
  const { leaseMs = 10_000 } = config;
  const wakeSignal = createWakeSignal();
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

  async function standBy(acquire: () => Promise<Lease | undefined>): Promise<Lease | undefined> {
    while (!signal.aborted) {
      const lease = await acquire();
      if (lease) return lease;
      await pauseFor(STANDBY_INTERVAL, signal);
    }
    return undefined;
  }

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const { source, leases } = await open();
        const lease = await standBy(() => leases.acquire());
        if (!lease) return;
        const startedAt = performance.now();
        try {
          await pollStream({ source, lease, config, wakeSignal, signal });
        } finally {
          if (performance.now() - startedAt > STABLE_AFTER) failures = 0;
          await lease.release();
        }
      } catch (error) {
        if (error instanceof LeaseLost) continue;
        if (failures++ === 0 && !signal.aborted) onError(error);
        await pauseFor(backoff(config, failures), signal);
      }
    }
  }

  /** Notes the last record of each shard, and waits until the checkpoints have reached them. */
  async function waitUntilSettled(): Promise<void> {
    const { source, leases } = await open();
    const targets = new Map<string, string>();
    const before = await leases.checkpoints();
    for (const { ShardId: id = "" } of await listShards(source)) {
      if (before[id] === SHARD_END) continue;
      const target = await lastSequenceNumber(source, id, before[id]);
      if (target !== undefined) targets.set(id, target);
    }
    while (targets.size > 0) {
      if (signal.aborted) throw new Error("the mapping was stopped");
      const checkpoints = await leases.checkpoints();
      for (const [id, target] of targets) {
        const reached = checkpoints[id];
        if (reached === SHARD_END || (reached !== undefined && !isAfter(target, reached))) {
          targets.delete(id);
        }
      }
      if (targets.size > 0) await pauseFor(SETTLED_INTERVAL, signal);
    }
  }

  async function settled(): Promise<void> {
    wakeSignal.notify();
    for (let failures = 1; ; failures++) {
      try {
        return await waitUntilSettled();
      } catch (error) {
        if (signal.aborted || failures === SETTLED_ATTEMPTS) throw error;
        await pauseFor(backoff(config, failures), signal);
      }
    }
  }

  const running = run();
  return {
    wake: () => wakeSignal.notify(),
    async stop() {
      stopping.abort();
      wakeSignal.notify();
      const timeout = new AbortController();
      await Promise.race([running, pauseFor(STOP_TIMEOUT, timeout.signal)]);
      timeout.abort();
    },
    settled,
  };
}

/** The sequence number of the shard's last record; undefined if there is none after the given one. */
async function lastSequenceNumber(source: Source, shardId: string, after: string | undefined) {
  const shard = openShard(source, shardId);
  let last = after;
  for (;;) {
    const page = await shard.next(last, MAX_RECORDS);
    last = page.records.at(-1)?.dynamodb.SequenceNumber ?? last;
    if (page.last || page.empty) return last === after ? undefined : last;
  }
}
