import type { IncomingMessage, ServerResponse } from "node:http";
import { MAX_BODY, readBody } from "../body.ts";
import { createCors } from "./cors.ts";
import { type EventSource, LAPTOP, event2, logTime, rawPath } from "../event.ts";
import { event1 } from "../event1.ts";
import {
  type HttpApiConfig,
  LONGEST_TIMEOUT,
  type Route,
  createAuthorizers,
  createRoutes,
} from "./config.ts";
import { isRecord } from "../json.ts";
import { MAX_PAYLOAD, invoke } from "../lambda.ts";
import {
  type GatewayRequest,
  MAX_HEAD,
  headBytes,
  newRequestId,
  parseRequest,
} from "../request.ts";
import { type Answer, fromResult1, fromResult2, message, send } from "../response.ts";
import { type Match, createRouter } from "./route.ts";
import { admit } from "../throttle.ts";

export type { HttpApiConfig, RouteConfig } from "./config.ts";

/** The laptop's stand-in for one API Gateway HTTP API. */
export interface HttpApi {
  /** Answers the request, whatever it holds; never throws. */
  handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** Gives up what is still being fetched; requests under way are the server's to drain. */
  close: () => void;
}

/** What a request has told so far, for the access log. */
interface Outcome {
  answer: Answer;
  routeKey?: string;
  integrationLatency?: number;
  integrationError?: string;
  authorizerError?: string;
}

/** Throws when AWS would refuse the configuration. */
export function createHttpApi(config: HttpApiConfig): HttpApi {
  const clock = config.clock ?? Date.now;
  const stage = config.stage ?? "$default";
  const api = { ...LAPTOP, ...config.identity };
  const report = config.onError;
  const cors = config.cors && createCors(config.cors);
  const authorizers = createAuthorizers(config, clock);
  const router = createRouter(createRoutes(config, authorizers, clock()));

  async function respond(
    request: GatewayRequest,
    req: IncomingMessage,
  ): Promise<Outcome | undefined> {
    const match = route(request);
    if (!match) return { answer: message(404, "Not Found") };
    const { routeKey, buckets } = match.route;
    if (!admit(buckets, clock())) return { routeKey, answer: message(429, "Too Many Requests") };
    const outcome = await authorizeAndRun(match, request, req);
    return outcome && { routeKey, ...outcome };
  }

  function route({ method, segments }: GatewayRequest): Match<Route> | undefined {
    if (stage === "$default") return router.match(method, segments);
    if (segments[0] !== stage) return undefined;
    return router.match(method, segments.length === 1 ? [""] : segments.slice(1));
  }

  async function authorizeAndRun(
    { route: { authorizer, config: settings, functionName }, pathParameters }: Match<Route>,
    request: GatewayRequest,
    req: IncomingMessage,
  ): Promise<Outcome | undefined> {
    const source: EventSource = { api, stage, routeKey: settings.routeKey, pathParameters };
    const verdict = await authorizer?.authorize(request, source, settings.scopes ?? []);
    if (verdict && !verdict.allowed)
      return { answer: verdict.answer, authorizerError: verdict.error };

    const body = await readBody(req, MAX_BODY);
    if (body.outcome === "aborted") return undefined;
    if (body.outcome === "too-large") return { answer: message(413, "Request Entity Too Large") };

    const legacy = settings.payloadFormatVersion === "1.0";
    const event = legacy
      ? event1(request, { ...source, authorizer: verdict && flat(verdict.context) }, body.bytes)
      : event2(request, { ...source, authorizer: verdict?.context }, body.bytes);
    const payload = JSON.stringify(event);
    if (Buffer.byteLength(payload) > MAX_PAYLOAD) {
      return { answer: message(413, "Request Entity Too Large") };
    }

    const startedAt = performance.now();
    const timeoutMs = settings.timeoutMs ?? LONGEST_TIMEOUT;
    const invocation = await invoke(settings.handler, functionName, payload, timeoutMs);
    const integrationLatency = since(startedAt);
    const failure = (status: 500 | 503, what: string, error: unknown): Outcome => {
      report({ what: `${settings.routeKey}: ${what}`, error, requestId: request.id });
      const text = status === 503 ? "Service Unavailable" : "Internal Server Error";
      return { answer: message(status, text), integrationLatency, integrationError: what };
    };
    if (invocation.outcome === "timed-out") {
      return failure(
        503,
        "the integration timed out",
        new Error(`no result after ${timeoutMs} ms`),
      );
    }
    if (invocation.outcome === "failed") return failure(500, "the Lambda failed", invocation.error);
    const answer = legacy ? fromResult1(invocation.value) : fromResult2(invocation.value);
    if (!answer) {
      return failure(500, "the Lambda's result cannot be an answer", new Error("malformed result"));
    }
    return { answer, integrationLatency };
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const receivedAt = clock();
    const request = headBytes(req) <= MAX_HEAD ? parseRequest(req, receivedAt) : undefined;
    const requestId = request?.id ?? newRequestId();
    const preflight = request && cors?.preflight(request);
    let outcome: Outcome | undefined;
    try {
      if (preflight) outcome = { answer: preflight };
      else outcome = request ? await respond(request, req) : { answer: unreadable(req) };
    } catch (error) {
      report({ what: "the gateway itself failed", error, requestId });
      outcome = { answer: message(500, "Internal Server Error") };
    }
    if (!outcome) return;
    const { answer, ...details } = outcome;
    const shown = cors && !preflight ? cors.apply(answer, req.headers.origin) : answer;
    send(res, withRequestId(shown, requestId));
    config.accessLog?.({
      requestId,
      ip: request?.sourceIp ?? "-",
      requestTime: logTime(receivedAt),
      httpMethod: req.method ?? "-",
      path: request ? rawPath(request) : "-",
      stage,
      protocol: request?.protocol ?? "-",
      userAgent: request?.headers.get("user-agent") ?? "-",
      status: answer.status,
      responseLength: answer.body.length,
      responseLatency: since(startedAt),
      ...details,
      routeKey: details.routeKey ?? "-",
    });
  }

  return {
    handle(req, res) {
      handle(req, res).catch((error: unknown) => {
        report({ what: "an answer could not be sent", error });
        res.destroy();
      });
    },
    close() {
      for (const authorizer of authorizers.values()) authorizer.close();
    },
  };
}

/** Format 1.0 has an authorizer's members without the `jwt` or `lambda` around them. */
function flat(context: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.values(context).filter(isRecord).flatMap(Object.entries));
}

function unreadable(req: IncomingMessage): Answer {
  return headBytes(req) > MAX_HEAD
    ? message(431, "Request Header Fields Too Large")
    : message(400, "Bad Request");
}

function withRequestId(answer: Answer, id: string): Answer {
  const headers = answer.headers.filter(([name]) => name !== "apigw-requestid");
  return { ...answer, headers: [...headers, ["apigw-requestid", id]] };
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
