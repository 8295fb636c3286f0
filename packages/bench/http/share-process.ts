import { listen } from "@stockwire/gateway/server";
import { handler } from "@stockwire/functions/handlers/http";
import { answer } from "../child.ts";
import { openConnection, requestBytes } from "./connection.ts";
import { startLaptopApi } from "./laptop-api.ts";

/** What the gateway adds to a request: through it, and past it, one after the other. */

export interface Share {
  through: number[]; // ms, over a socket
  direct: number[]; // ms, the same event handed to the handler
  bare: number[]; // ms, a server without a gateway that answers as many bytes at once
}

const WARM_UP = 300;

async function timed(times: number[], run: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await run();
  times.push(performance.now() - started);
}

async function measure({ path, count }: { path: string; count: number }): Promise<Share> {
  let last: unknown;
  const watched = (event: unknown) => {
    last = event;
    return handler(event);
  };
  const { port, token } = await startLaptopApi(watched);
  const api = await openConnection(port);
  const request = requestBytes("GET", path, token);
  if ((await api.send(request)) !== 200) throw new Error("the gateway did not answer");
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
  for (let n = 0; n < WARM_UP + count; n++) {
    if (n === WARM_UP) for (const times of Object.values(share)) times.length = 0;
    await timed(share.through, () => api.send(request));
    await timed(share.direct, () => handler(last));
    await timed(share.bare, () => bare.send(request));
  }
  return share;
}

answer({ measure });
