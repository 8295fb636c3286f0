/** Serves WebSocket APIs for tests and records what passes through them. */

import { type Socket, connect } from "node:net";
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { onTestFinished, vi } from "vitest";
import type { WebSocketLogRecord } from "../log.ts";
import { type WebSocketClient, openClient } from "../cases/websocket-client.ts";
import { serve } from "./fixture.ts";
import type { LambdaHandler } from "../lambda.ts";
import {
  type WebSocketApi,
  type WebSocketApiConfig,
  createWebSocketApi,
} from "../websocket/websocket-api.ts";

/** The members of an event that tests read. */
interface RecordedEvent {
  requestContext: Record<string, unknown> & {
    connectionId: string;
    routeKey: string;
    eventType: string;
  };
  body?: string;
}

/** A WebSocket API on its own port, with its events, errors and access log. */
export interface ServedWebSocketApi {
  api: WebSocketApi;
  port: number;
  events: RecordedEvent[];
  problems: { message: string; error: unknown }[];
  log: WebSocketLogRecord[];
  /** Opens a connection, at `/dev` by default. Rejects if the handshake gets no response. */
  open: (
    path?: string,
    options?: { headers?: [string, string][]; protocols?: string[] },
  ) => Promise<WebSocketClient & { id: string }>;
  /** Waits for an event of a route. Resolves to the newest one. */
  event: (routeKey: string) => Promise<RecordedEvent>;
  /** A client of the SDK that signs calls of `@connections`. */
  caller: (config?: Partial<ApiGatewayManagementApiClientConfig>) => ApiGatewayManagementApiClient;
}

export const KEYS = { accessKeyId: "AKIDLAPTOP", secretAccessKey: "a secret of the laptop" };

type Route = WebSocketApiConfig["routes"][number];
type Settings = Partial<Omit<WebSocketApiConfig, "routes">> & {
  /** By route key. `$disconnect` and `$default` exist unless they are undefined here. */
  routes?: Record<string, LambdaHandler | Route | undefined>;
};

/** Serves a WebSocket API with stage `dev` until the test ends. */
export async function serveWebSocketApi(settings: Settings = {}): Promise<ServedWebSocketApi> {
  const events: RecordedEvent[] = [];
  const problems: ServedWebSocketApi["problems"] = [];
  const log: WebSocketLogRecord[] = [];
  const recorded =
    (handler: LambdaHandler): LambdaHandler =>
    (event, context) => {
      events.push(structuredClone(event as RecordedEvent));
      return handler(event, context);
    };
  const ok: LambdaHandler = () => ({ statusCode: 200 });
  const routes = Object.entries({ $disconnect: ok, $default: ok, ...settings.routes });
  const api = createWebSocketApi({
    stage: "dev",
    routeSelectionExpression: "$request.body.action",
    credentials: { [KEYS.accessKeyId]: KEYS.secretAccessKey },
    onError: (problem) => problems.push(problem),
    accessLog: (record) => log.push(record),
    ...settings,
    routes: routes.flatMap(([routeKey, route]) => {
      if (!route) return [];
      const full = typeof route === "function" ? { routeKey, handler: route } : route;
      return [{ ...full, handler: recorded(full.handler) }];
    }),
  });
  const { port } = await serve({
    handle: (req, res) => {
      if (!api.handle(req, res)) res.writeHead(404).end("another API");
    },
    upgrade: (req, socket, head) => {
      if (!api.upgrade(req, socket, head)) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    },
  });
  onTestFinished(() => api.close());
  return {
    api,
    port,
    events,
    problems,
    log,
    async open(path = "/dev", options) {
      const before = log.length;
      const client = await openClient(`ws://localhost:${port}${path}`, options);
      onTestFinished(() => client.ws.terminate());
      return Object.assign(client, { id: log[before]?.connectionId ?? "" });
    },
    event: (routeKey) =>
      vi.waitFor(
        () => {
          const found = events.findLast(
            ({ requestContext }) => requestContext.routeKey === routeKey,
          );
          if (!found) throw new Error(`there was no event of ${routeKey}`);
          return found;
        },
        { timeout: 30_000, interval: 5 },
      ),
    caller(config) {
      const client = new ApiGatewayManagementApiClient({
        endpoint: `http://localhost:${port}/dev`,
        region: "us-east-1",
        credentials: KEYS,
        maxAttempts: 1,
        ...config,
      });
      onTestFinished(() => client.destroy());
      return client;
    },
  };
}

/** A TCP socket for clients that break the protocol. */
export interface RawSocket {
  socket: Socket;
  /** All bytes received so far. */
  received: () => Buffer;
  ended: () => boolean;
}

/** Opens a socket and sends bytes. */
export function rawSocket(port: number, bytes: Buffer | string): RawSocket {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  let ended = false;
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("close", () => (ended = true));
  socket.on("error", () => undefined);
  socket.write(bytes);
  onTestFinished(() => void socket.destroy());
  return { socket, received: () => Buffer.concat(chunks), ended: () => ended };
}

/** The bytes of a valid handshake, with some headers changed, or omitted where undefined. */
export function handshake(
  changes: Record<string, string | undefined> = {},
  line = "GET /dev HTTP/1.1",
): string {
  const headers: Record<string, string | undefined> = {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  return `${line}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
