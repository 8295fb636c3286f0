/** The SQS queue for deliveries to more connections than one invocation sends to. */

import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Delivery } from "@stockwire/core/live/fan-out";
import { config } from "../runtime.ts";

const { DELIVERY_QUEUE_URL: QueueUrl } = config;
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
const BATCH = 10; // messages
const BATCH_BYTES = 256 * 1024;

export const createSqsClient = (): SQSClient =>
  new SQSClient({
    region: config.AWS_REGION,
    ...(config.AWS_ENDPOINT_URL_SQS && { endpoint: config.AWS_ENDPOINT_URL_SQS }),
    maxAttempts: 3,
  });

const sqs = QueueUrl === undefined ? undefined : createSqsClient();

/** Sends deliveries to the queue, each as a message; undefined if no queue is configured. */
export const enqueue =
  sqs &&
  (async (deliveries: readonly Delivery[]): Promise<void> => {
    for (const batch of batches(deliveries.map((delivery) => JSON.stringify(delivery)))) {
      const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed.length > 0)
        throw new Error(`${Failed.length} deliveries were not accepted by the queue`);
    }
  });

function* batches(bodies: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (batch.length === BATCH || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
