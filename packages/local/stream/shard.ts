import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
  TrimmedDataAccessException,
} from "@aws-sdk/client-dynamodb-streams";
import { streamRecord, type StreamRecord } from "./record.ts";

export interface Source {
  streams: DynamoDBStreamsClient;
  streamArn: string;
}

export interface Page {
  records: StreamRecord[];
  /** Nothing was there, not even what had been read before. */
  empty: boolean;
  /** The shard is closed and this is its last page. */
  last: boolean;
}

const CALL_WITHIN = 10_000; // ms
const within = () => ({ abortSignal: AbortSignal.timeout(CALL_WITHIN) });

/** All shards that the stream has, open or closed. */
export async function listShards({ streams, streamArn }: Source): Promise<Shard[]> {
  const shards: Shard[] = [];
  let from: string | undefined;
  do {
    const command = new DescribeStreamCommand({
      StreamArn: streamArn,
      ...(from !== undefined && { ExclusiveStartShardId: from }),
    });
    const { StreamDescription } = await streams.send(command, within());
    shards.push(...(StreamDescription?.Shards ?? []));
    from = StreamDescription?.LastEvaluatedShardId;
  } while (from !== undefined);
  return shards;
}

/** A reader of one shard, who takes a new iterator whenever the old one will not do. */
export function openShard({ streams, streamArn }: Source, shardId: string) {
  let iterator: string | undefined;
  let at: string | undefined; // where the iterator stands
  let trimmed = false;

  async function newIterator(after: string | undefined): Promise<string | undefined> {
    const position =
      after === undefined || trimmed
        ? ({ ShardIteratorType: "TRIM_HORIZON" } as const)
        : ({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: after } as const);
    const command = new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ...position,
    });
    return (await streams.send(command, within())).ShardIterator;
  }

  return {
    /** Reads on after a record, from the beginning if there is none. */
    async next(after: string | undefined, limit: number): Promise<Page> {
      const known = at === after ? iterator : undefined;
      iterator = undefined; // not to be used again if this read fails
      try {
        const ShardIterator = known ?? (await newIterator(after));
        const command = new GetRecordsCommand({ ShardIterator, Limit: limit });
        const answer = await streams.send(command, within());
        const { Records = [] } = answer;
        const records = Records.map((record) => streamRecord(record, streamArn)).filter(
          ({ dynamodb }) => isAfter(dynamodb.SequenceNumber, after),
        );
        iterator = answer.NextShardIterator;
        at = records.at(-1)?.dynamodb.SequenceNumber ?? after;
        trimmed = false;
        return { records, empty: Records.length === 0, last: iterator === undefined };
      } catch (error) {
        // What was read last is older than all that is kept. DynamoDB Local also says so of an
        // iterator from before the first record.
        trimmed = error instanceof TrimmedDataAccessException;
        throw error;
      }
    },
  };
}

/** Sequence numbers are decimals of any length. */
export function isAfter(sequenceNumber: string, other: string | undefined): boolean {
  return other === undefined || BigInt(sequenceNumber) > BigInt(other);
}
