import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Delivery } from "@stockwire/core/live/fan-out";
import { config } from "../runtime.ts";

/** The queue for what is for more connections than one call of a function posts to. */

const { DELIVERY_QUEUE_URL: QueueUrl } = config;
const BATCH = 10; // messages; SQS takes no more at once
const BATCH_BYTES = 256 * 1024;

const sqs =
  QueueUrl === undefined
    ? undefined
    : new SQSClient({
        region: config.AWS_REGION,
        ...(config.AWS_ENDPOINT_URL_SQS && { endpoint: config.AWS_ENDPOINT_URL_SQS }),
        maxAttempts: 3,
      });

/** Hands parcels to the queue, each as a message; none without a queue. */
export const enqueue =
  sqs &&
  (async (parcels: readonly Delivery[]): Promise<void> => {
    for (const batch of batches(parcels.map((parcel) => JSON.stringify(parcel)))) {
      const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed.length > 0) throw new Error(`${Failed.length} parcels were not taken`);
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
