/**
 * Response streaming. The function writes metadata as JSON, eight NUL bytes, and then the payload,
 * which reaches the client as it is written.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
 */

import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";
import { type HeaderList, isHeader } from "../header.ts";
import { isRecord, parseJson } from "../json.ts";
import { createContext } from "../lambda.ts";
import { mergeHeaders, readStatus } from "./response.ts";

/** Status and headers of a streamed answer. */
export interface StreamHead {
  status: number;
  headers: HeaderList;
}

/** How a stream ended. `cut`: after its head, so that only the end of the connection can show it. */
export type StreamEnd =
  | { outcome: "complete" }
  | { outcome: "timed-out" | "malformed" | "failed"; error: unknown }
  | { outcome: "cut"; error: unknown };

/** Where the answer goes. */
export interface StreamTarget {
  /** Called once, when metadata and delimiter are complete. */
  head(head: StreamHead): void;
  /** Resolves when more can be taken. After the client has left it resolves immediately. */
  write(bytes: Buffer): Promise<void>;
}

/** The limits of one stream, in milliseconds. */
export interface StreamLimits {
  timeoutMs: number; // for all of it
  idleTimeoutMs: number; // between two writes
}

const DELIMITER = Buffer.alloc(8);
// The documentation says 16 KB; whether that is 16,000 or 16,384 bytes is not known.
const MAX_METADATA = 16_000; // bytes

/** A handler that AWS's `awslambda.streamifyResponse` has marked. */
export type StreamingHandler = (event: unknown, stream: Writable, context: unknown) => unknown;

/**
 * Runs a streaming handler. Resolves when the answer has ended; a function that exceeds its time or
 * whose client has left runs on, as on AWS. Never rejects.
 */
export function invokeStreaming(
  handler: StreamingHandler,
  functionName: string,
  event: unknown,
  limits: StreamLimits,
  target: StreamTarget,
): Promise<StreamEnd> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0); // until the head is complete
    let hasHead = false;
    let ended = false;
    let idle: NodeJS.Timeout | undefined;
    const end = (result: StreamEnd) => {
      if (ended) return;
      ended = true;
      clearTimeout(idle);
      clearTimeout(total);
      resolve(result);
    };
    const fail = (outcome: "timed-out" | "malformed" | "failed", text: string, cause?: unknown) => {
      const error = new Error(text, { cause });
      end(hasHead ? { outcome: "cut", error } : { outcome, error });
    };
    const restartIdle = () => {
      clearTimeout(idle);
      idle = setTimeout(
        () => fail("timed-out", "nothing was written in time"),
        limits.idleTimeoutMs,
      );
    };
    const total = setTimeout(() => fail("timed-out", "no end in time"), limits.timeoutMs);

    const take = async (chunk: Buffer): Promise<void> => {
      if (ended) return; // the function runs on, but nothing reads what it writes
      if (hasHead) {
        restartIdle();
        return target.write(chunk);
      }
      received = Buffer.concat([received, chunk]);
      const at = received.indexOf(DELIMITER);
      if (at < 0 ? received.length >= MAX_METADATA : at > MAX_METADATA) {
        return fail("malformed", "there is no delimiter after the metadata");
      }
      if (at < 0) return undefined;
      const head = readHead(received.toString("utf8", 0, at));
      if (!head) return fail("malformed", "the metadata of the stream is not valid");
      hasHead = true;
      target.head(head);
      restartIdle();
      const rest = received.subarray(at + DELIMITER.length);
      return rest.length > 0 ? target.write(rest) : undefined;
    };
    const stream = new Writable({
      write(chunk: Buffer, _, done) {
        const taken = async () => {
          await take(chunk);
          done();
        };
        taken().catch((error: unknown) => fail("failed", "the stream failed", error));
      },
      final(done) {
        if (hasHead) end({ outcome: "complete" });
        else fail("malformed", "the stream ended before its metadata");
        done();
      },
      destroy(error, done) {
        if (error) fail("failed", "the stream failed", error);
        done(null);
      },
    });
    const runtimeStream = Object.assign(stream, {
      setContentType() {
        // The gateway recognises the format by its bytes.
      },
    });
    const context = createContext(functionName, performance.now() + limits.timeoutMs);
    const run = async () => {
      await handler(event, runtimeStream, context);
      // A handler that returns without `end()` is not done until its time is over.
    };
    run().catch((error: unknown) => fail("failed", "the function failed", error));
  });
}

/** Reads the metadata; undefined if AWS would not accept it. */
function readHead(text: string): StreamHead | undefined {
  const metadata = parseJson(text);
  if (!isRecord(metadata)) return undefined;
  const { statusCode, headers, multiValueHeaders, cookies = [], ...unknown } = metadata;
  const merged = mergeHeaders(headers, multiValueHeaders);
  if (!merged || Object.keys(unknown).length > 0) return undefined;
  const status = readStatus(statusCode);
  if (status === undefined || !Array.isArray(cookies)) return undefined;
  const set = cookies.map((cookie) => ["Set-Cookie", String(cookie)] as const);
  return set.every(isHeader) ? { status, headers: [...merged, ...set] } : undefined;
}

/** The answer of a client as the target of a stream: what was sent, once it has a head. */
export function streamInto(
  res: ServerResponse,
  more: HeaderList,
): StreamTarget & { readonly status: number; readonly length: number } {
  let status = 0;
  let length = 0; // bytes
  return {
    get status() {
      return status;
    },
    get length() {
      return length;
    },
    head(head) {
      ({ status } = head);
      if (res.destroyed) return;
      res.writeHead(status, [...head.headers, ...more].flat());
      res.flushHeaders();
    },
    write(bytes) {
      // The function does not learn that its client has left.
      if (res.destroyed) return Promise.resolve();
      length += bytes.length;
      if (res.write(bytes)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          res.off("drain", done).off("close", done);
          resolve();
        };
        res.on("drain", done).on("close", done);
      });
    },
  };
}

/** The global that AWS's Node runtime gives to streaming handlers. */
export interface AwsLambdaGlobal {
  streamifyResponse(handler: StreamingHandler): StreamingHandler;
  HttpResponseStream: {
    from(stream: Writable, metadata: Readonly<Record<string, unknown>>): Writable;
  };
}

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

/** True if a handler was made with `awslambda.streamifyResponse`. */
export const isStreaming = (handler: unknown): boolean =>
  typeof handler === "function" && STREAMING in handler;

/**
 * `awslambda` with the semantics of AWS's runtime client: the metadata are written with the first
 * `write`, and not at all if the stream ends without one.
 * https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
 */
export const awsLambda: AwsLambdaGlobal = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: "response" }),
  HttpResponseStream: {
    from(stream, metadata) {
      const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
      let isFirst = true;
      stream.write = (...args: unknown[]): boolean => {
        if (isFirst) {
          isFirst = false;
          write(Buffer.concat([Buffer.from(JSON.stringify(metadata)), DELIMITER]));
        }
        return write(...args);
      };
      return stream;
    },
  },
};
