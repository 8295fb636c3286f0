/** A TCP proxy in front of a server, whose connections a client can cut: `POST` to `cutUrl`. */

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Proxy {
  url: string;
  /** Resets all connections of the proxy when it is requested. */
  cutUrl: string;
  close: () => Promise<void>;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

export async function startProxy(target: string): Promise<Proxy> {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const proxy = createServer((socket) => {
    const other = connect(Number(port), hostname);
    for (const [one, peer] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(one);
      one.pipe(peer);
      one.on("error", () => peer.destroy());
      one.on("close", () => {
        sockets.delete(one);
        peer.destroy();
      });
    }
  });
  const control = createHttpServer((_, response) => {
    cut();
    response.end("cut");
  });
  for (const server of [proxy, control]) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  return {
    url: `http://127.0.0.1:${portOf(proxy)}`,
    cutUrl: `http://127.0.0.1:${portOf(control)}/cut`,
    async close() {
      cut();
      control.closeAllConnections();
      for (const server of [proxy, control]) {
        server.close();
        await once(server, "close");
      }
    },
  };
}
