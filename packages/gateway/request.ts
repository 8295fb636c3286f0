import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** One HTTP request as every kind of API sees it; nothing of it is trusted or normalised. */
export interface GatewayRequest {
  id: string;
  traceId: string;
  receivedAt: number; // epoch milliseconds
  method: string;
  protocol: string;
  sourceIp: string;
  /** The path as it was sent, still percent-encoded. */
  encodedPath: string;
  /** Split at `/` first and decoded after, so `%2F` never separates. */
  segments: readonly string[];
  /** As it was sent, without the `?`. */
  rawQuery: string;
  query: readonly (readonly [name: string, value: string])[];
  /** In the order and the case of the wire. */
  rawHeaders: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; repeated headers joined with `,`. */
  headers: ReadonlyMap<string, string>;
  port: string;
}

/**
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: request line and
 * headers together.
 */
export const MAX_HEAD = 10_240; // bytes

const ABSOLUTE = /^https?:\/\/[^/?#]*/i;
// Visible ASCII but `#`: anything else has no place in a request target (RFC 9112, 3.2).
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;

/** The size of the request line and the headers, as the client sent them. */
export function headBytes(req: IncomingMessage): number {
  let bytes = (req.method?.length ?? 0) + (req.url?.length ?? 0) + " HTTP/1.1\r\n".length + 1;
  // Node gives header text as Latin-1: a character is a byte. Two of each four are `: ` or CRLF.
  for (const text of req.rawHeaders) bytes += text.length + 2;
  return bytes;
}

/** Reads what stands before the body; undefined if the target cannot be decoded. */
export function parseRequest(req: IncomingMessage, receivedAt: number): GatewayRequest | undefined {
  const target = originForm(req.url ?? "");
  if (!TARGET.test(target)) return undefined;
  const mark = target.indexOf("?");
  const encodedPath = mark < 0 ? target : target.slice(0, mark);
  const rawQuery = mark < 0 ? "" : target.slice(mark + 1);
  const segments = decodePath(encodedPath);
  const query = parseQuery(rawQuery);
  if (!segments || !query) return undefined;
  const rawHeaders = pairs(req.rawHeaders);
  const random = randomBytes(23);
  return {
    // A1.12 of the recordings: 11 random bytes, base64url but padded.
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

/** An id for an answer to a request that could not be parsed. */
export function newRequestId(): string {
  return `${randomBytes(11).toString("base64url")}=`;
}

/** The client's address; IPv4 without its IPv6 prefix. */
function sourceIp(req: IncomingMessage): string {
  return (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

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

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) result.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return result;
}

function joinHeaders(raw: GatewayRequest["rawHeaders"]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of raw) {
    const key = name.toLowerCase();
    const before = headers.get(key);
    // Cookies are the one header whose list is not separated by commas (RFC 6265, 5.4).
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
