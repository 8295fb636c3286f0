/** The HTTP API on Deno: `deno run --allow-net --allow-env … packages/functions/src/hosts/deno.ts`. */

import { openFetchTransport } from "@stockwire/core/aws/fetch";
import { run } from "./program.ts";

/** The part of Deno that is used. https://docs.deno.com/api/deno/~/Deno.serve */
interface Server {
  addr: { port: number };
  shutdown(): Promise<void>;
}
interface Options {
  port: number;
  hostname: string;
  onListen: () => void;
}
type Handler = (request: Request, info: { remoteAddr: { hostname?: string } }) => Promise<Response>;
declare const Deno: {
  version: { deno: string };
  serve: (options: Options, handler: Handler) => Server;
};

await run({
  command: "deno run --allow-net --allow-env --allow-read packages/functions/src/hosts/deno.ts",
  runtime: `deno ${Deno.version.deno}`,
  transport: openFetchTransport,
  async listen(fetch, at) {
    const server = Deno.serve({ ...at, onListen: () => undefined }, (request, { remoteAddr }) =>
      fetch(request, remoteAddr.hostname),
    );
    return { port: server.addr.port, close: () => server.shutdown() };
  },
});
