/**
 * Emulates one WebSocket API: handshakes, connections with the limits of AWS, and `@connections`. Every
 * client whose `$connect` succeeded gets exactly one `$disconnect`, also when it disconnects during the
 * handshake or when the API closes.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { LAPTOP } from "../event.ts";
import { type GatewayRequest, newRequestId } from "../request.ts";
import { errorResponse, writeResponse } from "../response.ts";
import { admit, createBucket } from "../throttle.ts";
import { AWS_LIMITS, type WebSocketApiConfig, createWebSocketRoutes } from "./config.ts";
import { createConnectRoute } from "./connect-route.ts";
import { type Connection, type SendResult, createConnection } from "./connection.ts";
import type { CloseStatus, ConnectionInfo } from "./event.ts";
import { LimitedSocket } from "./frame-limit.ts";
import { createFramer } from "./frame.ts";
import { parseHandshake, refuseUpgrade } from "./handshake.ts";
import { createManagementApi } from "./management-api.ts";
import { routeSelection } from "./route-selection.ts";
import { createRouteRunner, logRecord } from "./route.ts";

export type { WebSocketApiConfig } from "./config.ts";

/** One WebSocket API. */
export interface WebSocketApi {
  /** Takes over an upgrade request for this API's stage; returns false for any other path. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Responds to requests for `/{stage}` and `/{stage}/@connections/{id}`; else returns false. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  /** Sends a text message. */
  send(connectionId: string, data: Buffer): SendResult;
  /**
   * `POST @connections` for a caller in this process: no request and no signature, but the same limits
   * and throttle. Returns the status: 200, 410 (gone), 413 (too large) or 429.
   */
  post(connectionId: string, data: Buffer): number;
  /** Closes all connections with 1001. Resolves when each `$disconnect` has run, or after a limit. */
  close(): Promise<void>;
  /** The number of open connections. */
  readonly connections: number;
}

const GOING_AWAY: CloseStatus = { code: 1001, reason: "Going away" };
const ABORTED: CloseStatus = { code: 1006, reason: "" };
const UNAVAILABLE = errorResponse(503, "Service Unavailable");
/** The answer to a path without a stage of the API, as if this API had the host for itself. */
const FORBIDDEN = errorResponse(403, "Forbidden", [["x-amzn-errortype", "ForbiddenException"]]);

