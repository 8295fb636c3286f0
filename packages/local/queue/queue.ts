/**
 * A standard SQS queue together with the event source mapping that feeds a function from it. Messages
 * are delivered at least once, and to the dead-letter queue after too many receives. They are kept in
 * memory only and end with the process: only work that may be lost belongs in this queue.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { invoke, type LambdaHandler, MAX_PAYLOAD } from "@stockwire/gateway/lambda";
import { batchResult } from "../batch-item-failures.ts";

/** A queue and the function that it is mapped to; names and meanings are those of AWS. */
export interface QueueConfig {
  queueName: string;
  functionName: string;
  handler: LambdaHandler;
  timeoutMs: number; // of the function; at most the visibility timeout
  batchSize: number;
  /** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  maximumConcurrency: number;
  /**
   * How long a received message is invisible, which is also the pause before a failed one is retried.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
   */
  visibilityTimeoutMs: number;
  /**
   * A message that is received more often is a dead letter.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
   */
  maxReceiveCount: number;
  /** The dead-letter queue. While it throws, the message stays in the queue. */
  onDeadLetter: (letter: QueueDeadLetter) => void | Promise<void>;
  onError: (error: unknown) => void;
}

/**
 * A message in a Lambda event.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
 */
export interface SqsRecord {
  messageId: string;
  receiptHandle: string;
  body: string;
  attributes: {
    ApproximateReceiveCount: string;
    SentTimestamp: string; // epoch milliseconds
    SenderId: string;
    ApproximateFirstReceiveTimestamp: string; // epoch milliseconds
  };
  messageAttributes: Record<string, never>;
  md5OfBody: string;
  eventSource: "aws:sqs";
  eventSourceARN: string;
  awsRegion: string;
}

export interface QueueDeadLetter {
  timestamp: string;
  functionName: string;
  /** The function's last error. */
  errorMessage?: string;
  message: SqsRecord;
}

export interface Queue {
  readonly queueName: string;
  /** Throws if the queue has been stopped. */
  send(body: string, delayMs?: number): { messageId: string; md5OfBody: string };
  /** Resolves when the queue is empty: every message is processed or a dead letter. */
  drain(): Promise<void>;
  /** Waits a bounded time for invocations in progress. Messages that are left are lost. */
  stop(): Promise<void>;
}

interface Message {
  id: string;
  body: string;
  md5: string;
  sentAt: number; // epoch milliseconds
  firstReceivedAt?: number; // epoch milliseconds
  receiveCount: number;
  error?: string;
}

const REGION = "us-east-1";
const STOP_TIMEOUT = 1000; // ms

