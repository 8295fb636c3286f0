import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type GatewayRequest, MAX_HEAD, headBytes, parseRequest } from "../request.ts";
import { type Answer, message } from "../response.ts";

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads an upgrade request; what RFC 6455, 4.2.1 refuses never costs a Lambda.
 */
export function readHandshake(req: IncomingMessage, now: number): GatewayRequest | Answer {
  if (headBytes(req) > MAX_HEAD) return message(431, "Request Header Fields Too Large");
  const request = parseRequest(req, now);
  if (!request) return message(400, "Bad Request");
  const { headers } = request;
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return message(426, "Upgrade Required");
  }
  const version = headers.get("sec-websocket-version");
  if (version !== "13") {
    return message(400, "Bad Request", [["sec-websocket-version", "13"]]);
  }
  const sound =
    request.method === "GET" &&
    request.protocol !== "HTTP/1.0" &&
    KEY.test(headers.get("sec-websocket-key") ?? "") &&
    offered(request) !== undefined;
  return sound ? request : message(400, "Bad Request");
}

/** The sub-protocol that `$connect` returned, if it is one the client offered. */
export function chosenProtocol(
  request: GatewayRequest,
  result: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  const headers = Object.entries(result?.["headers"] ?? {});
  const [, chosen] =
    headers.find(([name]) => name.toLowerCase() === "sec-websocket-protocol") ?? [];
  return offered(request)?.find((protocol) => protocol === chosen);
}

/** Answers an upgrade with something else than 101. */
export function refuseUpgrade(socket: Duplex, { status, headers, body }: Answer): void {
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

/** The sub-protocols of the request; undefined if they are no list of different tokens. */
function offered({ headers }: GatewayRequest): string[] | undefined {
  const list = headers.get("sec-websocket-protocol");
  if (list === undefined) return [];
  const protocols = list.split(",").map((protocol) => protocol.trim());
  const sound = protocols.every((protocol) => TOKEN.test(protocol));
  return sound && new Set(protocols).size === protocols.length ? protocols : undefined;
}
