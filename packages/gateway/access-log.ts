/**
 * One request in an access log; the names are API Gateway's.
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
 * One event of a WebSocket API in an access log; the names are API Gateway's.
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
