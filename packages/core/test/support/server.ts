/** A server that answers as a test says, and remembers what it was asked. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
  at: number; // epoch ms
}

/** Answers a request, the first of a call or a repetition. */
export type Respond = (response: ServerResponse, received: Received) => unknown;

export interface Server {
  endpoint: string;
  /** The requests since `answer`. */
  received: Received[];
  /** Sets how all later requests are answered, and forgets those that were received. */
  answer(respond: Respond): void;
  close: () => void;
}

export async function startServer(): Promise<Server> {
  let respond: Respond = (response) => response.end("{}");
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const body = Buffer.concat(chunks).toString();
      const received = { method, url, headers, body, at: Date.now() };
      server.received.push(received);
      respond(response, received);
    });
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  const server: Server = {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    received: [],
    answer(to) {
      respond = to;
      server.received = [];
    },
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
  return server;
}
