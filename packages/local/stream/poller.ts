/**
 * Polls the shards of a stream and invokes a function with their records, as long as this process
 * holds the lease. A shard is polled only after its parent has ended, so that changes of one item
 * arrive in order.
 */

import {
  ExpiredIteratorException,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from "@aws-sdk/client-dynamodb-streams";
import { setTimeout as sleep } from "node:timers/promises";
import { invoke, type LambdaHandler } from "@stockwire/gateway/lambda";
import { batchResult } from "../batch-item-failures.ts";
import { batches, processBatch, type Processing } from "./batch.ts";
import { type StreamDeadLetter, streamDeadLetter } from "./dead-letter.ts";
import { type Lease, LeaseLost, SHARD_END } from "./lease.ts";
import { isUnchanged, type StreamRecord } from "./record.ts";
import { listShards, openShard, type Source } from "./shard.ts";
import type { WakeSignal } from "./wake-signal.ts";

/**
 * How a stream is polled; names and meanings are those of Lambda's event source mappings.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
export interface PollerConfig {
  functionName: string;
  handler: LambdaHandler;
  timeoutMs: number; // of the function
  batchSize: number; // 1 to 10 000
  maximumRetryAttempts: number; // -1: until the record is too old
  bisectBatchOnFunctionError: boolean;
  maximumRecordAgeSeconds?: number;
  /** Event filtering: records for which it returns false count as processed. */
  filter?: (record: StreamRecord) => boolean;
  /** On-failure destination. While it throws, the shard waits and retries. */
  onDeadLetter: (letter: StreamDeadLetter) => void | Promise<void>;
  onError: (error: unknown) => void;
  pollMs?: number; // interval in the seconds after a record or a wake-up
  idlePollMs?: number; // interval otherwise
  retryMs?: number; // before the first retry; doubles with each
  now?: () => number; // epoch milliseconds
}

interface Polling {
  source: Source;
  lease: Lease;
  config: PollerConfig;
  wakeSignal: WakeSignal;
  /** Aborted when the mapping stops. */
  signal: AbortSignal;
}

const BUSY_FOR = 5000; // ms after the last record or wake-up
const MIN_INTERVAL = 10; // ms; however many wake-ups there are, at most 100 polls a second
/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html */
const MAX_RECORDS = 1000;
const MAX_PAUSE = 1000; // ms
const RELIST_AFTER = 1000; // ms
/** Four polls a second: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
const IDLE_POLL = 250; // ms

/** Returns once the signal is aborted. Throws LeaseLost, and any error that polling cannot survive. */
export async function pollStream(polling: Polling): Promise<void> {
  const { source, lease, wakeSignal } = polling;
  const ending = new AbortController(); // ends all shards as soon as one has failed
  const signal = AbortSignal.any([polling.signal, ending.signal]);
  const ended = new Set(
    Object.keys(lease.checkpoints).filter((id) => lease.checkpoints[id] === SHARD_END),
  );
  const polls = new Map<string, Promise<string>>();
  try {
    while (!signal.aborted) {
      const shards = await listShards(source);
      const listed = new Set(shards.map((shard) => shard.ShardId));
      for (const id of [...ended].filter((one) => !listed.has(one))) {
        await lease.deleteCheckpoint(id);
        ended.delete(id);
      }
      for (const { ShardId: id = "", ParentShardId: parent } of shards) {
        // A parent that is no longer listed has expired, and with it all its records.
        const waitsForParent = parent !== undefined && listed.has(parent) && !ended.has(parent);
        if (!waitsForParent && !ended.has(id) && !polls.has(id)) {
          polls.set(id, pollShard({ ...polling, signal }, id));
        }
      }
      if (polls.size === 0) {
        await pauseFor(RELIST_AFTER, signal); // the children of an ended shard may not be listed yet
      } else {
        const id = await Promise.race(polls.values());
        polls.delete(id);
        ended.add(id);
      }
    }
  } finally {
    ending.abort();
    wakeSignal.notify();
    await Promise.allSettled(polls.values());
  }
}

/** Resolves with the id of the shard once it has ended, or the signal is aborted. */
async function pollShard(polling: Polling, id: string): Promise<string> {
  const { source, lease, config, wakeSignal, signal } = polling;
  const { batchSize, pollMs = 100, idlePollMs = IDLE_POLL, onError } = config;
  const shard = openShard(source, id);
  let processed = lease.checkpoints[id];
  let failures = 0;
  let lastActive = performance.now();
  const checkpoint = async (sequenceNumber: string) => {
    await lease.checkpoint(id, sequenceNumber);
    processed = sequenceNumber;
  };
  const processing = processingOf(polling, id, checkpoint);
  const isWanted = filterOf(config);

  while (!signal.aborted) {
    if (!lease.isHeld()) throw new LeaseLost("the lease has expired");
    const startedAt = performance.now();
    const { count } = wakeSignal; // before the read: a wake-up during it must not be missed
    try {
      const { records, empty, last } = await shard.next(
        processed,
        Math.min(batchSize, MAX_RECORDS),
      );
      failures = 0;
      for (const batch of batches(records.filter(isWanted), batchSize)) {
        await processBatch(batch, processing);
      }
      // Records that the filter rejected are behind the checkpoint too.
      const reached = records.at(-1)?.dynamodb.SequenceNumber ?? processed;
      if (reached !== undefined && reached !== processed) await checkpoint(reached);
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
    const isBusy = performance.now() - lastActive < BUSY_FOR;
    await wakeSignal.wait(count, isBusy ? pollMs : idlePollMs);
    if (wakeSignal.count !== count) lastActive = performance.now();
    const rest = MIN_INTERVAL - (performance.now() - startedAt);
    if (rest > 0) await sleep(rest);
  }
  return id;
}

function processingOf(
  { source, lease, config, signal }: Polling,
  shardId: string,
  checkpoint: (sequenceNumber: string) => Promise<void>,
): Processing {
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
    checkpoint: (last) => checkpoint(last.dynamodb.SequenceNumber),
    async invoke(records) {
      if (signal.aborted) throw new Stopped();
      if (!lease.isHeld()) throw new LeaseLost("the lease has expired");
      const event = JSON.stringify({ Records: records });
      const invocation = await invoke(handler, functionName, event, timeoutMs);
      const batch = records.map((record) => record.dynamodb.SequenceNumber);
      const result = batchResult(invocation, batch);
      if ("error" in result) onError(result.error);
      return result;
    },
    async discard(records, condition, attempts, error) {
      const { streamArn } = source;
      const discarded = { records, condition, attempts, error, functionName, shardId, streamArn };
      const letter = streamDeadLetter({ ...discarded, now: now() });
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

/** If the filter throws, the record is passed to the function, which decides. */
function filterOf({ filter, onError }: PollerConfig): (record: StreamRecord) => boolean {
  return (record) => {
    if (isUnchanged(record)) return false;
    try {
      return filter?.(record) ?? true;
    } catch (error) {
      onError(error);
      return true;
    }
  };
}

/** The pause after this many consecutive failures, in milliseconds. */
export function backoff({ retryMs = 100 }: PollerConfig, failures: number): number {
  return Math.min(retryMs * 2 ** (failures - 1), MAX_PAUSE);
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Ends the processing of a batch because the mapping stops. */
class Stopped extends Error {}

/** Errors of normal operation, after which the shard reader takes a new iterator. */
function isExpected(error: unknown): boolean {
  return error instanceof ExpiredIteratorException || error instanceof TrimmedDataAccessException;
}
