import type { ServerResponse } from "node:http";
import { isRecord } from "./json.ts";

/** What a gateway answers; header names in lower case, repeated ones repeated. */
export interface Answer {
  status: number;
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// The gateway's own connection to the client; a Lambda has no say in these.
const CONNECTION = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** An answer that the gateway makes itself: `{"message":"Not Found"}`. */
export function message(status: number, text: string, headers: Answer["headers"] = []): Answer {
  return {
    status,
    headers: [["content-type", "application/json"], ...headers],
    body: Buffer.from(JSON.stringify({ message: text })),
  };
}

/**
 * Reads a Lambda's result of payload format 2.0: undefined if a gateway cannot make an answer of it.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function fromResult2(result: unknown): Answer | undefined {
  if (!isRecord(result) || !Object.hasOwn(result, "statusCode")) {
    const text = typeof result === "string" ? result : JSON.stringify(result);
    return {
      status: 200,
      headers: [["content-type", "application/json"]],
      body: Buffer.from(text),
    };
  }
  const headers = singleHeaders(result["headers"]);
  const cookies = result["cookies"] ?? [];
  if (!headers || !isStrings(cookies)) return undefined;
  return answer(result, [...headers, ...cookies.map((value) => ["set-cookie", value] as const)]);
}

/** Reads a Lambda's result of payload format 1.0, single headers first and the multiple ones after. */
export function fromResult1(result: unknown): Answer | undefined {
  if (!isRecord(result)) return undefined;
  const single = singleHeaders(result["headers"]);
  const multiple = result["multiValueHeaders"] ?? {};
  if (!single || !isRecord(multiple)) return undefined;
  const headers = [...single];
  for (const [name, values] of Object.entries(multiple)) {
    if (!Array.isArray(values)) return undefined;
    for (const value of values) {
      const text = headerText(value);
      if (text === undefined) return undefined;
      headers.push([name.toLowerCase(), text]);
    }
  }
  return answer(result, headers);
}

/** Writes an answer, with header names in the case that AWS puts on the wire of HTTP/1.1. */
export function send(res: ServerResponse, { status, headers, body }: Answer): void {
  if (res.destroyed || res.headersSent) return;
  const flat: string[] = [];
  for (const [name, value] of headers) flat.push(wireName(name), value);
  if (status !== 204 && status !== 304) flat.push("Content-Length", String(body.length));
  res.writeHead(status, flat);
  res.end(body);
}

function answer(result: Record<string, unknown>, headers: Answer["headers"]): Answer | undefined {
  const status = result["statusCode"];
  const body = result["body"] ?? "";
  if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) return undefined;
  if (typeof body !== "string" || !headers.every(isSendable)) return undefined;
  const kept = headers.filter(([name]) => !CONNECTION.has(name));
  const typed =
    Number(status) === 204 ||
    Number(status) === 304 ||
    headers.some(([name]) => name === "content-type");
  return {
    status: Number(status),
    headers: typed ? kept : [["content-type", "text/plain; charset=utf-8"], ...kept],
    body: Buffer.from(body, result["isBase64Encoded"] === true ? "base64" : "utf8"),
  };
}

function singleHeaders(value: unknown): (readonly [string, string])[] | undefined {
  const headers = new Map<string, string>();
  if (!isRecord(value ?? {})) return undefined;
  for (const [name, field] of Object.entries(value ?? {})) {
    const text = headerText(field);
    if (text === undefined) return undefined;
    headers.set(name.toLowerCase(), text);
  }
  return [...headers];
}

function headerText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function isSendable([name, value]: readonly [string, string]): boolean {
  return TOKEN.test(name) && FIELD_VALUE.test(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

const wireNames = new Map<string, string>();

function wireName(name: string): string {
  const known = wireNames.get(name);
  if (known) return known;
  const wire = name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
  // Names come from handlers; a handler that invents them must not grow the table for ever.
  if (wireNames.size < 1000) wireNames.set(name, wire);
  return wire;
}
