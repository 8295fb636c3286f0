/** Headers of the OpenAPI document, and the answers that refuse a request. */

import type { Code } from "@stockwire/core/error";
import { headersOf, type ResponseHeader, type Route } from "../src/api/policy.ts";
import { problems, RETRY_AFTER } from "../src/api/problem.ts";
import type { Json } from "./json-schema.ts";

const TAG = '^(?:\\*|(?:W/)?"[^"]*"(?:\\s*,\\s*(?:W/)?"[^"]*")*)$';

/** Header parameters by their component's name. */
export const headerParameters = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "Makes it safe to repeat the request: for 24 hours, repeats with this key get the first answer. Any other request with it is 422",
    schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
    example: "5f1c9a52-order-1042",
  },
  ClientRef: {
    name: "X-Client-Ref",
    in: "header",
    description: "Returned as `clientRef` in the changes that this request makes",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" },
    example: "tab-7",
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: "Answers 412 unless the record has one of these versions",
    schema: { type: "string", maxLength: 1024, pattern: TAG },
    example: '"3"',
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "Answers 304 if the record has one of these tags; to a write 412",
    schema: { type: "string", maxLength: 1024, pattern: TAG },
    example: '"3"',
  },
  IfNoneMatchToCreate: {
    name: "If-None-Match",
    in: "header",
    description:
      "`*` creates an item with this id, or answers 412 if it exists. With tags, answers 412 if the item has one of them",
    schema: { type: "string", maxLength: 1024, pattern: TAG },
    example: "*",
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    description: "The id of the last event that was received; continues after it, instead of since",
    schema: { type: "string" },
    example: "WyJ7XCJwcm9kdWN0c1wiOjEwNDJ9Il0.c2lnbmVk",
  },
  RequestId: {
    name: "X-Request-Id",
    in: "header",
    description: "Returned in the answer and written to the log. Another one is replaced",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{8,64}$" },
    example: "my-request-1",
  },
};

/** Names of the header parameters that a route takes. */
export function parametersOf(route: Route): (keyof typeof headerParameters)[] {
  const ofRecord = route.writes && route.path.includes("{");
  const creates = route.method === "PUT" && 201 in route.answers;
  return [
    ...(route.events ? (["LastEventId"] as const) : []),
    ...(route.writes ? (["IdempotencyKey", "ClientRef"] as const) : []),
    ...(ofRecord ? (["IfMatch"] as const) : []),
    ...(creates ? (["IfNoneMatchToCreate"] as const) : []),
    ...((ofRecord && !creates) || 304 in route.answers ? (["IfNoneMatch"] as const) : []),
    "RequestId",
  ];
}

const text = (description: string, example: string, schema: Json = {}) => ({
  description,
  schema: { type: "string", ...schema },
  example,
});

/** Each is required where it is always sent. */
const answerHeaders: Readonly<Record<ResponseHeader, Json>> = {
  ETag: text("Tag of the record: its version, and what else the answer depends on", '"3"'),
  Location: text("Path of the new record", "/users/019af2b1-7c3d-7e4f-8a5b-6c7d8e9f0a1b"),
  Link: text("The next page of the list, if there is one", '</users?nextToken=…>; rel="next"'),
  "Feed-Cursor": text(
    "Where to read changes or subscribe from, so that no change after this read is missed",
    "WyJ7XCJwcm9kdWN0c1wiOjEwNDJ9Il0.c2lnbmVk",
  ),
  "Idempotency-Replayed": text(
    "Present if this is the stored answer of an earlier request with the same key",
    "true",
    { const: "true" },
  ),
  "X-Request-Id": text(
    "Identifies this request when you ask for support",
    "01939f3c-0000-7000-8000-000000000000",
  ),
  "Retry-After": {
    description: "Seconds after which to send the request again",
    schema: { type: "integer", const: RETRY_AFTER },
    example: RETRY_AFTER,
  },
  "WWW-Authenticate": text("How to authenticate", "Bearer", { pattern: "^Bearer" }),
  "Content-Security-Policy": text("Only the page's own script and style run", "default-src 'none'"),
  "Referrer-Policy": text("Links do not name this page", "no-referrer"),
  "X-Frame-Options": text("The page cannot be framed", "DENY"),
};

const header = (name: string, required: boolean): Json => ({
  $ref: `#/components/headers/${required ? "" : "Optional-"}${name}`,
});

/** The headers of an answer that succeeds, as references. */
export function headersIn(route: Route, status: number): Json {
  const { always, sometimes } = headersOf(route, status);
  return Object.fromEntries([
    ...always.map((name) => [name, header(name, true)]),
    ...sometimes.map((name) => [name, header(name, false)]),
  ]);
}

/** The components that `headersIn` refers to. */
export const headerComponents = (used: string): Json =>
  Object.fromEntries(
    Object.entries(answerHeaders)
      .flatMap(([name, object]): [string, Json][] => [
        [name, { ...object, required: true }],
        [`Optional-${name}`, object],
      ])
      .filter(([name]) => used.includes(`"#/components/headers/${name}"`)),
  );

const problemContent = {
  "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
};
const messageContent = {
  "application/json": { schema: { $ref: "#/components/schemas/GatewayMessage" } },
};

const byApp = {
  headers: { "X-Request-Id": header("X-Request-Id", true) },
  content: problemContent,
};
/** The gateway answers as well, without headers of the app. */
const byBoth = {
  headers: { "X-Request-Id": header("X-Request-Id", false) },
  content: { ...problemContent, ...messageContent },
};

/** The answers that refuse a request. */
export const refusals = {
  Problem: { description: "A problem", ...byApp },
  ProblemOrMessage: { description: "A problem, or a message of the gateway", ...byBoth },
  Unauthenticated: {
    description: "A problem, or a message of the gateway",
    headers: { ...byBoth.headers, "WWW-Authenticate": header("WWW-Authenticate", true) },
    content: byBoth.content,
  },
  Forbidden: {
    description: "A problem, or a message of the gateway, which also names the scope",
    headers: { ...byBoth.headers, "WWW-Authenticate": header("WWW-Authenticate", false) },
    content: byBoth.content,
  },
  Unavailable: {
    description: "A problem, or a message of the gateway",
    headers: { ...byBoth.headers, "Retry-After": header("Retry-After", false) },
    content: byBoth.content,
  },
  Throttled: {
    description:
      "The gateway throttled the request; on the Partner API also: the plan's rate or monthly quota is used up",
    content: messageContent,
  },
};

const BY_STATUS: Readonly<Record<string, keyof typeof refusals>> = {
  401: "Unauthenticated",
  403: "Forbidden",
  413: "ProblemOrMessage",
  500: "ProblemOrMessage",
  503: "Unavailable",
};

/** References to the answers that refuse, by status. Their descriptions list the codes. */
export function refusalsOf(codes: readonly Code[]): Record<string, Json> {
  const byStatus = Object.groupBy(codes, (code) => String(problems[code].status));
  const answers = Object.entries(byStatus).map(([status, list = []]): [string, Json] => [
    status,
    {
      $ref: `#/components/responses/${BY_STATUS[status] ?? "Problem"}`,
      description: list.join(", "),
    },
  ]);
  return {
    ...Object.fromEntries(answers),
    429: { $ref: "#/components/responses/Throttled" },
  };
}
