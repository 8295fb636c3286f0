import { encodeBody } from "./body.ts";
import type { GatewayRequest } from "./request.ts";

/** Where an API stands in AWS; its names appear in events and ARNs. */
export interface ApiIdentity {
  accountId: string;
  apiId: string;
  region: string;
  domainName: string;
}

/** What names an API that does not say where it stands. */
export const LAPTOP: ApiIdentity = {
  accountId: "123456789012",
  apiId: "laptop",
  region: "us-east-1",
  domainName: "localhost",
};

/** What an event says besides the request itself. */
export interface EventSource {
  api: ApiIdentity;
  stage: string;
  routeKey: string;
  pathParameters: Record<string, string> | undefined;
  /** `requestContext.authorizer`, when the route has one. */
  authorizer?: Record<string, unknown> | undefined;
}

/** Headers between client and gateway only, which no event shows. */
export const HOP_BY_HOP = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * A request in payload format 2.0. What is undefined here is absent after JSON, as on AWS.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function event2(request: GatewayRequest, source: EventSource, bytes: Buffer): object {
  const cookies = request.headers.get("cookie");
  return {
    version: "2.0",
    routeKey: source.routeKey,
    rawPath: rawPath(request),
    rawQueryString: request.rawQuery,
    cookies: cookies?.split("; "),
    headers: headers2(request, bytes.length),
    queryStringParameters: joinedQuery(request),
    requestContext: requestContext2(request, source),
    pathParameters: source.pathParameters,
    ...encodeBody(bytes, request.headers.get("content-type")),
  };
}

/** The headers of format 2.0 events, for integrations and authorizers alike. */
export function headers2(request: GatewayRequest, bodyLength: number): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of request.headers) {
    if (!HOP_BY_HOP.has(name) && name !== "cookie") headers.set(name, value);
  }
  headers.set("content-length", String(bodyLength));
  for (const [name, value] of forwarded(request)) headers.set(name, value);
  return Object.fromEntries(headers);
}

/** Decoded; a repeated parameter's values joined with `,`. */
export function joinedQuery({ query }: GatewayRequest): Record<string, string> | undefined {
  if (query.length === 0) return undefined;
  const joined = new Map<string, string>();
  for (const [name, value] of query) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}

/** `requestContext` of format 2.0. */
export function requestContext2(request: GatewayRequest, source: EventSource): object {
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

/** The path decoded, with the stage if it was sent. */
export function rawPath({ segments }: GatewayRequest): string {
  return `/${segments.join("/")}`;
}

/** `14/Apr/2025:22:13:56 +0000`, UTC. */
export function logTime(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const [year = "", month = "", day = ""] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1] ?? ""}/${year}:${time.slice(0, 8)} +0000`;
}

/** The headers that the gateway sets itself. */
export function forwarded({
  headers,
  sourceIp,
  port,
  traceId,
}: GatewayRequest): [string, string][] {
  const before = headers.get("x-forwarded-for");
  return [
    ["x-amzn-trace-id", traceId],
    ["x-forwarded-for", before === undefined ? sourceIp : `${before}, ${sourceIp}`],
    // The truth on a laptop; on AWS always 443 and https.
    ["x-forwarded-port", port],
    ["x-forwarded-proto", "http"],
  ];
}

/** The first label of the API's domain name. */
export function domainPrefix(domainName: string): string {
  return domainName.split(".", 1)[0] ?? domainName;
}
