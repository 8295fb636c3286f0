/**
 * The events of WebSocket APIs. Only CONNECT events show the headers and the query of the handshake,
 * and every event of a connection shows the same `requestContext.authorizer`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */

import { logTime } from "../event.ts";
import { groupByName, headersV1, lastValues } from "../event-v1.ts";
import { type GatewayRequest, newRequestId } from "../request.ts";

/** The data of a connection that all of its events contain. */
export interface ConnectionInfo {
  connectionId: string;
  connectedAt: number; // epoch milliseconds
  apiId: string;
  stage: string;
  /** The host that the client connected to, with its port. `@connections` has the same address. */
  domainName: string;
  sourceIp: string;
  userAgent: string | undefined;
  /** The context that the authorizer of `$connect` returned; absent without an authorizer. */
  authorizer?: Record<string, unknown>;
}

/** The status code and the reason of a close frame. */
export interface CloseStatus {
  code: number;
  reason: string;
}

/** An event as JSON, ready for a function. */
export interface WebSocketEvent {
  requestId: string;
  at: number; // epoch milliseconds
  payload: string;
}

type EventType = Readonly<Record<string, unknown>> & {
  routeKey: string;
  eventType: "CONNECT" | "MESSAGE" | "DISCONNECT";
};

const CONNECT = { routeKey: "$connect", eventType: "CONNECT" } as const;

/** The event of `$connect`. */
export function connectEvent(info: ConnectionInfo, request: GatewayRequest): WebSocketEvent {
  const members = { ...handshakeMembers(request), isBase64Encoded: false };
  return createEvent(info, request.receivedAt, request.id, CONNECT, members);
}

/** The event for the authorizer of `$connect`, as JSON. */
export function authorizerEvent(
  info: ConnectionInfo,
  request: GatewayRequest,
  methodArn: string,
): string {
  const {
    queryStringParameters = {},
    multiValueQueryStringParameters = {},
    ...headers
  } = handshakeMembers(request);
  return JSON.stringify({
    type: "REQUEST",
    methodArn,
    ...headers,
    queryStringParameters,
    multiValueQueryStringParameters,
    stageVariables: {},
    requestContext: requestContext(info, request.receivedAt, request.id, CONNECT),
  });
}

/** The event of a message. */
export function messageEvent(
  info: ConnectionInfo,
  routeKey: string,
  body: string,
  at: number,
): WebSocketEvent {
  const type = { routeKey, eventType: "MESSAGE", messageId: newRequestId() } as const;
  return createEvent(info, at, newRequestId(), type, { body, isBase64Encoded: false });
}

/** The event of `$disconnect`. AWS adds these four headers to it, three of them empty. */
export function disconnectEvent(
  info: ConnectionInfo,
  { code, reason }: CloseStatus,
  at: number,
): WebSocketEvent {
  const headers = {
    Host: info.domainName,
    "x-api-key": "",
    "X-Forwarded-For": "",
    "x-restapi": "",
  };
  const type = {
    routeKey: "$disconnect",
    eventType: "DISCONNECT",
    disconnectStatusCode: code,
    disconnectReason: reason,
  } as const;
  return createEvent(info, at, newRequestId(), type, {
    headers,
    multiValueHeaders: groupByName(Object.entries(headers)),
    isBase64Encoded: false,
  });
}

function createEvent(
  info: ConnectionInfo,
  at: number,
  requestId: string,
  type: EventType,
  members: Readonly<Record<string, unknown>>,
): WebSocketEvent {
  const context = requestContext(info, at, requestId, type);
  return { requestId, at, payload: JSON.stringify({ ...members, requestContext: context }) };
}

function requestContext(
  info: ConnectionInfo,
  at: number,
  requestId: string,
  type: EventType,
): object {
  const { authorizer, sourceIp, userAgent, connectedAt, stage, domainName, connectionId, apiId } =
    info;
  return {
    ...type,
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

function handshakeMembers(request: GatewayRequest) {
  const { "Content-Length": _, ...headers } = headersV1(request, 0);
  const query = groupByName(request.query);
  return {
    headers: lastValues(headers),
    multiValueHeaders: headers,
    ...(request.query.length > 0 && {
      queryStringParameters: lastValues(query),
      multiValueQueryStringParameters: query,
    }),
  };
}