/** Creates the API. Throws for a configuration that AWS refuses. */
export function createWebSocketApi(config: WebSocketApiConfig): WebSocketApi {
  const { stage, onError: report, clock = Date.now, concurrent = false } = config;
  const { credentials = {}, accessLog: log = () => undefined } = config;
  const limits = { ...AWS_LIMITS, ...config.limits };
  const api = { ...LAPTOP, ...config.identity };
  const routes = createWebSocketRoutes(config, limits, clock());
  const connectRoute = createConnectRoute(config, api, routes.get("$connect"));
  const select = routeSelection(config.routeSelectionExpression);
  const runner = createRouteRunner({ routes, select, clock, report, log });
  const newConnections = createBucket(limits.connections, clock());
  const connectBuckets = [newConnections, ...(routes.get("$connect")?.buckets ?? [])];
  const connections = new Map<string, Connection>();
  const frame = createFramer();
  const management = createManagementApi({ api, credentials, connections, limits, clock, report });
  /** Handshakes and connections that are not finished, each with the function that aborts it. */
  const unfinished = new Map<Promise<void>, () => void>();
  /** The sub-protocols that `$connect` selected; `handleProtocols` reads them. */
  const protocols = new WeakMap<IncomingMessage, string>();
  // A variable of its own, because the types of `ws` do not know `closeTimeout`.
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.message,
    // The defaults of `ws` are above 10 000. A message in that many parts costs far more memory than
    // its size.
    maxFragments: 1024,
    maxBufferedChunks: 1024,
    closeTimeout: limits.closing,
    handleProtocols: (_: Set<string>, req: IncomingMessage) => protocols.get(req) ?? false,
  } as const;
  const server = new WebSocketServer(settings);
  let closing: Promise<void> | undefined;

  const sweeper = setInterval(() => {
    const now = clock();
    for (const connection of connections.values()) {
      const isIdle = now - connection.lastActiveAt >= limits.idle;
      const isOld = now - connection.info.connectedAt >= limits.lifetime;
      if (isIdle || isOld) connection.close(GOING_AWAY);
    }
  }, limits.sweep).unref();

  function track(work: Promise<void>, abort: () => void): void {
    unfinished.set(work, abort);
    void work.finally(() => unfinished.delete(work));
  }

  async function connect(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    request: GatewayRequest,
  ): Promise<void> {
    const { info, refusal, protocol, ...logged } = await connectRoute(request, {
      connectionId: newRequestId(),
      connectedAt: request.receivedAt,
      apiId: api.apiId,
      stage,
      domainName: request.headers.get("host") ?? "",
      sourceIp: request.sourceIp,
      userAgent: request.headers.get("user-agent"),
    });
    const event = { requestId: request.id, at: request.receivedAt };
    log({ ...logRecord(info, event, "$connect", "CONNECT"), ...logged });
    if (refusal) return refuseUpgrade(socket, refusal);
    if (protocol !== undefined) protocols.set(req, protocol);
    if (closing) refuseUpgrade(socket, UNAVAILABLE);
    else if (accept(req, socket, head, info)) return undefined;
    // `$connect` has succeeded but there is no connection, so run the `$disconnect` that belongs to it.
    await runner.disconnect(info, closing ? GOING_AWAY : ABORTED);
  }

  /** Completes the handshake; false if the client has disconnected. */
  function accept(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    info: ConnectionInfo,
  ): boolean {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return false;
    }
    let connection: Connection | undefined;
    const limited = new LimitedSocket(socket, head, limits.frame, (code) =>
      connection?.close({ code, reason: "" }),
    );
    // The callback runs before `handleUpgrade` returns.
    server.handleUpgrade(req, limited, Buffer.alloc(0), (ws) => {
      const accepted = createConnection(info, ws, socket, {
        limits,
        clock,
        concurrent,
        frame,
        onMessage: (sender, body) => runner.message(sender, body),
        onGone: () => void connections.delete(info.connectionId),
        onDisconnect: (status) => runner.disconnect(info, status),
      });
      connection = accepted;
      connections.set(info.connectionId, accepted);
      track(accepted.done, () => accepted.terminate());
    });
    return connection !== undefined;
  }

  async function closeAll(): Promise<void> {
    clearInterval(sweeper);
    for (const connection of connections.values()) connection.close(GOING_AWAY);
    const timeout = new AbortController();
    const { signal } = timeout;
    await Promise.race([
      allFinished(unfinished),
      sleep(limits.closing, undefined, { signal }).catch(() => undefined),
    ]);
    timeout.abort();
    for (const abort of unfinished.values()) abort();
  }

  return {
    upgrade(req, socket, head) {
      const path = pathAfterStage(req, stage);
      if (path === undefined) return false;
      socket.on("error", ignore);
      const now = clock();
      const request = path === "" ? parseHandshake(req, now) : errorResponse(403, "Forbidden");
      if ("status" in request) refuseUpgrade(socket, request);
      else if (closing) refuseUpgrade(socket, UNAVAILABLE);
      else if (!admit(now, ...connectBuckets)) {
        refuseUpgrade(socket, errorResponse(429, "Too Many Requests"));
      } else {
        const work = connect(req, socket, head, request).catch((error: unknown) => {
          report({ message: "the gateway failed", error, requestId: request.id });
          socket.destroy();
        });
        track(work, () => socket.destroy());
      }
      return true;
    },
    handle(req, res) {
      const path = pathAfterStage(req, stage);
      if (path !== undefined && CONNECTIONS.test(path)) management.handle(req, res);
      else if (path === "") {
        writeResponse(res, errorResponse(426, "Upgrade Required", [["upgrade", "websocket"]]));
      } else if (CONNECTIONS.test(req.url ?? "")) writeResponse(res, FORBIDDEN);
      else return false;
      return true;
    },
    send: (connectionId, data) => connections.get(connectionId)?.send(data) ?? "gone",
    post: (connectionId, data) => management.post(connectionId, data),
    close: () => (closing ??= closeAll()),
    get connections() {
      return connections.size;
    },
  };
}

const CONNECTIONS = /^\/(?:@|%40)connections(?:[/?]|$)/;

/** The rest of the encoded path after `/{stage}`; undefined if the path is not of this stage. */
function pathAfterStage({ url = "" }: IncomingMessage, stage: string): string | undefined {
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  if (!path.startsWith(`/${stage}`)) return undefined;
  const rest = path.slice(stage.length + 1);
  if (rest === "/") return "";
  return rest === "" || rest.startsWith("/") ? rest : undefined;
}

/** Resolves when nothing is left, also not of the work that began meanwhile. */
async function allFinished(unfinished: ReadonlyMap<Promise<void>, unknown>): Promise<void> {
  while (unfinished.size > 0) await Promise.all(unfinished.keys());
}

function ignore(): void {
  // A client that disconnects is not an error, but without a listener it would end the process.
}
