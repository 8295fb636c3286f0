/**
 * Payload format 2.0, the default of HTTP APIs.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */

import { encodeBody } from "./body.ts";
import { type EventSource, domainPrefix, forwardedHeaders, logTime, rawPath } from "./event.ts";
import { HIDDEN_FROM_EVENTS } from "./header.ts";
import { emptyRecord } from "./json.ts";
import type { GatewayRequest } from "./request.ts";

/**
 * The event for a route's Lambda integration. Members that are undefined here are absent from the
 * event once it is JSON, as on AWS.
 */
export function eventV2(request: GatewayRequest, source: EventSource, bytes: Buffer): object {
  return {
    version: "2.0",
    routeKey: source.routeKey,
    rawPath: rawPath(request),
    rawQueryString: request.rawQuery,
    cookies: cookies(request),
    headers: headersV2(request, bytes.length),
    queryStringParameters: queryV2(request),
    requestContext: requestContextV2(request, source),
    pathParameters: source.pathParameters,
    ...encodeBody(bytes, request.headers.get("content-type")),
  };
}

/** Each cookie of the request; undefined without a `Cookie` header. */
export function cookies({ headers }: GatewayRequest): string[] | undefined {
  return headers.get("cookie")?.split("; ");
}

/** `headers`: names in lower case, repeated headers joined with `,`, cookies removed. */
export function headersV2(request: GatewayRequest, bodyLength: number): Record<string, string> {
  const headers = emptyRecord<string>();
  for (const [name, value] of request.headers) {
    if (!HIDDEN_FROM_EVENTS.has(name) && name !== "cookie") headers[name] = value;
  }
  headers["content-length"] = String(bodyLength);
  for (const [name, value] of forwardedHeaders(request)) headers[name] = value;
  return headers;
}

/** `queryStringParameters`: decoded, the values of a repeated parameter joined with `,`. */
export function queryV2({ query }: GatewayRequest): Record<string, string> | undefined {
  if (query.length === 0) return undefined;
  const joined = emptyRecord<string>();
  for (const [name, value] of query) {
    const before = joined[name];
    joined[name] = before === undefined ? value : `${before},${value}`;
  }
  return joined;
}

/** `requestContext`. */
export function requestContextV2(request: GatewayRequest, source: EventSource): object {
  const { accountId, apiId, domainName } = source.api;
  return {
    accountId,
    apiId,
    authorizer: source.authorizer,
    domainName,
    domainPrefix: domainPrefix(domainName),
    http: {
      method: request.method,
      path: rawPath(request),
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.headers.get("user-agent") ?? "",
    },
    requestId: request.id,
    routeKey: source.routeKey,
    stage: source.stage,
    time: logTime(request.receivedAt),
    timeEpoch: request.receivedAt,
  };
}
