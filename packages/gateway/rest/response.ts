/**
 * Responses of REST APIs. Unlike an HTTP API, a REST API keeps the case of header names, renames some
 * headers, and refuses a result with a member that it does not know.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
 */

import type { ServerResponse } from "node:http";
import { type HeaderList, isHeader } from "../header.ts";
import { isRecord } from "../json.ts";
import { endWith } from "../response.ts";

/** A response that is not written yet; header names have the case in which they are sent. */
export interface RestResponse {
  status: number;
  headers: HeaderList;
  body: Buffer;
  /** `$context.error.message`, for the access log. */
  error?: string;
}

/** `bad-encoding`: the body is not base64 although the result says so, which is a 500. */
export type ProxyResult = RestResponse | "malformed" | "bad-encoding";

const MEMBERS: ReadonlySet<string> = new Set([
  "statusCode",
  "headers",
  "multiValueHeaders",
  "body",
  "isBase64Encoded",
  "base64Encoded",
  "cookies",
]);

/**
 * Reads the result of a Lambda proxy integration. `wantsBinary` says whether the first media type of
 * the client's Accept header is one of the API's binary media types; else a base64 body is sent as
 * the text that it is.
 */
export function readProxyResult(result: unknown, wantsBinary: boolean): ProxyResult {
  if (!isRecord(result) || !Object.keys(result).every((name) => MEMBERS.has(name))) {
    return "malformed";
  }
  const status = readStatus(result["statusCode"]);
  const headers = mergeHeaders(result["headers"], result["multiValueHeaders"]);
  const body = result["body"] ?? "";
  if (status === undefined || !headers || typeof body !== "string") return "malformed";
  const isBase64 = result["isBase64Encoded"] === true;
  if (isBase64 && !BASE64.test(body)) return "bad-encoding";
  return {
    status,
    headers: remapped(headers),
    body: Buffer.from(body, isBase64 && wantsBinary ? "base64" : "utf8"),
  };
}

const BASE64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;

/**
 * Reads a status code: a number, or three digits as text. Without one it is 200. Undefined if no
 * response can have it: after a status below 200 the client would wait for the real one.
 */
export function readStatus(value: unknown): number | undefined {
  if (value === undefined || value === null) return 200;
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  const valid = typeof status === "number" && Number.isInteger(status);
  return valid && status >= 200 && status <= 599 ? status : undefined;
}

/**
 * Merges both maps of headers: `multiValueHeaders` first, then the values of `headers` that it does
 * not have. Undefined if a value has a wrong type or could not be sent.
 */
export function mergeHeaders(
  single: unknown,
  multiple: unknown,
): (readonly [string, string])[] | undefined {
  if (!isRecord(single ?? {}) || !isRecord(multiple ?? {})) return undefined;
  const merged = new Map<string, { name: string; values: string[] }>(); // by lower-case name
  const add = (name: string, value: unknown): boolean => {
    const text = headerText(value);
    if (text === undefined || !isHeader([name, text])) return false;
    const lower = name.toLowerCase();
    const known = merged.get(lower);
    if (!known) merged.set(lower, { name, values: [text] });
    else if (!known.values.includes(text)) known.values.push(text);
    return true;
  };
  for (const [name, list] of Object.entries(multiple ?? {})) {
    if (!Array.isArray(list) || !list.every((value) => add(name, value))) return undefined;
  }
  for (const [name, value] of Object.entries(single ?? {})) {
    if (!add(name, value)) return undefined;
  }
  const pairs: [string, string][] = [];
  for (const { name, values } of merged.values()) {
    for (const value of values) pairs.push([name, value]);
  }
  return pairs;
}

function headerText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
const REMAPPED: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "content-md5",
  "date",
  "expect",
  "host",
  "max-forwards",
  "proxy-authenticate",
  "server",
  "trailer",
  "upgrade",
  "user-agent",
  "www-authenticate",
]);

/**
 * Renames headers that the gateway sets itself, drops the framing of the function, and adds the type
 * that a result without one has.
 */
function remapped(headers: HeaderList): HeaderList {
  const kept: [string, string][] = [];
  let isTyped = false;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower === "transfer-encoding") continue;
    if (lower === "content-type") isTyped = true;
    kept.push([REMAPPED.has(lower) ? `x-amzn-Remapped-${name}` : name, value]);
  }
  return isTyped ? kept : [["Content-Type", "application/json"], ...kept];
}

/** Writes a response, unless the client is gone. */
export function writeRestResponse(
  res: ServerResponse,
  { status, headers, body }: RestResponse,
): void {
  if (res.destroyed || res.headersSent) return;
  const flat = headers.flat();
  if (status !== 204 && status !== 304) flat.push("Content-Length", String(body.length));
  res.writeHead(status, flat);
  endWith(res, body);
}

/**
 * True if the first media type of an Accept or Content-Type header is one of an API's binary media
 * types. An entry is exact or `type/*`; `*` is no wildcard for a type, except in `*` + `/*`, which
 * means every request.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
 */
export function isBinary(header: string | undefined, binaryMediaTypes: readonly string[]): boolean {
  const first = header?.split(",", 1)[0]?.split(";", 1)[0]?.trim().toLowerCase();
  return binaryMediaTypes.some((entry) => {
    if (entry === "*/*") return true;
    if (first === undefined || first.includes("*")) return false;
    const type = entry.toLowerCase();
    return type.endsWith("/*") && !type.startsWith("*")
      ? first.startsWith(type.slice(0, -1))
      : first === type;
  });
}
