/**
 * The laptop's one port, which all services share. It opens before any of them has started and
 * answers 503 until `serve` is called.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { listenOnLoopback } from "@stockwire/gateway/server";

/** A service that answers the requests of some paths. */
export interface HttpService {
  /** Returns false, and touches nothing, if the request is for another service. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
}

/** A service that also accepts WebSocket connections. */
interface UpgradeService {
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

export interface Listener {
  readonly port: number;
  readonly url: string;
  /** Offers each request to the services in this order; `fallback` receives what none of them took. */
  serve(
    services: readonly HttpService[],
    fallback: { handle(req: IncomingMessage, res: ServerResponse): void },
    upgrades: UpgradeService,
  ): void;
  /** Stops accepting connections and waits a bounded time for requests in progress. */
  close(): Promise<void>;
}

interface Options {
  port: number; // 0 picks a free one
  /** Whether an upgrade request goes to the upgrade service; the others are plain requests. */
  isUpgrade: (req: IncomingMessage) => boolean;
  onError: (error: unknown) => void;
  drainTimeout: number; // ms
}

/** Opens the port on the loopback interface. Throws ListenError. */
export async function openListener(options: Options): Promise<Listener> {
  let answer = (_req: IncomingMessage, res: ServerResponse) => void res.writeHead(503).end();
  let upgrade = (_req: IncomingMessage, socket: Duplex, _head: Buffer) => void socket.destroy();
  const server = await listenOnLoopback({
    port: options.port,
    handle: (req, res) => answer(req, res),
    upgrade: (req, socket, head) => upgrade(req, socket, head),
    shouldUpgrade: options.isUpgrade,
    onError: options.onError,
    drainTimeout: options.drainTimeout,
  });
  return {
    port: server.port,
    url: `http://localhost:${server.port}`,
    serve(services, fallback, upgrades) {
      answer = (req, res) => {
        if (!services.some((service) => service.handle(req, res))) fallback.handle(req, res);
      };
      upgrade = (req, socket, head) => {
        if (!upgrades.upgrade(req, socket, head)) socket.destroy();
      };
    },
    close: () => server.close(),
  };
}
