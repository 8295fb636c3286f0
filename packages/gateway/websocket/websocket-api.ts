import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { createConnectionsApi } from "./connections-api.ts";
import { LAPTOP } from "../event.ts";
import { type GatewayRequest, newRequestId } from "../request.ts";
import { message, send } from "../response.ts";
import { admit, createBucket } from "../throttle.ts";
import { AWS_LIMITS, type WebSocketApiConfig, createWebSocketRoutes } from "./config.ts";
import { createDoor } from "./connect.ts";
import { type Connection, type Ending, type Posted, createConnection } from "./connection.ts";
import type { ConnectionFacts } from "./event.ts";
import { createFramer } from "./frame.ts";
import { readHandshake, refuseUpgrade } from "./handshake.ts";
import { createReceiver, record } from "./receiver.ts";
import { routeSelection } from "./route.ts";

export type { WebSocketApiConfig } from "./config.ts";

/** The laptop's stand-in for one API Gateway WebSocket API. */
export interface WebSocketApi {
  /** Takes over an upgrade whose path is this API's; else returns false and touches nothing. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Answers plain HTTP on `/{stage}` and `/{stage}/@connections/{id}`; else returns false. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  /** Sends a text message, as `POST @connections` does. */
  post(connectionId: string, data: Buffer): Posted;
  /** Closes all connections with 1001 and waits, not for ever, until `$disconnect` has run. */
  close(): Promise<void>;
  readonly connections: number;
}

const GOING_AWAY: Ending = { code: 1001, reason: "Going away" };
const ABORTED: Ending = { code: 1006, reason: "" };

/** Throws when AWS would refuse the configuration. */
export function createWebSocketApi(config: WebSocketApiConfig): WebSocketApi {
  const { stage, onError: report, clock = Date.now, concurrent = false } = config;
  const limits = { ...AWS_LIMITS, ...config.limits };
  const api = { ...LAPTOP, ...config.identity };
  const routes = createWebSocketRoutes(config, limits);
  const log = config.accessLog ?? (() => undefined);
  const door = createDoor(config, api, routes.get("$connect"));
  const select = routeSelection(config.routeSelectionExpression);
  const receiver = createReceiver({ routes, select, clock, report, log });
  const arrivals = createBucket(limits.connections, clock());
  const connections = new Map<string, Connection>();
  const frame = createFramer();
  const { credentials = {} } = config;
  const manage = createConnectionsApi({ api, credentials, connections, limits, clock, report });
  /** Handshakes and connections that are not over yet, with what cuts them off. */
  const unfinished = new Map<Promise<void>, () => void>();
  /** What `$connect` chose, on its way to the 101. */
  const protocols = new WeakMap<IncomingMessage, string>();
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.message,
    // ws's own are in the ten thousands: a message of single bytes would cost far more than its size.
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
      const idle = now - connection.lastActiveAt >= limits.idle;
      if (idle || now - connection.facts.connectedAt >= limits.lifetime) connection.end(GOING_AWAY);
    }
  }, limits.sweep).unref();

  function track(work: Promise<void>, cutOff: () => void): void {
    unfinished.set(work, cutOff);
    void work.finally(() => unfinished.delete(work));
  }

  async function shakeHands(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    request: GatewayRequest,
  ): Promise<void> {
    const asked: ConnectionFacts = {
      connectionId: newRequestId(),
      connectedAt: request.receivedAt,
      apiId: api.apiId,
      stage,
      domainName: request.headers.get("host") ?? "",
      sourceIp: request.sourceIp,
      userAgent: request.headers.get("user-agent"),
    };
    const { facts, refusal, protocol, ...details } = await door(request, asked);
    const event = { requestId: request.id, at: request.receivedAt };
    log({ ...record(facts, event, "$connect", "CONNECT"), ...details });
    if (refusal) return refuseUpgrade(socket, refusal);
    if (protocol !== undefined) protocols.set(req, protocol);
    if (closing) refuseUpgrade(socket, message(503, "Service Unavailable"));
    else if (accept(req, socket, head, facts)) return undefined;
    // `$connect` has counted in a client that is not there.
    await receiver.disconnect(facts, closing ? GOING_AWAY : ABORTED);
  }

  function accept(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    facts: ConnectionFacts,
  ): boolean {
    let accepted = false;
    server.handleUpgrade(req, socket, head, (ws) => {
      accepted = true;
      const connection = createConnection(facts, ws, socket, {
        limits,
        clock,
        concurrent,
        frame,
        onMessage: (receiving, body) => receiver.receive(receiving, body),
        onGone: () => void connections.delete(facts.connectionId),
        onDisconnect: (_, ending) => receiver.disconnect(facts, ending),
      });
      connections.set(facts.connectionId, connection);
      track(connection.done, () => connection.terminate());
    });
    return accepted;
  }

  async function closeAll(): Promise<void> {
    clearInterval(sweeper);
    for (const connection of connections.values()) connection.end(GOING_AWAY);
    const patience = new AbortController();
    const { signal } = patience;
    await Promise.race([
      settled(unfinished),
      sleep(limits.closing, undefined, { signal }).catch(() => undefined),
    ]);
    patience.abort();
    for (const cutOff of unfinished.values()) cutOff();
  }

  return {
    upgrade(req, socket, head) {
      const path = pathOf(req, stage);
      if (path === undefined) return false;
      socket.on("error", ignore);
      const now = clock();
      const request = path === "" ? readHandshake(req, now) : message(403, "Forbidden");
      if ("status" in request) refuseUpgrade(socket, request);
      else if (closing) refuseUpgrade(socket, message(503, "Service Unavailable"));
      else if (!admit([arrivals], now)) refuseUpgrade(socket, message(429, "Too Many Requests"));
      else {
        const work = shakeHands(req, socket, head, request).catch((error: unknown) => {
          report({ what: "the gateway itself failed", error, requestId: request.id });
          socket.destroy();
        });
        track(work, () => socket.destroy());
      }
      return true;
    },
    handle(req, res) {
      const path = pathOf(req, stage);
      if (path !== undefined && CONNECTIONS.test(path)) manage(req, res);
      else if (path === "") send(res, message(426, "Upgrade Required", [["upgrade", "websocket"]]));
      else return false;
      return true;
    },
    post: (connectionId, data) => connections.get(connectionId)?.post(data) ?? "gone",
    close: () => (closing ??= closeAll()),
    get connections() {
      return connections.size;
    },
  };
}

const CONNECTIONS = /^\/(?:@|%40)connections(?:\/|$)/;

/** What follows the stage in the path, as it was sent; undefined if the path is another API's. */
function pathOf({ url = "" }: IncomingMessage, stage: string): string | undefined {
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  if (!path.startsWith(`/${stage}`)) return undefined;
  const rest = path.slice(stage.length + 1);
  if (rest === "/") return "";
  return rest === "" || rest.startsWith("/") ? rest : undefined;
}

/** Settles once nothing is under way, also of what began meanwhile. */
async function settled(unfinished: ReadonlyMap<Promise<void>, unknown>): Promise<void> {
  while (unfinished.size > 0) await Promise.all(unfinished.keys());
}

function ignore(): void {
  // A client that goes away is no error of ours.
}
