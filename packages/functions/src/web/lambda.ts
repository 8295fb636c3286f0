/**
 * Requests from normalised events of API Gateway, and results from answers: what Hono's adapter for
 * Lambda does, for the events and answers that we have.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */

import type { Normalised } from "../api/event.ts";
import { LightHeaders } from "./headers.ts";
import { LightRequest } from "./request.ts";
import type { LightResponse } from "./response.ts";

export interface Result {
  statusCode: number;
  headers?: Record<string, string>;
  /** Instead of `headers` where the event has them so. */
  multiValueHeaders?: Record<string, string[]>;
  cookies?: string[];
  body?: string;
  isBase64Encoded: boolean;
}

/** Returns the request of an event. */
export function requestOf(event: Normalised): LightRequest {
  const [path, query, method] =
    "rawPath" in event
      ? [event.rawPath, event.rawQueryString, event.requestContext.http.method]
      : [event.path, queryOf(event), event.httpMethod];
  const headers = headersOf(event);
  const { body, isBase64Encoded } = event;
  const bytes = body ? Buffer.from(body, isBase64Encoded ? "base64" : "utf8") : undefined;
  if (bytes) headers.set("content-length", String(bytes.length));
  return new LightRequest(
    `https://localhost${path}${query && `?${query}`}`,
    method,
    headers,
    bytes,
  );
}

type Event1 = Exclude<Normalised, { rawPath: string }>;

function queryOf({ multiValueQueryStringParameters: many, queryStringParameters: one }: Event1) {
  const pairs = many
    ? Object.entries(many).flatMap(([name, values]) =>
        values.map((value) => [name, value] as const),
      )
    : Object.entries(one);
  return pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
}

/** Where the event has a header twice, its list of values counts. */
function headersOf(event: Normalised): LightHeaders {
  const headers = new LightHeaders();
  const many = "multiValueHeaders" in event ? event.multiValueHeaders : null;
  for (const [name, values] of Object.entries(many ?? {})) {
    for (const value of values) headers.append(name, ascii(value));
  }
  for (const [name, value] of Object.entries(event.headers)) {
    if (!many || !headers.has(name)) headers.set(name, ascii(value));
  }
  return headers;
}

const ascii = (value: string): string =>
  // oxlint-disable-next-line no-control-regex -- the first character of ASCII is one
  /[^\x00-\x7f]/.test(value) ? encodeURIComponent(value) : value;

/** Returns the result of an answer, in the payload version of its event. */
export function resultOf(event: Normalised, { status, headers, body }: LightResponse): Result {
  const isBase64Encoded = body instanceof Uint8Array;
  const text = isBase64Encoded ? Buffer.from(body).toString("base64") : body;
  if (typeof text === "object" && text !== null) throw new TypeError("A result is no stream");
  const cookies = headers.getSetCookie();
  const fields = [...headers].filter(([name]) => name !== "set-cookie");
  const content = {
    statusCode: status,
    isBase64Encoded,
    ...(status !== 204 && status !== 304 && { body: text ?? "" }),
  };
  if ("multiValueHeaders" in event && event.multiValueHeaders) {
    const lists = fields.map(([name, value]) => [name, [value]] as [string, string[]]);
    if (cookies.length > 0) lists.push(["set-cookie", cookies]);
    return { ...content, multiValueHeaders: Object.fromEntries(lists) };
  }
  return {
    ...content,
    headers: Object.fromEntries(fields),
    ...(cookies.length > 0 && { cookies }),
  };
}
