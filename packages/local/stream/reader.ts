import {
  ExpiredIteratorException,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from "@aws-sdk/client-dynamodb-streams";
import { setTimeout as sleep } from "node:timers/promises";
import { batchResult } from "../batch-response.ts";
import { invoke, type LambdaHandler } from "@stockwire/gateway/lambda";
import type { Pulse } from "./pulse.ts";
import { batches, deliver, type Delivery } from "./batch.ts";
import { type StreamDeadLetter, streamDeadLetter } from "./dead-letter.ts";
import { type Lease, LeaseLost, SHARD_END } from "./lease.ts";
import { changesNothing, type StreamRecord } from "./record.ts";
import { listShards, openShard, type Source } from "./shard.ts";

/** How a stream is fed to a function; names and meanings are AWS's own. */
export interface ReaderConfig {
  functionName: string;
  handler: LambdaHandler;
  timeoutMs: number; // of the function
  batchSize: number; // 1 to 10 000
  maximumRetryAttempts: number; // -1: until the record is too old
  bisectBatchOnFunctionError: boolean;
  maximumRecordAgeSeconds?: number;
  /** Event filtering: records that it turns down count as handled. */
  filter?: (record: StreamRecord) => boolean;
  /** On-failure destination; while it throws, the shard waits. */
  onDeadLetter: (letter: StreamDeadLetter) => void | Promise<void>;
  onError: (error: unknown) => void;
  pollMs?: number; // after a record or a wake
  idlePollMs?: number; // when nothing has come for a while
  retryMs?: number; // before the first retry; doubles with each
  now?: () => number; // epoch milliseconds
}

interface Reading {
  source: Source;
  lease: Lease;
  config: ReaderConfig;
  pulse: Pulse;
  /** Aborted when the mapping stops. */
  signal: AbortSignal;
}

const BUSY_FOR = 5000; // ms
const POLL_GAP = 10; // ms; many wakes make no more than 100 polls a second
const PAGE = 1000; // records; the most that GetRecords gives
const MAX_PAUSE = 1000; // ms
const CHILDREN_AFTER = 1000; // ms

/** Ends when the signal says so; throws LeaseLost, and whatever keeps it from reading on. */
export async function readStream(reading: Reading): Promise<void> {
  const { source, lease, pulse } = reading;
  const over = new AbortController();
  const signal = AbortSignal.any([reading.signal, over.signal]);
  const ended = new Set(
    Object.keys(lease.checkpoints).filter((id) => lease.checkpoints[id] === SHARD_END),
  );
  const reads = new Map<string, Promise<string>>();
  try {
    while (!signal.aborted) {
      const shards = await listShards(source);
      const listed = new Set(shards.map((shard) => shard.ShardId));
      for (const id of [...ended].filter((one) => !listed.has(one))) {
        await lease.forget(id);
        ended.delete(id);
      }
      for (const { ShardId: id = "", ParentShardId: parent } of shards) {
        const early = parent !== undefined && listed.has(parent) && !ended.has(parent);
        if (!early && !ended.has(id) && !reads.has(id)) {
          reads.set(id, readShard({ ...reading, signal }, id));
        }
      }
      if (reads.size === 0) {
        await pauseFor(CHILDREN_AFTER, signal); // those of a closed shard may not be listed yet
      } else {
        const id = await Promise.race(reads.values());
        reads.delete(id);
        ended.add(id);
      }
    }
  } finally {
    over.abort();
    pulse.beat();
    await Promise.allSettled(reads.values());
  }
}

/** Gives the id of the shard when it has been read to its end, or the signal ends it. */
async function readShard(reading: Reading, id: string): Promise<string> {
  const { source, lease, config, pulse, signal } = reading;
  const { batchSize, pollMs = 100, idlePollMs = 250, onError } = config;
  const shard = openShard(source, id);
  let done = lease.checkpoints[id];
  let failures = 0;
  let lastActive = performance.now();
  const checkpoint = async (sequenceNumber: string) => {
    await lease.checkpoint(id, sequenceNumber);
    done = sequenceNumber;
  };
  const delivery = deliveryOf(reading, id, checkpoint);
  const wanted = wantedBy(config);

  while (!signal.aborted) {
    if (!lease.isHeld()) throw new LeaseLost("the lease ran out");
    const began = performance.now();
    const { count } = pulse;
    try {
      const { records, empty, last } = await shard.next(done, Math.min(batchSize, PAGE));
      failures = 0;
      for (const batch of batches(records.filter(wanted), batchSize)) {
        await deliver(batch, delivery);
      }
      const reached = records.at(-1)?.dynamodb.SequenceNumber ?? done;
      if (reached !== undefined && reached !== done) await checkpoint(reached);
      if (last) {
        await lease.checkpoint(id, SHARD_END);
        return id;
      }
      if (!empty) {
        lastActive = performance.now();
        continue;
      }
    } catch (error) {
      if (error instanceof Stopped) return id;
      if (error instanceof LeaseLost || error instanceof ResourceNotFoundException) throw error;
      if (failures++ === 0 && !isExpected(error)) onError(error);
      await pauseFor(backoff(config, failures), signal);
      continue;
    }
    const busy = performance.now() - lastActive < BUSY_FOR;
    await pulse.wait(count, busy ? pollMs : idlePollMs);
    if (pulse.count !== count) lastActive = performance.now();
    const gap = POLL_GAP - (performance.now() - began);
    if (gap > 0) await sleep(gap);
  }
  return id;
}

function deliveryOf(
  { source, lease, config, signal }: Reading,
  shardId: string,
  checkpoint: (sequenceNumber: string) => Promise<void>,
): Delivery {
  const { handler, functionName, timeoutMs, onError, now = Date.now } = config;
  const pause = async (failures: number) => {
    await pauseFor(backoff(config, failures), signal);
    if (signal.aborted) throw new Stopped();
  };
  return {
    maximumRetryAttempts: config.maximumRetryAttempts,
    maximumRecordAgeSeconds: config.maximumRecordAgeSeconds ?? -1,
    bisectBatchOnFunctionError: config.bisectBatchOnFunctionError,
    now,
    pause,
    done: (last) => checkpoint(last.dynamodb.SequenceNumber),
    async invoke(records) {
      if (signal.aborted) throw new Stopped();
      if (!lease.isHeld()) throw new LeaseLost("the lease ran out");
      const event = JSON.stringify({ Records: records });
      const invocation = await invoke(handler, functionName, event, timeoutMs);
      const batch = records.map((record) => record.dynamodb.SequenceNumber);
      const result = batchResult(invocation, batch);
      if ("error" in result) onError(result.error);
      return result;
    },
    async discard(records, condition, attempts, error) {
      const { streamArn } = source;
      const given = { records, condition, attempts, error, functionName, shardId, streamArn };
      const letter = streamDeadLetter({ ...given, now: now() });
      for (let failures = 1; ; failures++) {
        try {
          return await config.onDeadLetter(letter);
        } catch (cause) {
          onError(cause);
          await pause(failures);
        }
      }
    },
  };
}

/** A filter that fails lets its record through, for the function to judge. */
function wantedBy({ filter, onError }: ReaderConfig): (record: StreamRecord) => boolean {
  return (record) => {
    if (changesNothing(record)) return false;
    try {
      return filter?.(record) ?? true;
    } catch (error) {
      onError(error);
      return true;
    }
  };
}

/** How long to wait after so many failures in a row, in milliseconds. */
export function backoff({ retryMs = 100 }: ReaderConfig, failures: number): number {
  return Math.min(retryMs * 2 ** (failures - 1), MAX_PAUSE);
}

/** Sleeps for some milliseconds, or until the signal. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

class Stopped extends Error {}

function isExpected(error: unknown): boolean {
  return error instanceof ExpiredIteratorException || error instanceof TrimmedDataAccessException;
}
