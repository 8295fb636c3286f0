/** Ways in which AWS and networks fail a call, for services whose calls may be repeated. */

import type { Respond } from "./server.ts";

const error =
  (status: number, type: string, message = "why"): Respond =>
  (response) =>
    response
      .writeHead(status, { "x-amzn-errortype": type })
      .end(JSON.stringify({ __type: `com.amazonaws.service#${type}`, message }));

const reply =
  (status: number, body: string): Respond =>
  (response) =>
    response.writeHead(status).end(body);

const HOUR = 3_600_000; // ms

export const FAULTS: Readonly<Record<string, Respond>> = {
  "the connection is gone": error(410, "GoneException"),
  forbidden: error(403, "ForbiddenException"),
  "too large": error(413, "PayloadTooLargeException"),
  "the queue does not exist": error(400, "QueueDoesNotExist"),
  "not allowed": error(403, "AccessDeniedException"),
  "not found": error(404, "UnknownOperationException"),
  "throttled by status": error(429, "SomethingNew"),
  "a limit": error(429, "LimitExceededException"),
  "throttled by name": error(400, "ThrottlingException"),
  "throttled by SQS": error(403, "RequestThrottled"),
  "throttled by a key": error(400, "KmsThrottled"),
  "a limit of the account": error(400, "OverLimit"),
  "timed out at the server": error(400, "RequestTimeout"),
  "an old signature": error(403, "InvalidSignatureException", "Signature expired: 2020 is old"),
  "a wrong signature": error(403, "InvalidSignatureException", "does not match"),
  "another time": (response) =>
    response
      .writeHead(403, { date: new Date(Date.now() + HOUR).toUTCString() })
      .end(JSON.stringify({ __type: "RequestTimeTooSkewed", message: "why" })),
  "an internal error": error(500, "InternalServerError"),
  "a bad gateway": reply(502, "<html>Bad Gateway</html>"),
  "not available": error(503, "ServiceUnavailable"),
  "no answer in time": error(504, "GatewayTimeout"),
  "a server's error that is final": error(501, "NotImplemented"),
  "500 without a body": reply(500, ""),
  "400 without a body": reply(400, ""),
  "400 in HTML": reply(400, "<html>Bad Request</html>"),
  "a reset": (response) => response.socket?.resetAndDestroy(),
  "a close": (response) => response.socket?.end(),
  "not HTTP": (response) => response.socket?.end("nonsense\r\n\r\n"),
  "half a head": (response) => response.socket?.end("HTTP/1.1 200 OK\r\ncontent-le"),
};
