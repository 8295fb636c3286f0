/**
 * The opening handshake (RFC 6455, section 4). A request that the RFC refuses gets its error before any
 * function is invoked.
 */

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { isToken } from "../header.ts";
import { isRecord, member } from "../json.ts";
import { type GatewayRequest, MAX_HEAD, headBytes, parseRequest } from "../request.ts";
import { type HttpResponse, errorResponse } from "../response.ts";

const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Parses a handshake, or returns the error for a request that is not one. */
export function parseHandshake(req: IncomingMessage, now: number): GatewayRequest | HttpResponse {
  if (headBytes(req) > MAX_HEAD) return errorResponse(431, "Request Header Fields Too Large");
  const request = parseRequest(req, now);
  if (!request) return errorResponse(400, "Bad Request");
  const { headers } = request;
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return errorResponse(426, "Upgrade Required");
  }
  const version = headers.get("sec-websocket-version");
  if (version !== "13") {
    return errorResponse(400, "Bad Request", [["sec-websocket-version", "13"]]);
  }
  const isValid =
    request.method === "GET" &&
    request.protocol !== "HTTP/1.0" &&
    KEY.test(headers.get("sec-websocket-key") ?? "") &&
    offeredProtocols(request) !== undefined;
  return isValid ? request : errorResponse(400, "Bad Request");
}

/**
 * The sub-protocol for the 101: the one that `$connect` returned in its headers, if the client offered
 * it. AWS never selects one by itself.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
 */
export function selectProtocol(
  request: GatewayRequest,
  result: Readonly<Record<string, unknown>>,
): string | undefined {
  const returned = member(result, "headers");
  const headers = isRecord(returned) ? Object.entries(returned) : [];
  const [, selected] =
    headers.find(([name]) => name.toLowerCase() === "sec-websocket-protocol") ?? [];
  return offeredProtocols(request)?.find((protocol) => protocol === selected);
}

/** Writes the response that refuses an upgrade, and closes the socket. */
export function refuseUpgrade(socket: Duplex, { status, headers, body }: HttpResponse): void {
  if (!socket.writable) return void socket.destroy();
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]), () =>
    socket.destroy(),
  );
}

/** The sub-protocols that the client offers; undefined if they are malformed or repeated. */
function offeredProtocols({ headers }: GatewayRequest): string[] | undefined {
  const list = headers.get("sec-websocket-protocol");
  if (list === undefined) return [];
  const protocols = list.split(",").map((protocol) => protocol.trim());
  const isValid = protocols.every(isToken) && new Set(protocols).size === protocols.length;
  return isValid ? protocols : undefined;
}
