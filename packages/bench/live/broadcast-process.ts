/** The sending side of section broadcast: through the gateway, through ws, or on bare sockets. */

import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { listen } from "@stockwire/gateway/server";
import { createWebSocketApi } from "@stockwire/gateway/websocket/websocket-api";
import { textFrame } from "@stockwire/gateway/websocket/frame";
import { serve } from "../child.ts";

export type Way = "gateway" | "ws";

/** One message to every connection. */
export interface Sending {
  startedAt: number; // ms of the monotonic clock, which all processes share
  loop: number; // ms until all frames were handed to the sockets
  cpu: number; // ms
}

const UNLIMITED = { rate: 1e9, burst: 1e9 };
const sockets: Duplex[] = [];
const ways: Record<"bare" | Way, (message: Buffer) => void> = {
  bare(message) {
    const frame = textFrame(message);
    for (const socket of sockets) socket.write(frame);
  },
  gateway: () => undefined,
  ws: () => undefined,
};

async function start(way: Way): Promise<number> {
  const { port } = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (_, res) => void res.end(),
    upgrade: way === "gateway" ? throughGateway() : throughWs(),
  });
  return port;
}

function throughGateway() {
  const ids: string[] = [];
  const api = createWebSocketApi({
    stage: "bench",
    routeSelectionExpression: "$request.body.action",
    routes: [],
    limits: { connections: UNLIMITED },
    accessLog: ({ connectionId }) => ids.push(connectionId),
    onError: ({ error }) => {
      throw error;
    },
  });
  ways.gateway = (message) => {
    for (const id of ids) {
      if (api.send(id, message) !== "sent") throw new Error(`${id} was not sent to`);
    }
  };
  return (...[req, socket, head]: Parameters<typeof api.upgrade>) => {
    sockets.push(socket);
    api.upgrade(req, socket, head);
  };
}

function throughWs() {
  const clients: WebSocket[] = [];
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  ways.ws = (message) => {
    for (const client of clients) client.send(message, { binary: false });
  };
  return (
    ...[req, socket, head]: Parameters<typeof server.handleUpgrade> extends [
      ...infer Given,
      unknown,
    ]
      ? Given
      : never
  ) => {
    sockets.push(socket);
    server.handleUpgrade(req, socket, head, (client) => clients.push(client));
  };
}

function send({ way, bytes }: { way: "bare" | Way; bytes: number }): Sending {
  const message = Buffer.alloc(bytes, "x");
  const cpu = process.cpuUsage();
  const startedAt = Number(process.hrtime.bigint()) / 1e6;
  ways[way](message);
  const loop = Number(process.hrtime.bigint()) / 1e6 - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return { startedAt, loop, cpu: (user + system) / 1000 };
}

serve({ start, send, memory: () => process.memoryUsage.rss() });
