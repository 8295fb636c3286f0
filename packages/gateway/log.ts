/**
 * Everything that an API logs: one access log record for each request or event, named after the
 * `$context` variables of API Gateway, and the errors whose details a client must not see.
 */

/**
 * One request to an HTTP API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
 */
export interface AccessLogRecord {
  requestId: string;
  ip: string;
  requestTime: string;
  httpMethod: string;
  path: string;
  routeKey: string;
  stage: string;
  protocol: string;
  userAgent: string;
  status: number;
  responseLength: number; // bytes
  responseLatency: number; // milliseconds
  integrationLatency?: number; // milliseconds
  integrationError?: string;
  authorizerError?: string;
}

/**
 * One request to a REST API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#context-variable-reference-access-logging-only
 */
export interface RestLogRecord {
  requestId: string;
  extendedRequestId: string;
  ip: string;
  requestTime: string;
  httpMethod: string;
  path: string;
  resourcePath: string;
  stage: string;
  protocol: string;
  userAgent: string;
  status: number;
  responseLength: number; // bytes
  responseLatency: number; // milliseconds
  integrationLatency?: number; // milliseconds
  integrationError?: string;
  authorizerError?: string;
  apiKeyId?: string;
}

/**
 * One event of a connection to a WebSocket API.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
 */
export interface WebSocketLogRecord {
  requestId: string;
  connectionId: string;
  eventType: "CONNECT" | "MESSAGE" | "DISCONNECT";
  routeKey: string;
  ip: string;
  requestTime: string;
  stage: string;
  userAgent: string;
  status: number;
  integrationLatency?: number; // milliseconds
  integrationError?: string;
  authorizerError?: string;
}

/**
 * Receives errors that a client sees only as a status code or as an error frame. `message` says what
 * failed; `requestId` is absent if no request is concerned.
 */
export type ReportError = (problem: {
  message: string;
  error: unknown;
  requestId?: string;
}) => void;
