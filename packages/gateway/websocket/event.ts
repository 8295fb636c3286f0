import { logTime } from "../event.ts";
import { groups, headers1, lasts } from "../event1.ts";
import { type GatewayRequest, newRequestId } from "../request.ts";

/** What every event of a connection tells of it. */
export interface ConnectionFacts {
  connectionId: string;
  connectedAt: number; // epoch milliseconds
  apiId: string;
  stage: string;
  /** The host that the client asked for, with its port: where `@connections` is. */
  domainName: string;
  sourceIp: string;
  userAgent: string | undefined;
  /** What the authorizer of `$connect` gave, if there was one. */
  authorizer?: Record<string, unknown>;
}

/** An event on its way to a Lambda, as JSON. */
export interface WebSocketEvent {
  requestId: string;
  at: number; // epoch milliseconds
  payload: string;
}

type Kind = Readonly<Record<string, unknown>> & {
  routeKey: string;
  eventType: "CONNECT" | "MESSAGE" | "DISCONNECT";
};

/**
 * The event of `$connect`, the only one that shows the request's headers and query.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
 */
export function connectEvent(facts: ConnectionFacts, request: GatewayRequest): WebSocketEvent {
  return event(
    facts,
    request.receivedAt,
    request.id,
    { routeKey: "$connect", ...CONNECT },
    {
      ...handshake(request),
      isBase64Encoded: false,
    },
  );
}

/** What an authorizer of `$connect` is asked with. */
export function authorizerEvent(
  facts: ConnectionFacts,
  request: GatewayRequest,
  methodArn: string,
): string {
  const {
    queryStringParameters = {},
    multiValueQueryStringParameters = {},
    ...headers
  } = handshake(request);
  return JSON.stringify({
    type: "REQUEST",
    methodArn,
    ...headers,
    queryStringParameters,
    multiValueQueryStringParameters,
    stageVariables: {},
    requestContext: context(facts, request.receivedAt, request.id, {
      routeKey: "$connect",
      ...CONNECT,
    }),
  });
}

/** The event of a message: neither headers nor a query. */
export function messageEvent(
  facts: ConnectionFacts,
  routeKey: string,
  body: string,
  at: number,
): WebSocketEvent {
  const kind = { routeKey, eventType: "MESSAGE", messageId: newRequestId() } as const;
  return event(facts, at, newRequestId(), kind, { body, isBase64Encoded: false });
}

/** The event of `$disconnect`; AWS fills its headers in just so. */
export function disconnectEvent(
  facts: ConnectionFacts,
  { code, reason }: { code: number; reason: string },
  at: number,
): WebSocketEvent {
  const headers = {
    Host: facts.domainName,
    "x-api-key": "",
    "X-Forwarded-For": "",
    "x-restapi": "",
  };
  const kind = {
    routeKey: "$disconnect",
    eventType: "DISCONNECT",
    disconnectStatusCode: code,
    disconnectReason: reason,
  } as const;
  return event(facts, at, newRequestId(), kind, {
    headers,
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    isBase64Encoded: false,
  });
}

const CONNECT = { eventType: "CONNECT" } as const;

function event(
  facts: ConnectionFacts,
  at: number,
  requestId: string,
  kind: Kind,
  { headers, multiValueHeaders, ...rest }: Record<string, unknown>,
): WebSocketEvent {
  const requestContext = context(facts, at, requestId, kind);
  return {
    requestId,
    at,
    payload: JSON.stringify({ headers, multiValueHeaders, ...rest, requestContext }),
  };
}

function context(facts: ConnectionFacts, at: number, requestId: string, kind: Kind): object {
  const { authorizer, sourceIp, userAgent, connectedAt, stage, domainName, connectionId, apiId } =
    facts;
  return {
    ...kind,
    authorizer,
    extendedRequestId: requestId,
    requestTime: logTime(at),
    messageDirection: "IN",
    stage,
    connectedAt,
    requestTimeEpoch: at,
    identity: { sourceIp, userAgent },
    requestId,
    domainName,
    connectionId,
    apiId,
  };
}

function handshake(request: GatewayRequest) {
  const headers = headers1(request, 0);
  headers.delete("Content-Length");
  const query = groups(request.query);
  return {
    headers: lasts(headers),
    multiValueHeaders: Object.fromEntries(headers),
    ...(query.size > 0 && {
      queryStringParameters: lasts(query),
      multiValueQueryStringParameters: Object.fromEntries(query),
    }),
  };
}
