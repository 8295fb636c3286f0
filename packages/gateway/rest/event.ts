/**
 * Payload format 1.0 as a REST API writes it. It differs from the format 1.0 of HTTP APIs: no version,
 * encoded path parameters, and no headers that concern one connection.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
 */

import { createHash } from "node:crypto";
import { type ApiIdentity, domainPrefix, logTime } from "../event.ts";
import { type ValueLists, groupByName, lastValues } from "../event-v1.ts";
import { type GatewayRequest, randomHex } from "../request.ts";

/** Everything in an event that does not come from the request itself. */
export interface RestSource {
  api: ApiIdentity;
  stage: string;
  stageVariables: Readonly<Record<string, string>> | null;
  /** Such as `GET /users/{id}`. */
  routeKey: string;
  /** The part of the path behind the stage, percent-encoded as sent. */
  path: string;
  pathParameters: Readonly<Record<string, string>> | undefined;
  requestId: string; // a UUID
  authorizer?: Readonly<Record<string, unknown>>;
  apiKey?: { id: string; value: string };
}

/** The headers that API Gateway never hands to an integration, in lower case. */
const HIDDEN: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-md5",
  "expect",
  "max-forwards",
  "proxy-authenticate",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "www-authenticate",
]);
/** The headers that the gateway sets itself, in lower case. */
const REPLACED: ReadonlySet<string> = new Set([
  "x-amzn-trace-id",
  "x-forwarded-for",
  "x-forwarded-port",
  "x-forwarded-proto",
]);
/** Names that are written this way, however the client wrote them. */
const CANONICAL: ReadonlyMap<string, string> = new Map([
  ["authorization", "Authorization"],
  ["user-agent", "User-Agent"],
  ["host", "Host"],
]);

/** Header values by name as integrations see them. */
export function restHeaders(request: GatewayRequest): ValueLists {
  const headers: [string, string][] = [];
  for (const [name, value] of request.rawHeaders) {
    const lower = name.toLowerCase();
    if (HIDDEN.has(lower) || REPLACED.has(lower)) continue;
    // A signature is for the gateway.
    if (lower === "authorization" && value.startsWith("AWS4-")) continue;
    headers.push([CANONICAL.get(lower) ?? name, value]);
  }
  headers.push(
    ["X-Amzn-Trace-Id", traceOf(request)],
    ["X-Forwarded-For", forwardedFor(request)],
    // AWS always sends 443 and https. Here they are true, so that a handler can build its own URL.
    ["X-Forwarded-Port", request.port],
    ["X-Forwarded-Proto", "http"],
  );
  return groupByName(headers);
}

/** The client's trace is continued. */
function traceOf({ headers, traceId }: GatewayRequest): string {
  const root = /(?:^|;)\s*(Root=[^;]+)/.exec(headers.get("x-amzn-trace-id") ?? "")?.[1];
  return root ?? traceId;
}

/** The trace as an answer shows it: that of the request, with spans of its own. */
export function responseTrace(request: GatewayRequest): string {
  const random = randomHex(12);
  return `${traceOf(request)};Parent=${random.slice(0, 16)};Sampled=0;Lineage=1:${random.slice(16)}:0`;
}

function forwardedFor({ headers, sourceIp }: GatewayRequest): string {
  const received = headers.get("x-forwarded-for");
  return received === undefined ? sourceIp : `${received}, ${sourceIp}`;
}

/** The members that events for integrations and for REQUEST authorizers share. */
export function requestPart(request: GatewayRequest, source: RestSource) {
  const headers = restHeaders(request);
  const query = request.query.length === 0 ? null : groupByName(request.query);
  const { pathParameters } = source;
  return {
    resource: resourcePath(source.routeKey),
    path: source.path,
    httpMethod: request.method,
    headers: lastValues(headers),
    multiValueHeaders: headers,
    queryStringParameters: query && lastValues(query),
    multiValueQueryStringParameters: query,
    pathParameters: pathParameters ?? null,
    stageVariables: source.stageVariables,
    requestContext: requestContext(request, source),
  };
}

/** The event for a Lambda proxy integration. All members are always there; empty ones are null. */
export function proxyEvent(
  request: GatewayRequest,
  source: RestSource,
  bytes: Buffer,
  isBase64Encoded: boolean,
): object {
  return {
    ...requestPart(request, source),
    body: bytes.length === 0 ? null : bytes.toString(isBase64Encoded ? "base64" : "utf8"),
    isBase64Encoded: bytes.length > 0 && isBase64Encoded,
  };
}

/** Without authorizer or key their members are undefined, so that JSON leaves them out. */
function requestContext(request: GatewayRequest, source: RestSource): object {
  const { api, stage, routeKey, requestId, authorizer, apiKey } = source;
  const resource = resourcePath(routeKey);
  return {
    resourceId: idOf(resource),
    authorizer,
    resourcePath: resource,
    httpMethod: request.method,
    extendedRequestId: request.id,
    requestTime: logTime(request.receivedAt),
    path: request.encodedPath,
    accountId: api.accountId,
    protocol: request.protocol,
    stage,
    domainPrefix: domainPrefix(api.domainName),
    requestTimeEpoch: request.receivedAt,
    requestId,
    identity: {
      cognitoIdentityPoolId: null,
      accountId: null,
      apiKey: apiKey?.value,
      apiKeyId: apiKey?.id,
      cognitoIdentityId: null,
      caller: null,
      sourceIp: request.sourceIp,
      principalOrgId: null,
      accessKey: null,
      cognitoAuthenticationType: null,
      cognitoAuthenticationProvider: null,
      userArn: null,
      userAgent: request.headers.get("user-agent") ?? null,
      user: null,
    },
    domainName: api.domainName,
    deploymentId: idOf(`${api.apiId}/${stage}`),
    apiId: api.apiId,
  };
}

/** `GET /users/{id}` becomes `/users/{id}`. */
export const resourcePath = (routeKey: string): string => routeKey.slice(routeKey.indexOf(" ") + 1);

/** The ARN that policies name: `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}/{path}`. */
export const methodArn = (request: GatewayRequest, { api, stage, path }: RestSource): string =>
  `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${stage}/${request.method}${path}`;

const ids = new Map<string, string>();

/**
 * Ids such as AWS makes them, but the same at each start. They are remembered, since the texts are
 * those of an API's configuration.
 */
function idOf(text: string): string {
  const known = ids.get(text);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(text).digest("hex");
  const id = BigInt(`0x${hash}`).toString(36).slice(0, ID_LENGTH);
  ids.set(text, id);
  return id;
}
const ID_LENGTH = 6;
