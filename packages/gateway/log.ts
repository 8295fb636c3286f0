/**
 * Everything that an API logs: one access log record for each request or event, named after the
 * `$context` variables of API Gateway, and the errors whose details a client must not see.
 */

import type { IncomingMessage } from "node:http";
import { logTime } from "./event.ts";
import type { GatewayRequest } from "./request.ts";

/** What the records of all APIs have. */
interface LogRecord {
  requestId: string;
  ip: string;
  requestTime: string;
  stage: string;
  userAgent: string;
  status: number;
  integrationLatency?: number; // milliseconds
  integrationError?: string;
  authorizerError?: string;
}

/** What the records of HTTP requests have. */
interface RequestLogRecord extends LogRecord {
  httpMethod: string;
  path: string;
  protocol: string;
  responseLength: number; // bytes of the body, of a stream too
  responseLatency: number; // milliseconds
}

/**
 * One request to an HTTP API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
 */
export interface AccessLogRecord extends RequestLogRecord {
  routeKey: string;
}

/**
 * One request to a REST API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#context-variable-reference-access-logging-only
 */
export interface RestLogRecord extends RequestLogRecord {
  extendedRequestId: string;
  resourcePath: string;
  apiKeyId?: string;
}

/**
 * One event of a connection to a WebSocket API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
 */
export interface WebSocketLogRecord extends LogRecord {
  connectionId: string;
  eventType: "CONNECT" | "MESSAGE" | "DISCONNECT";
  routeKey: string;
}

/** A request when its answer is written. `request` is undefined if it could not be read. */
interface Answered {
  req: IncomingMessage;
  request: GatewayRequest | undefined;
  receivedAt: number; // epoch milliseconds
  startedAt: number; // of `performance.now()`
  response: { status: number; body: Buffer };
}

/** The members that the records of HTTP and REST APIs share; what is not known is `-`, as on AWS. */
export const requestRecord = (
  { req, request, receivedAt, startedAt, response }: Answered,
  given: Pick<RequestLogRecord, "requestId" | "stage" | "path">,
): RequestLogRecord => ({
  requestId: given.requestId,
  ip: request?.sourceIp ?? "-",
  requestTime: logTime(receivedAt),
  httpMethod: req.method ?? "-",
  path: given.path,
  stage: given.stage,
  protocol: request?.protocol ?? "-",
  userAgent: request?.headers.get("user-agent") ?? "-",
  status: response.status,
  responseLength: response.body.length,
  responseLatency: millisecondsSince(startedAt),
});

/** Whole milliseconds since a time of `performance.now()`. */
export const millisecondsSince = (startedAt: number): number =>
  Math.round(performance.now() - startedAt);

/**
 * Receives errors that a client sees only as a status code or as an error frame. `message` says what
 * failed; `requestId` is absent if no request is concerned.
 */
export type ReportError = (problem: {
  message: string;
  error: unknown;
  requestId?: string;
}) => void;
