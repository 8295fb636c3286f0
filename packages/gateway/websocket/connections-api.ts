import type { IncomingMessage, ServerResponse } from "node:http";
import type { Report } from "../auth/authorizer.ts";
import { readBody } from "../body.ts";
import { type SignatureCheck, readCaller } from "./connections-caller.ts";
import type { ApiIdentity } from "../event.ts";
import {
  type GatewayRequest,
  MAX_HEAD,
  headBytes,
  newRequestId,
  parseRequest,
} from "../request.ts";
import { type Answer, send } from "../response.ts";
import { admit, createBucket } from "../throttle.ts";
import type { WebSocketLimits } from "./config.ts";
import type { Connection } from "./connection.ts";

/** What `@connections` of an API needs. */
export interface ConnectionsApiOptions {
  api: ApiIdentity;
  credentials: Readonly<Record<string, string>>;
  connections: ReadonlyMap<string, Connection>;
  limits: WebSocketLimits;
  clock: () => number;
  report: Report;
}

const NOTHING = Buffer.alloc(0);

/**
 * The commands that a backend has over connections, signed with Signature Version 4. The function
 * answers what has been found to be on a path of `@connections`, and never throws.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */
export function createConnectionsApi(
  options: ConnectionsApiOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { api, connections, limits, clock, report } = options;
  const secrets = new Map(Object.entries(options.credentials));
  const bucket = createBucket(limits.management, clock());

  async function respond(req: IncomingMessage): Promise<Answer | undefined> {
    const request = headBytes(req) <= MAX_HEAD ? parseRequest(req, clock()) : undefined;
    if (!request) return failure(400, "BadRequestException", "Bad Request");
    const caller = readCaller(request, api, secrets);
    if (typeof caller !== "function") return failure(403, caller.type, caller.text);
    if (!admit([bucket], clock())) {
      return failure(429, "LimitExceededException", "Too Many Requests");
    }
    const body = await readBody(req, limits.message);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") return TOO_LARGE;
    return run(request, caller, body.bytes);
  }

  function run(request: GatewayRequest, check: SignatureCheck, body: Buffer): Answer {
    const refusal = check(body);
    if (refusal) return failure(403, refusal.type, refusal.text);
    const [, , connectionId, ...more] = request.segments;
    if (!connectionId || more.length > 0) return FORBIDDEN;
    const connection = connections.get(connectionId);
    switch (request.method) {
      case "POST":
        return POSTED[connection?.post(body) ?? "gone"];
      case "GET":
        return connection ? told(connection) : GONE;
      case "DELETE":
        connection?.end({ code: 1000, reason: "Connection Closed Normally" });
        return connection ? { status: 204, headers: [], body: NOTHING } : GONE;
      default:
        return FORBIDDEN;
    }
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = newRequestId();
    const answer = await respond(req).catch((error: unknown) => {
      report({ what: "@connections failed", error, requestId });
      return failure(500, "InternalServerErrorException", "Internal server error");
    });
    if (!answer) return;
    send(res, { ...answer, headers: [...answer.headers, ["x-amzn-requestid", requestId]] });
  }

  return (req, res) => {
    handle(req, res).catch((error: unknown) => {
      report({ what: "an answer could not be sent", error });
      res.destroy();
    });
  };
}

function failure(status: number, type: string, text?: string): Answer {
  const error = ["x-amzn-errortype", type] as const;
  if (text === undefined) return { status, headers: [error], body: NOTHING };
  return {
    status,
    headers: [["content-type", "application/json"], error],
    body: Buffer.from(JSON.stringify({ message: text })),
  };
}

const FORBIDDEN = failure(403, "ForbiddenException", "Forbidden");
// AWS says no more than this: https://github.com/georgeboot/laravel-echo-api-gateway/issues/9
const GONE = failure(410, "GoneException");
const TOO_LARGE = failure(413, "PayloadTooLargeException", "Message too long");
const POSTED = {
  sent: { status: 200, headers: [], body: NOTHING },
  gone: GONE,
  "too-large": TOO_LARGE,
};

function told({ facts, lastActiveAt }: Connection): Answer {
  const { connectedAt, sourceIp, userAgent } = facts;
  const body = {
    connectedAt: new Date(connectedAt).toISOString(),
    identity: { sourceIp, userAgent },
    lastActiveAt: new Date(lastActiveAt).toISOString(),
  };
  return {
    status: 200,
    headers: [["content-type", "application/json"]],
    body: Buffer.from(JSON.stringify(body)),
  };
}
