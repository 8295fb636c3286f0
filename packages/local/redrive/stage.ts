/** The dead letters of a stage on AWS: two queues of SQS, and the bucket of failed batches. */

import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import {
  type DeadLetters,
  describeStreamLetter,
  type Letter,
  objectOf,
  sendRecords,
  streamLetter,
} from "./letter.ts";

/** Seconds in which other readers do not see a received letter, unless it is released earlier. */
const VISIBILITY = 900;
/** Seconds to wait for a message. A long poll asks all servers of SQS. */
const WAIT = 2;

/** Letters of the stream's or the delivery's queue of a stage. Throws if the queue does not exist. */
export async function stageDeadLetters(
  queue: "stream" | "delivery",
  stage: string,
  region: string,
): Promise<DeadLetters> {
  const sqs = new SQSClient({ region });
  const name = `stockwire-${stage}-${queue}-dead-letters`;
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
  const handles = new Map<string, string>(); // of letters that are left, by id
  const seen = new Set<string>();
  const content =
    queue === "stream" ? streamContent(stage, region) : deliveryContent(sqs, QueueUrl);

  async function* letters(): AsyncGenerator<Letter> {
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: VISIBILITY,
          WaitTimeSeconds: WAIT,
          MessageSystemAttributeNames: ["SentTimestamp"],
        }),
      );
      const fresh = Messages.filter(({ MessageId = "" }) => !seen.has(MessageId));
      for (const { MessageId = "", ReceiptHandle = "" } of Messages) {
        seen.add(MessageId);
        handles.set(MessageId, ReceiptHandle);
      }
      if (fresh.length === 0) return;
      for (const { MessageId: id = "", Body: body = "", Attributes } of fresh) {
        const sent = Attributes?.SentTimestamp;
        yield { id, body, sentAt: sent && new Date(Number(sent)).toISOString() };
      }
    }
  }

  return {
    ...content,
    letters,
    async count() {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: ["ApproximateNumberOfMessages"],
        }),
      );
      return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
    },
    async remove({ id }) {
      const ReceiptHandle = handles.get(id);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      handles.delete(id);
    },
    async release() {
      const left = [...handles.values()];
      for (let at = 0; at < left.length; at += 10) {
        const Entries = left.slice(at, at + 10).map((ReceiptHandle, index) => ({
          Id: String(index),
          ReceiptHandle,
          VisibilityTimeout: 0,
        }));
        await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      }
      handles.clear();
    },
  };
}

type Content = Pick<DeadLetters, "describe" | "send">;

/** Letters of the stream hold records, or name the object that holds them. */
function streamContent(stage: string, region: string): Content {
  const s3 = new S3Client({ region });
  const lambda = new LambdaClient({ region, requestHandler: { requestTimeout: 120_000 } });
  const read = async ({ body }: Letter) => {
    const object = objectOf(body);
    if (object === undefined) return streamLetter(body);
    const { bucket: Bucket, key: Key } = object;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return streamLetter((await Body?.transformToString()) ?? "");
  };
  return {
    describe: async (letter) => describeStreamLetter(await read(letter)),
    async send(letter) {
      await sendRecords(await read(letter), async (event) => {
        const FunctionName = `stockwire-${stage}-changes`;
        const { FunctionError, Payload } = await lambda.send(
          new InvokeCommand({ FunctionName, Qualifier: "live", Payload: JSON.stringify(event) }),
        );
        const answer = Buffer.from(Payload ?? []).toString();
        if (FunctionError !== undefined) throw new Error(`the function failed: ${answer}`);
        return JSON.parse(answer) as unknown;
      });
    },
  };
}

/** Letters of the delivery are messages of the queue in front of them. */
function deliveryContent(sqs: SQSClient, QueueUrl: string | undefined): Content {
  let source: string | undefined;
  return {
    describe: ({ body }) => Promise.resolve(`frames, ${Buffer.byteLength(body)} bytes`),
    async send({ body: MessageBody }) {
      if (source === undefined) {
        const command = new ListDeadLetterSourceQueuesCommand({ QueueUrl });
        [source] = (await sqs.send(command)).queueUrls ?? [];
        if (source === undefined) throw new Error("no queue sends its dead letters here");
      }
      await sqs.send(new SendMessageCommand({ QueueUrl: source, MessageBody }));
    },
  };
}
