import { AppError } from "@stockwire/core/error";
import { parseExactly } from "@stockwire/core/strict-json";
import type { Context } from "hono";
import type { Env } from "../env.ts";
import { MAX_BODY } from "../policy.ts";

/** Deeper than any item may be, batch around it included. */
const MAX_DEPTH = 20;

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/**
 * Reads the body once, bounded and exactly, and hands its text on to the validators. Throws
 * `unsupported_media_type`, `body_too_large`, `invalid_json` and what `parseExactly` throws.
 */
export async function readBody(c: Context<Env>, maxBytes = MAX_BODY): Promise<string> {
  const type = c.req.header("content-type");
  if (type !== undefined && !JSON_TYPE.test(type)) {
    throw new AppError("unsupported_media_type", "The body must be application/json");
  }
  if (c.req.header("content-encoding") !== undefined) {
    throw new AppError("unsupported_media_type", "The body must not be encoded");
  }
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength > maxBytes) {
    throw new AppError("body_too_large", `The body is at most ${maxBytes} bytes`);
  }
  const text = decode(bytes);
  const value = parseExactly(text, MAX_DEPTH);
  // The validators take what was parsed here, and look for a JSON type.
  c.req.json = <T>() => Promise.resolve(value as T);
  if (type === undefined) c.req.raw.headers.set("content-type", "application/json");
  return text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_json", "Invalid JSON in body", { cause });
  }
}
