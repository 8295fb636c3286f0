/**
 * The HTTP endpoint of SQS, for SDK clients of this machine: SendMessage and SendMessageBatch in
 * AWS's JSON protocol. It checks no credentials, so it refuses other machines and web pages. A
 * parameter that is not emulated is refused, not ignored.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { MAX_BODY, readBody } from "@stockwire/gateway/body";
import { isRecord } from "@stockwire/gateway/json";
import type { Queue } from "./queue.ts";

/** The path of the endpoint. An SDK uses it if AWS_ENDPOINT_URL_SQS is the origin and this path. */
export const SQS_PATH = "/_sqs";

const ACCOUNT = "123456789012";
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const MAX_MESSAGE = 1024 * 1024; // bytes, of one message and of all messages in a batch together
const MAX_ENTRIES = 10;
const MAX_DELAY = 900; // seconds
const NOT_EMULATED = [
  "MessageAttributes",
  "MessageSystemAttributes",
  "MessageDeduplicationId",
  "MessageGroupId",
];

interface Sqs {
  /** The QueueUrl of a queue at this origin. */
  urlOf(queueName: string, origin: string): string;
  /** Answers requests below SQS_PATH. Returns false, and touches nothing, for any other path. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
}

/**
 * An error with SQS's own code and message. `query` is the code of the older query protocol, which
 * clients read from the header x-amzn-query-error.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html
 */
class SqsError extends Error {
  readonly code: string;
  readonly query: string;
  constructor(code: string, message: string, query = code) {
    super(message);
    this.code = code;
    this.query = query;
  }
}

/**
 * Serves the queues over HTTP.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export function createSqs(queues: readonly Queue[]): Sqs {
  const byPath = new Map(queues.map((queue) => [pathOf(queue.queueName), queue]));

  const queueAt = (QueueUrl: unknown): Queue => {
    const path =
      typeof QueueUrl === "string" && URL.canParse(QueueUrl) ? new URL(QueueUrl).pathname : "";
    const queue = byPath.get(path);
    if (queue) return queue;
    throw new SqsError(
      "QueueDoesNotExist",
      "The specified queue does not exist.",
      "AWS.SimpleQueueService.NonExistentQueue",
    );
  };

  const operations: Record<string, (input: Record<string, unknown>) => object> = {
    "AmazonSQS.SendMessage": (input) => send(queueAt(input["QueueUrl"]), input),
    "AmazonSQS.SendMessageBatch": (input) =>
      sendBatch(queueAt(input["QueueUrl"]), input["Entries"]),
  };

  async function respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = String(req.headers["x-amz-target"]);
    const operation = Object.hasOwn(operations, target) ? operations[target] : undefined;
    const isJson = req.headers["content-type"] === "application/x-amz-json-1.0";
    if (req.method !== "POST" || !operation || !isJson) {
      return fail(res, new SqsError("UnsupportedOperation", `Unknown operation ${target}`));
    }
    const body = await readBody(req, MAX_BODY);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") {
      return fail(res, new SqsError("RequestTooLong", "The request is too long."));
    }
    try {
      answer(res, 200, operation(parse(body.bytes)));
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      fail(res, error);
    }
    return undefined;
  }

  return {
    urlOf: (queueName, origin) => origin + pathOf(queueName),
    handle(req, res) {
      const [path = ""] = (req.url ?? "").split("?", 1);
      if (path !== SQS_PATH && !path.startsWith(`${SQS_PATH}/`)) return false;
      // Browsers send Origin with every POST, SDKs never.
      if (!isLoopback(req.socket.remoteAddress) || req.headers.origin !== undefined) {
        answer(res, 403, { __type: "com.amazonaws.sqs#AccessDenied", message: "Access denied." });
      } else {
        respond(req, res).catch(() => res.destroy());
      }
      return true;
    },
  };
}

function send(queue: Queue, input: Record<string, unknown>): object {
  const { body, delay } = validated(input);
  const { messageId, md5OfBody } = queue.send(body, delay * 1000);
  return { MessageId: messageId, MD5OfMessageBody: md5OfBody };
}

/** Refuses a malformed batch as a whole; otherwise each entry succeeds or fails by itself. */
function sendBatch(queue: Queue, value: unknown): object {
  const entries = Array.isArray(value) ? value.filter(isRecord) : [];
  if (entries.length === 0) {
    throw new SqsError(
      "EmptyBatchRequest",
      "There should be at least one SendMessageBatchRequestEntry in the request.",
      "AWS.SimpleQueueService.EmptyBatchRequest",
    );
  }
  if (entries.length > MAX_ENTRIES) {
    throw new SqsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    );
  }
  const seen = new Set<unknown>();
  let bytes = 0;
  for (const { Id, MessageBody } of entries) {
    if (typeof Id !== "string" || !/^[\w-]{1,80}$/.test(Id)) {
      throw new SqsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        "AWS.SimpleQueueService.InvalidBatchEntryId",
      );
    }
    if (seen.has(Id)) {
      throw new SqsError(
        "BatchEntryIdsNotDistinct",
        `Id ${Id} repeated.`,
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
      );
    }
    seen.add(Id);
    bytes += typeof MessageBody === "string" ? Buffer.byteLength(MessageBody) : 0;
  }
  if (bytes > MAX_MESSAGE) {
    throw new SqsError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MAX_MESSAGE} bytes. You have sent ${bytes} bytes.`,
      "AWS.SimpleQueueService.BatchRequestTooLong",
    );
  }
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries) {
    const { Id } = entry;
    try {
      Successful.push({ Id, ...send(queue, entry) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      Failed.push({ Id, SenderFault: true, Code: error.query, Message: error.message });
    }
  }
  return { Successful, ...(Failed.length > 0 && { Failed }) };
}

// The characters of XML 1.0, which are those that SQS accepts:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
const ALLOWED = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

function validated(input: Record<string, unknown>): { body: string; delay: number } {
  const { MessageBody: body, DelaySeconds: delay = 0 } = input;
  for (const name of NOT_EMULATED) {
    const value = input[name];
    if (value !== undefined && !(isRecord(value) && Object.keys(value).length === 0)) {
      throw new SqsError("UnsupportedOperation", `${name} is not emulated.`);
    }
  }
  if (typeof body !== "string" || body === "") {
    throw new SqsError("MissingParameter", "The request must contain the parameter MessageBody.");
  }
  if (Buffer.byteLength(body) > MAX_MESSAGE) {
    throw new SqsError(
      "InvalidParameterValue",
      `One or more parameters are invalid. Reason: Message must be shorter than ${MAX_MESSAGE} bytes.`,
    );
  }
  if (!ALLOWED.test(body)) {
    throw new SqsError("InvalidMessageContents", "Invalid characters found in the message.");
  }
  if (typeof delay !== "number" || !Number.isInteger(delay) || delay < 0 || delay > MAX_DELAY) {
    throw new SqsError(
      "InvalidParameterValue",
      `Value ${String(delay)} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= ${MAX_DELAY}.`,
    );
  }
  return { body, delay };
}

function pathOf(queueName: string): string {
  return `${SQS_PATH}/${ACCOUNT}/${queueName}`;
}

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {
    // Not JSON: refused below.
  }
  throw new SqsError("SerializationException", "The request is not a JSON object.");
}

function fail(res: ServerResponse, { code, query, message }: SqsError): void {
  const headers = { "x-amzn-query-error": `${query};Sender` };
  answer(res, 400, { __type: `com.amazonaws.sqs#${code}`, message }, headers);
}

function answer(res: ServerResponse, status: number, value: object, headers = {}): void {
  if (res.destroyed) return;
  const body = JSON.stringify(value);
  res.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

function isLoopback(address = ""): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}
