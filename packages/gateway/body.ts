/**
 * Request bodies: reading them without trusting the announced length, and putting them into events.
 * No client can make the gateway hold more than the limit of the API in memory.
 */

import type { IncomingMessage } from "node:http";

/**
 * The payload limit of HTTP APIs, 10 MB.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export const MAX_BODY = 10 * 1024 * 1024; // bytes

/** The result of reading a body. After `aborted` the client is gone and no response can be sent. */
export type Body =
  | { outcome: "read"; bytes: Buffer }
  | { outcome: "too-large" }
  | { outcome: "aborted" };

const EMPTY = Buffer.alloc(0);
// The rest of a refused body is discarded as it arrives, so that the client can finish sending and
// read the response. Past this limit the connection is closed instead.
const MAX_DISCARD = 64 * 1024 * 1024; // bytes

/** Reads a body of at most `limit` bytes, counting what arrives. Never rejects. */
export function readBody(req: IncomingMessage, limit: number): Promise<Body> {
  const announced = req.headers["content-length"];
  if (announced === undefined && req.headers["transfer-encoding"] === undefined) {
    return Promise.resolve({ outcome: "read", bytes: EMPTY });
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let refused = Number(announced ?? 0) > limit;
    if (refused) resolve({ outcome: "too-large" });
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit && !refused) {
        refused = true;
        chunks.length = 0;
        resolve({ outcome: "too-large" });
      }
      if (!refused) chunks.push(chunk);
      else if (size > MAX_DISCARD) req.destroy();
    });
    req.on("end", () => resolve({ outcome: "read", bytes: Buffer.concat(chunks) }));
    // `close` also follows `end`, but a promise settles only once.
    req.on("error", () => resolve({ outcome: "aborted" }));
    req.on("close", () => resolve({ outcome: "aborted" }));
  });
}

const TEXT = /^(?:text\/[^;]+|application\/(?:json|xml|javascript))\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!utf-?8)/i;

/**
 * Encodes a body for an event. An HTTP API passes on UTF-8 text of a few content types as text and
 * everything else as base64, and it omits an empty body. Measured on AWS by
 * https://github.com/ministackorg/ministack/pull/766.
 */
export function encodeBody(
  bytes: Buffer,
  contentType = "",
): { body: string | undefined; isBase64Encoded: boolean } {
  if (bytes.length === 0) return { body: undefined, isBase64Encoded: false };
  const isText = TEXT.test(contentType) && !OTHER_CHARSET.test(contentType);
  return { body: bytes.toString(isText ? "utf8" : "base64"), isBase64Encoded: !isText };
}
