/**
 * Parses the head of an HTTP request once for all kinds of APIs. The result keeps both the bytes that
 * the client sent and their decoded form, because the payload formats show different ones.
 */

import { randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { HeaderList } from "./header.ts";

/** The head of one HTTP request. Nothing in it is checked, except that it can be decoded. */
export interface GatewayRequest {
  id: string;
  traceId: string;
  receivedAt: number; // epoch milliseconds
  method: string;
  protocol: string;
  sourceIp: string;
  /** The path as sent, still percent-encoded. */
  encodedPath: string;
  /** The path split at `/` and then decoded, so that `%2F` never separates segments. */
  segments: readonly string[];
  /** The query as sent, without the `?`. */
  rawQuery: string;
  /** The decoded query parameters, in order. */
  query: HeaderList;
  /** The headers in the order and the case in which they were sent. */
  rawHeaders: HeaderList;
  /** By lower-case name; the values of a repeated header joined with `,`. */
  headers: ReadonlyMap<string, string>;
  port: string;
}

/**
 * The limit for request line and header values together.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export const MAX_HEAD = 10_240; // bytes

const ABSOLUTE = /^https?:\/\/[^/?#]*/i;
// A request target is visible ASCII without `#` (RFC 9112, section 3.2).
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;

/** The size of request line and headers in bytes. */
export function headBytes(req: IncomingMessage): number {
  let bytes = (req.method?.length ?? 0) + (req.url?.length ?? 0) + " HTTP/1.1\r\n".length + 1;
  // Node decodes headers as Latin-1, so one character is one byte. Each name is followed by `: ` and
  // each value by CRLF.
  for (const text of req.rawHeaders) bytes += text.length + 2;
  return bytes;
}

/** Parses the head of a request; undefined if path or query cannot be decoded. */
export function parseRequest(req: IncomingMessage, receivedAt: number): GatewayRequest | undefined {
  const target = originForm(req.url ?? "");
  if (!TARGET.test(target)) return undefined;
  const mark = target.indexOf("?");
  const encodedPath = mark < 0 ? target : target.slice(0, mark);
  const rawQuery = mark < 0 ? "" : target.slice(mark + 1);
  const segments = decodePath(encodedPath);
  const query = parseQuery(rawQuery);
  if (!segments || !query) return undefined;
  const rawHeaders = pairUp(req.rawHeaders);
  const random = randomPart(23);
  return {
    id: `${random.toString("base64url", 0, 11)}=`,
    traceId: `Root=1-${hexSeconds(receivedAt)}-${random.toString("hex", 11)}`,
    receivedAt,
    method: req.method ?? "GET",
    protocol: `HTTP/${req.httpVersion}`,
    sourceIp: sourceIp(req),
    encodedPath,
    segments,
    rawQuery,
    query,
    rawHeaders,
    headers: joinHeaders(rawHeaders),
    port: String(req.socket.localPort ?? ""),
  };
}

/** A request id in the form of API Gateway's: 11 random bytes, such as `JCJM3j95PHcEJHg=`. */
export function newRequestId(): string {
  return `${randomPart(11).toString("base64url")}=`;
}

/** So many random bytes in hexadecimal. */
export function randomHex(bytes: number): string {
  return randomPart(bytes).toString("hex");
}

/** Random bytes for many requests, because a call for those of one takes longer than parsing its head. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomPart(size: number): Buffer {
  if (used + size > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += size;
  return pool.subarray(used - size, used);
}

/** The client's address; Node writes IPv4 addresses of a dual-stack socket as `::ffff:127.0.0.1`. */
function sourceIp(req: IncomingMessage): string {
  return (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

/** `http://host/path` becomes `/path` (RFC 9112, section 3.2.2). */
function originForm(url: string): string {
  const rest = url.replace(ABSOLUTE, "");
  return rest === "" || rest.startsWith("?") ? `/${rest}` : rest;
}

function decodePath(path: string): string[] | undefined {
  const segments = path.slice(1).split("/");
  if (!path.includes("%")) return segments;
  try {
    return segments.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function parseQuery(raw: string): [string, string][] | undefined {
  if (raw === "") return [];
  try {
    return raw
      .split("&")
      .filter((part) => part !== "")
      .map((part) => {
        const equals = part.indexOf("=");
        if (equals < 0) return [decodeQuery(part), ""];
        return [decodeQuery(part.slice(0, equals)), decodeQuery(part.slice(equals + 1))];
      });
  } catch {
    return undefined;
  }
}

function decodeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/** Node's `rawHeaders` is one flat list of alternating names and values. */
function pairUp(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return pairs;
}

function joinHeaders(raw: HeaderList): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of raw) {
    const key = name.toLowerCase();
    const before = headers.get(key);
    // `Cookie` is the only header whose list is not separated by commas (RFC 6265, section 5.4).
    const separator = key === "cookie" ? "; " : ",";
    headers.set(key, before === undefined ? value : `${before}${separator}${value}`);
  }
  return headers;
}

function hexSeconds(at: number): string {
  return Math.floor(at / 1000)
    .toString(16)
    .padStart(8, "0");
}