/**
 * Creates a queue and starts its mapping, with ReportBatchItemFailures. Throws RangeError if the
 * visibility timeout is shorter than the function's timeout, as Lambda does.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function createQueue(config: QueueConfig): Queue {
  const { queueName, functionName, handler, timeoutMs, visibilityTimeoutMs, onError } = config;
  if (visibilityTimeoutMs < timeoutMs) {
    throw new RangeError(
      `Queue visibility timeout: ${visibilityTimeoutMs} ms is less than Function timeout: ${timeoutMs} ms`,
    );
  }
  const messages = new Set<Message>(); // all, visible or not
  const timers = new Set<NodeJS.Timeout>(); // of the messages that are invisible
  const running = new Set<Promise<void>>();
  let visible: Message[] = [];
  let nextReceive: NodeJS.Immediate | undefined;
  let stopped = false;
  let drained = Promise.withResolvers<void>();

  // Deferred, so that messages sent one after another in this tick form a batch.
  const receiveSoon = () => {
    if (!stopped) nextReceive ??= setImmediate(receive);
  };

  const makeVisible = (...received: Message[]) => {
    visible.push(...received);
    receiveSoon();
  };

  /** Messages that failed together share a timer, so that they form a batch again. */
  const makeInvisible = (received: Message[], ms: number) => {
    if (stopped || received.length === 0) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      makeVisible(...received);
    }, ms);
    timers.add(timer);
  };

  const remove = (message: Message) => {
    messages.delete(message);
    if (messages.size > 0) return;
    drained.resolve();
    drained = Promise.withResolvers();
  };

  function receive(): void {
    nextReceive = undefined;
    while (visible.length > 0 && running.size < config.maximumConcurrency) {
      const work = processBatch(takeBatch()).finally(() => {
        running.delete(work);
        receiveSoon();
      });
      running.add(work);
    }
  }

  /** Takes messages up to the batch size, and as many as fit into the payload of one invocation. */
  function takeBatch(): Message[] {
    let bytes = 0;
    let count = 0;
    for (const message of visible.slice(0, config.batchSize)) {
      bytes += Buffer.byteLength(JSON.stringify(message.body)) + RECORD_OVERHEAD;
      if (count > 0 && bytes > MAX_PAYLOAD) break;
      count++;
    }
    const batch = visible.slice(0, count);
    visible = visible.slice(count);
    return batch;
  }

  async function processBatch(received: Message[]): Promise<void> {
    const receivedAt = performance.now();
    const remaining = () => Math.max(0, visibilityTimeoutMs - (performance.now() - receivedAt));
    for (const message of received) {
      message.receiveCount++;
      message.firstReceivedAt ??= Date.now();
    }
    const dead = received.filter((message) => message.receiveCount > config.maxReceiveCount);
    await Promise.all(
      dead.map((message) => sendDeadLetter(message, () => makeInvisible([message], remaining()))),
    );
    const batch = received.filter((message) => !dead.includes(message));
    if (batch.length === 0) return;

    const event = JSON.stringify({ Records: batch.map((message) => recordOf(queueName, message)) });
    const invocation = await invoke(handler, functionName, event, timeoutMs);
    const identifiers = batch.map((message) => message.id);
    const result = batchResult(invocation, identifiers);
    if ("error" in result) onError(result.error);
    const failed = batch.filter((message) => "error" in result || result.failed.has(message.id));
    for (const message of failed) {
      message.error = "error" in result ? String(result.error) : "reported as failed";
    }
    makeInvisible(failed, remaining());
    for (const message of batch) if (!failed.includes(message)) remove(message);
  }

  async function sendDeadLetter(message: Message, retryLater: () => void): Promise<void> {
    try {
      await config.onDeadLetter({
        timestamp: new Date().toISOString(),
        functionName,
        ...(message.error !== undefined && { errorMessage: message.error }),
        message: recordOf(queueName, message),
      });
      remove(message);
    } catch (error) {
      onError(error);
      retryLater();
    }
  }

  return {
    queueName,
    send(body, delayMs = 0) {
      const md5 = createHash("md5").update(body).digest("hex");
      const message = { id: randomUUID(), body, md5, sentAt: Date.now(), receiveCount: 0 };
      if (stopped) throw new Error(`the queue ${queueName} has been stopped`);
      messages.add(message);
      if (delayMs > 0) makeInvisible([message], delayMs);
      else makeVisible(message);
      return { messageId: message.id, md5OfBody: md5 };
    },
    drain: () => (messages.size === 0 ? Promise.resolve() : drained.promise),
    async stop() {
      stopped = true;
      clearImmediate(nextReceive);
      for (const timer of timers) clearTimeout(timer);
      const timeout = new AbortController();
      const limit = sleep(STOP_TIMEOUT, undefined, { signal: timeout.signal }).catch(
        () => undefined,
      );
      await Promise.race([Promise.all(running), limit]);
      timeout.abort();
    },
  };
}

function recordOf(queueName: string, message: Message): SqsRecord {
  return {
    messageId: message.id,
    receiptHandle: randomBytes(48).toString("base64"),
    body: message.body,
    attributes: {
      ApproximateReceiveCount: `${message.receiveCount}`,
      SentTimestamp: `${message.sentAt}`,
      SenderId: "local",
      ApproximateFirstReceiveTimestamp: `${message.firstReceivedAt ?? message.sentAt}`,
    },
    messageAttributes: {},
    md5OfBody: message.md5,
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:${REGION}:123456789012:${queueName}`,
    awsRegion: REGION,
  };
}

/** An upper bound of what a record adds to its body. */
const RECORD_OVERHEAD = 1024; // bytes
