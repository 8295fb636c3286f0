/**
 * Reads the shards of a stream page by page. Callers name the sequence number to continue after, and
 * never see a shard iterator: iterators expire after 15 minutes and are replaced here.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html
 */

import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
  TrimmedDataAccessException,
} from "@aws-sdk/client-dynamodb-streams";
import { streamRecord, type StreamRecord } from "./record.ts";

/** A stream, and the client that reads it. */
export interface Source {
  streams: DynamoDBStreamsClient;
  streamArn: string;
}

/** The result of one GetRecords call. */
export interface Page {
  records: StreamRecord[];
  /** The call returned no record at all, not even one that the caller has already seen. */
  empty: boolean;
  /** The shard is closed and this is its last page. */
  last: boolean;
}

const CALL_TIMEOUT = 10_000; // ms
const withTimeout = () => ({ abortSignal: AbortSignal.timeout(CALL_TIMEOUT) });

/**
 * All shards of the stream, open and closed.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html
 */
export async function listShards({ streams, streamArn }: Source): Promise<Shard[]> {
  const shards: Shard[] = [];
  let startId: string | undefined;
  do {
    const command = new DescribeStreamCommand({
      StreamArn: streamArn,
      ...(startId !== undefined && { ExclusiveStartShardId: startId }),
    });
    const { StreamDescription } = await streams.send(command, withTimeout());
    shards.push(...(StreamDescription?.Shards ?? []));
    startId = StreamDescription?.LastEvaluatedShardId;
  } while (startId !== undefined);
  return shards;
}

/** A reader of one shard. */
export function openShard({ streams, streamArn }: Source, shardId: string) {
  let iterator: string | undefined;
  let iteratorAfter: string | undefined; // the sequence number that `iterator` continues after
  let trimmed = false;

  async function newIterator(after: string | undefined): Promise<string | undefined> {
    const type =
      after === undefined || trimmed
        ? ({ ShardIteratorType: "TRIM_HORIZON" } as const)
        : ({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: after } as const);
    const command = new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ...type,
    });
    return (await streams.send(command, withTimeout())).ShardIterator;
  }

  return {
    /**
     * The page after a sequence number, or the first page if that is undefined. After an error the
     * same call can be repeated, and continues with a new iterator.
     */
    async next(after: string | undefined, limit: number): Promise<Page> {
      const known = iteratorAfter === after ? iterator : undefined;
      iterator = undefined; // if this call fails, the iterator is not used again
      try {
        const ShardIterator = known ?? (await newIterator(after));
        const command = new GetRecordsCommand({ ShardIterator, Limit: limit });
        const answer = await streams.send(command, withTimeout());
        const { Records = [] } = answer;
        const records = Records.map((record) => streamRecord(record, streamArn)).filter(
          ({ dynamodb }) => isAfter(dynamodb.SequenceNumber, after),
        );
        iterator = answer.NextShardIterator;
        iteratorAfter = records.at(-1)?.dynamodb.SequenceNumber ?? after;
        trimmed = false;
        return { records, empty: Records.length === 0, last: iterator === undefined };
      } catch (error) {
        // The record to continue after has expired, so continue with the oldest one. DynamoDB Local
        // throws this also for an iterator that is older than the first record.
        trimmed = error instanceof TrimmedDataAccessException;
        throw error;
      }
    },
  };
}

/** Compares sequence numbers, which are decimal numbers of any length. */
export function isAfter(sequenceNumber: string, other: string | undefined): boolean {
  return other === undefined || BigInt(sequenceNumber) > BigInt(other);
}
