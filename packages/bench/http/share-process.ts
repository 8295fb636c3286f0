/** Measures what the gateway adds to a request: with the gateway, without, and a bare server. */

import { listen } from "@stockwire/gateway/server";
import { serve } from "../child.ts";
import { type Connection, openConnection, requestBytes } from "./connection.ts";
import { loadHandler } from "./handler.ts";
import { startLaptopApi } from "./laptop-api.ts";

export interface Share {
  through: number[]; // ms, over a socket
  direct: number[]; // ms, the handler called with the same event
  partner: number[]; // ms, over a socket, through the Partner API
  partnerDirect: number[]; // ms, the handler called with the event of the Partner API
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

/** Sends a request. Throws for any status but 200: a limit that answers early would look fast. */
async function sent(connection: Connection, request: Buffer): Promise<void> {
  const status = await connection.send(request);
  if (status !== 200) throw new Error(`a request was answered with ${status}`);
}

async function measure({ path, count, warmUp }: ShareTask): Promise<Share> {
  let last: unknown;
  const { port, token, partnerKey } = await startLaptopApi(async () => {
    const handle = await loadHandler();
    return (event) => handle((last = event));
  });
  const handler = await loadHandler(); // the same
  const api = await openConnection(port);
  const request = requestBytes("GET", path, token);
  const partnerRequest = requestBytes("GET", `/partner${path}`, token, { apiKey: partnerKey });
  await sent(api, request);
  const event = last;
  await sent(api, partnerRequest);
  const partnerEvent = last;
  const { body = "" } = await handler(event);
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (_, res) => {
      res.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      res.end(body);
    },
  });
  const bare = await openConnection(server.port);
  const share: Share = { through: [], direct: [], partner: [], partnerDirect: [], bare: [] };
  for (let n = 0; n < warmUp + count; n++) {
    if (n === warmUp) for (const times of Object.values(share)) times.length = 0;
    await timed(share.through, () => sent(api, request));
    await timed(share.direct, () => handler(event));
    await timed(share.partner, () => sent(api, partnerRequest));
    await timed(share.partnerDirect, () => handler(partnerEvent));
    await timed(share.bare, () => sent(bare, request));
  }
  return share;
}

serve({ measure });
