import type { IncomingMessage } from "node:http";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: 10 MB. */
export const MAX_BODY = 10 * 1024 * 1024; // bytes

/** How reading a body ended; `aborted` means that nobody waits for an answer any more. */
export type Body =
  | { outcome: "read"; bytes: Buffer }
  | { outcome: "too-large" }
  | { outcome: "aborted" };

const EMPTY = Buffer.alloc(0);
// After a refusal the rest is thrown away as it comes, so that the client can finish sending and
// read the answer; past this it is cut off.
const MAX_DISCARD = 64 * 1024 * 1024; // bytes

/** Collects a body of at most `limit` bytes, counted as they come and not as they were announced. */
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
    req.on("end", () => {
      resolve({
        outcome: "read",
        bytes: chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks),
      });
    });
    // `close` also follows `end`; a promise settles once.
    req.on("error", () => resolve({ outcome: "aborted" }));
    req.on("close", () => resolve({ outcome: "aborted" }));
  });
}

const TEXT = /^(?:text\/[^;]+|application\/(?:json|xml|javascript))\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!utf-?8)/i;

/**
 * Whether an HTTP API hands a body of this type on as text; all else is base64. Verified on AWS by
 * https://github.com/ministackorg/ministack/pull/766.
 */
function isText(contentType: string | undefined): boolean {
  return contentType !== undefined && TEXT.test(contentType) && !OTHER_CHARSET.test(contentType);
}

/** A body as an event carries it; an empty one is left out. */
export function encodeBody(
  bytes: Buffer,
  contentType: string | undefined,
): { body: string | undefined; isBase64Encoded: boolean } {
  if (bytes.length === 0) return { body: undefined, isBase64Encoded: false };
  const text = isText(contentType);
  return { body: bytes.toString(text ? "utf8" : "base64"), isBase64Encoded: !text };
}
