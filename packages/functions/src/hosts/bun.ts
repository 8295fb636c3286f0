/** The HTTP API on Bun: `bun packages/functions/src/hosts/bun.ts`. */

import { openFetchTransport } from "@stockwire/core/aws/fetch";
import { run } from "./program.ts";

/** The part of Bun that is used. https://bun.sh/docs/api/http */
interface Server {
  port: number;
  requestIP(request: Request): { address: string } | null;
  stop(): Promise<void>;
}
interface Options {
  port: number;
  hostname: string;
  idleTimeout: number; // seconds
  fetch: (request: Request, server: Server) => Promise<Response>;
}
declare const Bun: { version: string; serve: (options: Options) => Server };

await run({
  command: "bun packages/functions/src/hosts/bun.ts",
  runtime: `bun ${Bun.version}`,
  transport: openFetchTransport,
  async listen(fetch, at) {
    const server = Bun.serve({
      ...at,
      idleTimeout: 60, // longer than a request may take
      fetch: (request, listener) => fetch(request, listener.requestIP(request)?.address),
    });
    return { port: server.port, close: () => server.stop() };
  },
});
