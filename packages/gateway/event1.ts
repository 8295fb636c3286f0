import { encodeBody } from "./body.ts";
import {
  type EventSource,
  HOP_BY_HOP,
  domainPrefix,
  forwarded,
  logTime,
  rawPath,
} from "./event.ts";
import type { GatewayRequest } from "./request.ts";

/**
 * A request in payload format 1.0 as an HTTP API makes it: the path stays encoded, path parameters
 * are decoded, and `Content-Length` and `Cookie` stay, unlike in a REST API.
 */
export function event1(request: GatewayRequest, source: EventSource, bytes: Buffer): object {
  const headers = headers1(request, bytes.length);
  const query = groups(request.query);
  const { body, isBase64Encoded } = encodeBody(bytes, request.headers.get("content-type"));
  return {
    version: "1.0",
    resource: resourcePath(source.routeKey),
    path: request.encodedPath,
    httpMethod: request.method,
    headers: lasts(headers),
    multiValueHeaders: Object.fromEntries(headers),
    queryStringParameters: query.size === 0 ? null : lasts(query),
    multiValueQueryStringParameters: query.size === 0 ? null : Object.fromEntries(query),
    requestContext: requestContext1(request, source),
    pathParameters: source.pathParameters ?? null,
    stageVariables: null,
    body: body ?? null,
    isBase64Encoded,
  };
}

/** Header lists of format 1.0 in the case of the wire, with what the gateway sets. */
export function headers1(request: GatewayRequest, bodyLength: number): Map<string, string[]> {
  const own = [["content-length", String(bodyLength)] as const, ...forwarded(request)];
  const set = new Set(own.map(([name]) => name));
  const kept = request.rawHeaders.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !set.has(lower);
  });
  return groups([...kept, ...own.map(([name, value]) => [titled(name), value] as const)]);
}

/** `requestContext` of format 1.0. */
export function requestContext1(request: GatewayRequest, source: EventSource): object {
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

/** `GET /users/{id}` → `/users/{id}`; `$default` stays. */
export function resourcePath(routeKey: string): string {
  return routeKey.slice(routeKey.indexOf(" ") + 1);
}

/** The last of each list, as format 1.0 shows repeated names in its single-value maps. */
export function lasts(lists: ReadonlyMap<string, readonly string[]>): Record<string, string> {
  return Object.fromEntries([...lists].map(([name, values]) => [name, values.at(-1) ?? ""]));
}

/** The values of each name, in the order of the wire. */
export function groups(pairs: GatewayRequest["query"]): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const values = lists.get(name);
    if (values) values.push(value);
    else lists.set(name, [value]);
  }
  return lists;
}

function titled(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
