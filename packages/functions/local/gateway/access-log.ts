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
