/**
 * Sends messages to an SQS queue.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
 */

import { hash } from "node:crypto";
import { type Credentials, openEndpoint } from "./client.ts";
import { read } from "./reply.ts";
import { createRepeat } from "./retry.ts";

export interface QueueOptions {
  /** The URL that names the queue. */
  url: string;
  region: string;
  /** By default the host of the URL. */
  endpoint?: string | undefined;
  credentials?: Credentials;
}

export interface Queue {
  /** Sends a message, which arrives after `delay` seconds. Rejects with SQS's error by its name. */
  send(body: string, delay?: number): Promise<void>;
  /**
   * Sends up to 10 messages. Resolves to the number of those that SQS does not say to have accepted: it
   * has refused them, or its reply leaves them out.
   */
  sendBatch(bodies: readonly string[]): Promise<number>;
}

interface Sent {
  Id?: string;
  MD5OfMessageBody?: string;
}

const ATTEMPTS = 3;
const TIMEOUT = 2_000; // ms
const MAX_SOCKETS = 50;

/** Opens a queue. Nothing is connected before the first message. */
export function openQueue({ url, region, endpoint, credentials }: QueueOptions): Queue {
  const to = endpoint === undefined ? new URL("/", url) : new URL(endpoint);
  const { send } = openEndpoint({
    url: to,
    region,
    service: "sqs",
    credentials,
    maxSockets: MAX_SOCKETS,
    timeout: TIMEOUT,
  });
  const path = to.pathname.replace(/\/?$/, "/");
  const repeat = createRepeat(ATTEMPTS);
  const call = (operation: string, input: object) =>
    repeat(async () => {
      const headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${operation}`,
      };
      const body = JSON.stringify({ QueueUrl: url, ...input });
      return read(await send({ method: "POST", path, headers, body }));
    });
  return {
    async send(body, delay) {
      const input = { MessageBody: body, ...(delay !== undefined && { DelaySeconds: delay }) };
      verify(body, (await call("SendMessage", input)) as Sent);
    },
    async sendBatch(bodies) {
      const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Successful = [] } = (await call("SendMessageBatch", { Entries })) as {
        Successful?: Sent[];
      };
      const accepted = new Map(Successful.map((sent) => [sent.Id, sent]));
      return Entries.filter(({ Id, MessageBody }) => {
        const sent = accepted.get(Id);
        if (sent) verify(MessageBody, sent);
        return sent === undefined;
      }).length;
    },
  };
}

/** SQS returns the MD5 of what it has stored. */
function verify(body: string, { MD5OfMessageBody }: Sent): void {
  if (hash("md5", body) !== MD5OfMessageBody) {
    throw new Error("the queue has stored another message than was sent");
  }
}
