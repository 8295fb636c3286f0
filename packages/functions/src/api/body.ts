/** The request's body: read once, bounded, and parsed without losing anything. */

import { AppError } from "@stockwire/core/error";
import { parseExactly } from "@stockwire/core/strict-json";
import type { Context } from "hono";

export const MAX_BODY = 64 * 1024; // bytes

/** Deeper than any item may be, with the batch around it. */
const MAX_DEPTH = 20;

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
/** The type of RFC 7396, which every PATCH here is. */
const PATCH_TYPE = /^application\/(?:merge-patch\+)?json\s*(?:;|$)/i;

/**
 * Returns the body's text and its JSON value. Throws `unsupported_media_type`, `body_too_large`,
 * `invalid_json`, and for what JSON.parse would change silently what `parseExactly` throws.
 */
export async function readBody(
  c: Context,
  maxBytes = MAX_BODY,
): Promise<{ text: string; value: unknown }> {
  const type = c.req.header("content-type");
  const accepted = c.req.method === "PATCH" ? PATCH_TYPE : JSON_TYPE;
  if (type && !accepted.test(type)) {
    throw new AppError("unsupported_media_type", "The body must be application/json");
  }
  if (c.req.header("content-encoding")) {
    throw new AppError("unsupported_media_type", "The body must not be encoded");
  }
  const bytes = await readBytes(c, maxBytes);
  if (bytes === undefined) {
    throw new AppError("body_too_large", `The body is at most ${maxBytes} bytes`);
  }
  const text = decode(bytes);
  return { text, value: parseExactly(text, MAX_DEPTH) };
}

/** The bytes of the body; undefined if there are more, of which no more than one chunk is read. */
async function readBytes(
  { req }: Context,
  maxBytes: number,
): Promise<ArrayBuffer | Uint8Array | undefined> {
  const length = req.header("content-length");
  if (Number(length) > maxBytes) return undefined;
  // HTTP bounds a body with a length. An event has its whole body, and no stream.
  const isBounded = length !== undefined && req.header("transfer-encoding") === undefined;
  const stream = isBounded ? undefined : req.raw.body;
  if (typeof stream?.getReader !== "function") {
    const bytes = await req.arrayBuffer();
    return bytes.byteLength > maxBytes ? undefined : bytes;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) return undefined; // ends the loop, which cancels the stream
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_json", "Invalid JSON in body", { cause });
  }
}
