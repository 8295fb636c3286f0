import { createHash, randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { batchResult } from "../batch-response.ts";
import { invoke, type LambdaHandler, MAX_PAYLOAD } from "@stockwire/gateway/lambda";

/** A queue, and the function that it is mapped to; names and meanings are AWS's own. */
export interface QueueConfig {
  queueName: string;
  functionName: string;
  handler: LambdaHandler;
  timeoutMs: number; // of the function; at most the visibility timeout
  batchSize: number;
  maximumConcurrency: number;
  visibilityTimeoutMs: number; // also the pause before a failed message comes again
  maxReceiveCount: number;
  /** Where a message goes after that; while this throws, the message is kept. */
  onDeadLetter: (letter: QueueDeadLetter) => void | Promise<void>;
  onError: (error: unknown) => void;
}

/** A message as Lambda hands it to a function. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
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
  /** What the function said last. */
  errorMessage?: string;
  message: SqsRecord;
}

export interface Queue {
  readonly queueName: string;
  send(body: string, delayMs?: number): { messageId: string; md5OfBody: string };
  /** Resolves when no message is left, be it handled or given up. */
  drain(): Promise<void>;
  /** Lets calls under way finish, for a bounded time; what is left is gone. */
  stop(): Promise<void>;
}

interface Message {
  id: string;
  body: string;
  md5: string;
  sent: number; // epoch milliseconds
  firstReceived?: number; // epoch milliseconds
  receiveCount: number;
  error?: string;
}

const REGION = "us-east-1";
const STOP_WITHIN = 1000; // ms

/**
 * A standard queue of SQS with Lambda's event source mapping and ReportBatchItemFailures. Messages
 * are kept in memory only: they end with their process, so nothing may depend on them that its
 * sender could not do without.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function createQueue(config: QueueConfig): Queue {
  const { queueName, functionName, handler, timeoutMs, visibilityTimeoutMs, onError } = config;
  if (visibilityTimeoutMs < timeoutMs) {
    throw new RangeError(
      `Queue visibility timeout: ${visibilityTimeoutMs} ms is less than Function timeout: ${timeoutMs} ms`,
    );
  }
  const kept = new Set<Message>();
  const hidden = new Map<Message, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let visible: Message[] = [];
  let due: NodeJS.Immediate | undefined;
  let stopped = false;
  let drained = Promise.withResolvers<void>();

  // Not at once: messages that are sent together are received together.
  const soon = () => {
    if (!stopped) due ??= setImmediate(receive);
  };

  const show = (message: Message) => {
    hidden.delete(message);
    visible.push(message);
    soon();
  };

  const hide = (message: Message, ms: number) => {
    if (!stopped) hidden.set(message, setTimeout(show, ms, message));
  };

  const remove = (message: Message) => {
    kept.delete(message);
    if (kept.size > 0) return;
    drained.resolve();
    drained = Promise.withResolvers();
  };

  function receive(): void {
    due = undefined;
    while (visible.length > 0 && running.size < config.maximumConcurrency) {
      const work = handle(takeBatch()).finally(() => {
        running.delete(work);
        soon();
      });
      running.add(work);
    }
  }

  function takeBatch(): Message[] {
    let bytes = 0;
    let count = 0;
    for (const message of visible.slice(0, config.batchSize)) {
      bytes += Buffer.byteLength(JSON.stringify(message.body)) + ENVELOPE;
      if (count > 0 && bytes > MAX_PAYLOAD) break;
      count++;
    }
    const batch = visible.slice(0, count);
    visible = visible.slice(count);
    return batch;
  }

  async function handle(received: Message[]): Promise<void> {
    const began = performance.now();
    const restOf = () => Math.max(0, visibilityTimeoutMs - (performance.now() - began));
    const again = (message: Message) => hide(message, restOf());
    for (const message of received) {
      message.receiveCount++;
      message.firstReceived ??= Date.now();
    }
    const over = received.filter((message) => message.receiveCount > config.maxReceiveCount);
    await Promise.all(over.map((message) => bury(message, again)));
    const batch = received.filter((message) => !over.includes(message));
    if (batch.length === 0) return;

    const event = JSON.stringify({ Records: batch.map((message) => recordOf(queueName, message)) });
    const invocation = await invoke(handler, functionName, event, timeoutMs);
    const identifiers = batch.map((message) => message.id);
    const result = batchResult(invocation, identifiers);
    if ("error" in result) onError(result.error);
    const rest = restOf(); // the same for all, so that they come again together
    for (const message of batch) {
      if ("failed" in result && !result.failed.has(message.id)) remove(message);
      else {
        message.error = "error" in result ? String(result.error) : "reported as failed";
        hide(message, rest);
      }
    }
  }

  async function bury(message: Message, again: (message: Message) => void): Promise<void> {
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
      again(message);
    }
  }

  return {
    queueName,
    send(body, delayMs = 0) {
      const md5 = createHash("md5").update(body).digest("hex");
      const message = { id: randomUUID(), body, md5, sent: Date.now(), receiveCount: 0 };
      if (stopped) throw new Error(`the queue ${queueName} has been stopped`);
      kept.add(message);
      if (delayMs > 0) hide(message, delayMs);
      else show(message);
      return { messageId: message.id, md5OfBody: md5 };
    },
    drain: () => (kept.size === 0 ? Promise.resolve() : drained.promise),
    async stop() {
      stopped = true;
      clearImmediate(due);
      for (const timer of hidden.values()) clearTimeout(timer);
      const late = new AbortController();
      const limit = sleep(STOP_WITHIN, undefined, { signal: late.signal }).catch(() => undefined);
      await Promise.race([Promise.all(running), limit]);
      late.abort();
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
      SentTimestamp: `${message.sent}`,
      SenderId: "local",
      ApproximateFirstReceiveTimestamp: `${message.firstReceived ?? message.sent}`,
    },
    messageAttributes: {},
    md5OfBody: message.md5,
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:${REGION}:123456789012:${queueName}`,
    awsRegion: REGION,
  };
}

const ENVELOPE = 1024; // bytes; more than a record has beside its body
