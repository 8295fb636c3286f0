/** Measures what the gateway adds to a request: with the gateway, without, and a bare server. */

import { listen } from "@stockwire/gateway/server";
import { serve } from "../child.ts";
import { openConnection, requestBytes } from "./connection.ts";
import { loadHandler } from "./handler.ts";
import { startLaptopApi } from "./laptop-api.ts";

export interface Share {
  through: number[]; // ms, over a socket
  direct: number[]; // ms, the handler called with the same event
  bare: number[]; // ms, over a socket, from a server that only sends as many bytes
}

export interface ShareTask {
  path: string;
  count: number;
  warmUp: number;
}

async function timed(times: number[], run: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await run();
  times.push(performance.now() - started);
}

async function measure({ path, count, warmUp }: ShareTask): Promise<Share> {
  const handler = await loadHandler();
  let last: unknown;
  const recording = (event: unknown) => {
    last = event;
    return handler(event);
  };
  const { port, token } = await startLaptopApi(recording);
  const api = await openConnection(port);
  const request = requestBytes("GET", path, token);
  if ((await api.send(request)) !== 200) throw new Error("the gateway did not answer 200");
  const { body = "" } = await handler(last);
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (_, res) => {
      res.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      res.end(body);
    },
  });
  const bare = await openConnection(server.port);
  const share: Share = { through: [], direct: [], bare: [] };
  for (let n = 0; n < warmUp + count; n++) {
    if (n === warmUp) for (const times of Object.values(share)) times.length = 0;
    await timed(share.through, () => api.send(request));
    await timed(share.direct, () => handler(last));
    await timed(share.bare, () => bare.send(request));
  }
  return share;
}

serve({ measure });
