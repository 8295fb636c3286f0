/**
 * HTTP responses: the ones that the gateway makes itself, and the ones that it reads from the result of
 * a Lambda function. A result that API Gateway would not accept never becomes a response.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */

import type { ServerResponse } from "node:http";
import { type HeaderList, SET_BY_GATEWAY, isHeader, titleCase } from "./header.ts";
import { isRecord } from "./json.ts";

/** A response that is not written yet; header names are in lower case. */
export interface HttpResponse {
  status: number;
  headers: HeaderList;
  body: Buffer;
}

/** An error of the gateway itself; its body is `{"message":"Not Found"}`. */
export function errorResponse(
  status: number,
  text: string,
  headers: HeaderList = [],
): HttpResponse {
  return jsonResponse(status, { message: text }, headers);
}

/** A response with a JSON body. */
export function jsonResponse(
  status: number,
  value: object,
  headers: HeaderList = [],
): HttpResponse {
  return {
    status,
    headers: [["content-type", "application/json"], ...headers],
    body: Buffer.from(JSON.stringify(value)),
  };
}

/**
 * Reads the result of a handler in payload format 2.0. A result without `statusCode` is itself the
 * JSON body of a 200. Returns undefined for a result that is not valid, which is a 500.
 */
export function responseFromV2(result: unknown): HttpResponse | undefined {
  if (!isRecord(result) || !Object.hasOwn(result, "statusCode")) {
    const text = typeof result === "string" ? result : JSON.stringify(result);
    return {
      status: 200,
      headers: [["content-type", "application/json"]],
      body: Buffer.from(text),
    };
  }
  const headers = readHeaders(result["headers"]);
  const cookies = result["cookies"] ?? [];
  if (!headers || !isStrings(cookies)) return undefined;
  return readResult(result, [
    ...headers,
    ...cookies.map((value) => ["set-cookie", value] as const),
  ]);
}

/**
 * Reads the result of a handler in payload format 1.0: `headers` come first, `multiValueHeaders`
 * after. Returns undefined for a result that is not valid, which is a 500.
 */
export function responseFromV1(result: unknown): HttpResponse | undefined {
  if (!isRecord(result)) return undefined;
  const headers = readHeaders(result["headers"]);
  const multiple = result["multiValueHeaders"] ?? {};
  if (!headers || !isRecord(multiple)) return undefined;
  for (const [name, values] of Object.entries(multiple)) {
    if (!Array.isArray(values)) return undefined;
    for (const value of values) {
      const text = headerText(value);
      if (text === undefined) return undefined;
      headers.push([name.toLowerCase(), text]);
    }
  }
  return readResult(result, headers);
}

/** Writes a response, unless the client is gone. */
export function writeResponse(res: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (res.destroyed || res.headersSent) return;
  const flat: string[] = [];
  for (const [name, value] of headers) flat.push(wireName(name), value);
  if (hasBody(status)) flat.push("Content-Length", String(body.length));
  res.writeHead(status, flat);
  endWith(res, body);
}

/** Bytes of a body that are copied to be sent together with the head. */
const MAX_JOINED = 64 * 1024;

/** Ends a response whose head is set, with one write if the body is not large. */
export function endWith(res: ServerResponse, body: Buffer): void {
  // Node sends head and body in one write only if the body is text. Latin-1 keeps every byte.
  if (body.length <= MAX_JOINED) res.end(body.toString("latin1"), "latin1");
  else res.end(body);
}

/** Reads the members that both formats share. */
function readResult(
  result: Record<string, unknown>,
  headers: HeaderList,
): HttpResponse | undefined {
  const status = result["statusCode"];
  const body = result["body"] ?? "";
  if (!isStatus(status) || typeof body !== "string" || !headers.every(isHeader)) return undefined;
  const kept = headers.filter(([name]) => !SET_BY_GATEWAY.has(name));
  const typed = !hasBody(status) || headers.some(([name]) => name === "content-type");
  return {
    status,
    headers: typed ? kept : [["content-type", "text/plain; charset=utf-8"], ...kept],
    body: Buffer.from(body, result["isBase64Encoded"] === true ? "base64" : "utf8"),
  };
}

/** Reads `headers`: one value for each name. */
function readHeaders(value: unknown): (readonly [string, string])[] | undefined {
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

function isStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 200 && value <= 599;
}

/** Responses with these statuses have neither a body nor a content length (RFC 9110, section 15). */
function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

const wireNames = new Map<string, string>();

/** The name as written on the wire, remembered because a server repeats a few names all the time. */
function wireName(name: string): string {
  const known = wireNames.get(name);
  if (known) return known;
  const wire = titleCase(name);
  // Handlers choose the names. The limit keeps a handler that invents names from filling the memory.
  if (wireNames.size < 1000) wireNames.set(name, wire);
  return wire;
}
