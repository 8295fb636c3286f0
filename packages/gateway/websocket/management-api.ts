/**
 * The `@connections` commands, which AWS also calls the API Gateway Management API: a backend sends to
 * a connection, looks it up, or closes it. Only callers with a valid IAM signature get through.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type BodyCheck, type IamError, authorizeCaller } from "../auth/iam-authorization.ts";
import { readBody } from "../body.ts";
import type { ApiIdentity } from "../event.ts";
import type { ReportError } from "../log.ts";
import {
  type GatewayRequest,
  MAX_HEAD,
  headBytes,
  newRequestId,
  parseRequest,
} from "../request.ts";
import { type HttpResponse, errorResponse, jsonResponse, writeResponse } from "../response.ts";
import { admit, createBucket } from "../throttle.ts";
import type { WebSocketLimits } from "./config.ts";
import type { Connection, SendResult } from "./connection.ts";

/** The parts of an API that `@connections` needs. */
export interface ManagementApiOptions {
  api: ApiIdentity;
  credentials: Readonly<Record<string, string>>;
  connections: ReadonlyMap<string, Connection>;
  limits: WebSocketLimits;
  clock: () => number;
  report: ReportError;
}

/** `@connections` of one API. */
export interface ManagementApi {
  /** Responds to a request for `/{stage}/@connections/…`; the caller has checked the path up to there. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Does what a signed `POST` does, with its throttle, and returns the status of its answer. */
  post(connectionId: string, data: Buffer): number;
}

/** Creates the `@connections` commands of an API. They never throw. */
export function createManagementApi(options: ManagementApiOptions): ManagementApi {
  const { api, connections, limits, clock, report } = options;
  const secrets = new Map(Object.entries(options.credentials));
  const bucket = createBucket(limits.management, clock());

  /** Undefined if the client disconnected before its body was complete. */
  async function respond(req: IncomingMessage): Promise<HttpResponse | undefined> {
    const request = headBytes(req) <= MAX_HEAD ? parseRequest(req, clock()) : undefined;
    if (!request) return awsError(400, { type: "BadRequestException", message: "Bad Request" });
    const caller = authorizeCaller(request, api, secrets);
    if (typeof caller !== "function") return awsError(403, caller);
    if (!admit(clock(), bucket)) return THROTTLED;
    const body = await readBody(req, limits.message);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") return TOO_LARGE;
    return run(request, caller, body.bytes);
  }

  async function run(
    request: GatewayRequest,
    checkBody: BodyCheck,
    body: Buffer,
  ): Promise<HttpResponse> {
    const refusal = await checkBody(body);
    if (refusal) return awsError(403, refusal);
    const [, , connectionId, ...more] = request.segments;
    if (!connectionId || more.length > 0) return FORBIDDEN;
    // Looked up after the wait above, in which the connection may have gone.
    const connection = connections.get(connectionId);
    switch (request.method) {
      case "POST":
        return SENT[connection?.send(body) ?? "gone"];
      case "GET":
        return connection ? describe(connection) : GONE;
      case "DELETE":
        connection?.close({ code: 1000, reason: "Connection Closed Normally" });
        return connection ? { status: 204, headers: [], body: EMPTY } : GONE;
      default:
        return FORBIDDEN;
    }
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = newRequestId();
    const response = await respond(req).catch((error: unknown) => {
      report({ message: "@connections failed", error, requestId });
      return FAILED;
    });
    if (!response) return;
    const headers = [...response.headers, ["x-amzn-requestid", requestId] as const];
    writeResponse(res, { ...response, headers });
  }

  return {
    handle(req, res) {
      handle(req, res).catch((error: unknown) => {
        report({ message: "a response could not be written", error });
        res.destroy();
      });
    },
    post(connectionId, data) {
      if (!admit(clock(), bucket)) return THROTTLED.status;
      return SENT[connections.get(connectionId)?.send(data) ?? "gone"].status;
    },
  };
}

/** An error as AWS SDKs expect it: the type in a header, the message in the body. */
function awsError(status: number, { type, message }: IamError): HttpResponse {
  return errorResponse(status, message, [["x-amzn-errortype", type]]);
}

const EMPTY = Buffer.alloc(0);
const FORBIDDEN = awsError(403, { type: "ForbiddenException", message: "Forbidden" });
const THROTTLED = awsError(429, {
  type: "LimitExceededException",
  message: "Too Many Requests",
});
const TOO_LARGE = awsError(413, {
  type: "PayloadTooLargeException",
  message: "Message too long",
});
const FAILED = awsError(500, {
  type: "InternalServerErrorException",
  message: "Internal server error",
});
// AWS sends no body with this one: https://github.com/georgeboot/laravel-echo-api-gateway/issues/9
const GONE: HttpResponse = {
  status: 410,
  headers: [["x-amzn-errortype", "GoneException"]],
  body: EMPTY,
};
const SENT: Readonly<Record<SendResult, HttpResponse>> = {
  sent: { status: 200, headers: [], body: EMPTY },
  gone: GONE,
  "too-large": TOO_LARGE,
};

function describe({ info, lastActiveAt }: Connection): HttpResponse {
  const { connectedAt, sourceIp, userAgent } = info;
  return jsonResponse(200, {
    connectedAt: new Date(connectedAt).toISOString(),
    identity: { sourceIp, userAgent },
    lastActiveAt: new Date(lastActiveAt).toISOString(),
  });
}
