/**
 * Payload format 1.0 as an HTTP API writes it. Unlike format 2.0 it keeps the case of header names
 * and shows every value of a repeated name. WebSocket APIs use the same header and query maps.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */

import { encodeBody } from "./body.ts";
import { type EventSource, domainPrefix, forwardedHeaders, logTime, rawPath } from "./event.ts";
import { type HeaderList, HIDDEN_FROM_EVENTS, titleCase } from "./header.ts";
import { emptyRecord } from "./json.ts";
import type { GatewayRequest } from "./request.ts";

/**
 * The event for a route's Lambda integration: `path` stays percent-encoded while path parameters are
 * decoded, and `Content-Length` and `Cookie` stay among the headers. A REST API differs in both.
 */
export function eventV1(request: GatewayRequest, source: EventSource, bytes: Buffer): object {
  const headers = headersV1(request, bytes.length);
  const query = request.query.length === 0 ? null : groupByName(request.query);
  const { body, isBase64Encoded } = encodeBody(bytes, request.headers.get("content-type"));
  return {
    version: "1.0",
    resource: resourcePath(source.routeKey),
    path: request.encodedPath,
    httpMethod: request.method,
    headers: lastValues(headers),
    multiValueHeaders: headers,
    queryStringParameters: query && lastValues(query),
    multiValueQueryStringParameters: query,
    requestContext: requestContextV1(request, source),
    pathParameters: source.pathParameters ?? null,
    stageVariables: null,
    body: body ?? null,
    isBase64Encoded,
  };
}

/** Header values by name, in the case that the client sent, with the headers of the gateway. */
export function headersV1(request: GatewayRequest, bodyLength: number): ValueLists {
  const own = [["content-length", String(bodyLength)] as const, ...forwardedHeaders(request)];
  const replaced = new Set(own.map(([name]) => name));
  const kept = request.rawHeaders.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HIDDEN_FROM_EVENTS.has(lower) && !replaced.has(lower);
  });
  return groupByName([...kept, ...own.map(([name, value]) => [titleCase(name), value] as const)]);
}

/** `requestContext`. */
export function requestContextV1(request: GatewayRequest, source: EventSource): object {
  const { accountId, apiId, domainName } = source.api;
  return {
    accountId,
    apiId,
    authorizer: source.authorizer,
    domainName,
    domainPrefix: domainPrefix(domainName),
    extendedRequestId: request.id,
    httpMethod: request.method,
    identity: {
      accessKey: null,
      accountId: null,
      caller: null,
      cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null,
      cognitoIdentityId: null,
      cognitoIdentityPoolId: null,
      principalOrgId: null,
      sourceIp: request.sourceIp,
      user: null,
      userAgent: request.headers.get("user-agent") ?? "",
      userArn: null,
    },
    path: rawPath(request),
    protocol: request.protocol,
    requestId: request.id,
    requestTime: logTime(request.receivedAt),
    requestTimeEpoch: request.receivedAt,
    resourceId: source.routeKey,
    resourcePath: resourcePath(source.routeKey),
    stage: source.stage,
  };
}

/** `GET /users/{id}` becomes `/users/{id}`; `$default` stays. */
export function resourcePath(routeKey: string): string {
  return routeKey.slice(routeKey.indexOf(" ") + 1);
}

/** The multi-value map of format 1.0: all values of each name, in the order of the request. */
export type ValueLists = Readonly<Record<string, readonly string[]>>;

/** The single-value map of format 1.0: the last value of each name. */
export function lastValues(lists: ValueLists): Record<string, string> {
  const values = emptyRecord<string>();
  for (const name of Object.keys(lists)) values[name] = lists[name]?.at(-1) ?? "";
  return values;
}

/** Makes the multi-value map of names and values. */
export function groupByName(pairs: HeaderList): ValueLists {
  const lists = emptyRecord<string[]>();
  for (const [name, value] of pairs) {
    const values = lists[name];
    if (values) values.push(value);
    else lists[name] = [value];
  }
  return lists;
}
