/** `npm run serve`: the HTTP API on Node. */

import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { run } from "./program.ts";

await run({
  command: "npm run serve --",
  runtime: `node ${process.version}`,
  serveMetrics: async (at) => (await import("./prometheus.ts")).serveMetrics(at),
  async listen(fetch, { port, hostname }) {
    const server = serve({
      fetch: (request, { incoming }) => fetch(request, incoming.socket.remoteAddress),
      port,
      hostname,
      // A client that sends slowly must not hold a connection for long.
      serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000 },
    }) as Server;
    if (!server.listening) await once(server, "listening"); // rejects if it cannot listen
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(resolve);
          // Connections that become idle later would be kept alive.
          setInterval(() => server.closeIdleConnections(), 100).unref();
        }),
    };
  },
});
