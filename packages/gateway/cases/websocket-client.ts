/** A WebSocket client for tests and cases. It keeps everything that it receives. */

import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { RawResponse } from "./raw-http.ts";

/** A client after its handshake, whether it was accepted or refused. */
export interface WebSocketClient {
  /** The response to the handshake. */
  response: RawResponse;
  /** The messages received, oldest first. A test takes out what it has checked. */
  messages: string[];
  /** The close status; undefined while the connection is open. */
  closed: { code: number; reason: string } | undefined;
  /** Sends a message, split into frames of `frameBytes` bytes. */
  send(data: Buffer, options?: { binary?: boolean; frameBytes?: number }): void;
  ws: WebSocket;
}

/** Opens a connection. Resolves with any response to the handshake, rejects if there is none. */
export function openClient(
  url: string,
  { headers = [], protocols = [] }: { headers?: [string, string][]; protocols?: string[] } = {},
): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, protocols, {
      headers: Object.fromEntries(headers),
      perMessageDeflate: false,
    });
    const client: WebSocketClient = {
      response: { status: 0, headers: [], body: Buffer.alloc(0) },
      messages: [],
      closed: undefined,
      send(data, { binary = false, frameBytes = data.length } = {}) {
        let at = 0;
        do {
          const end = at + frameBytes;
          ws.send(data.subarray(at, end), { binary, fin: end >= data.length });
          at = end;
        } while (at < data.length);
      },
      ws,
    };
    const onResponse = (status = 0, raw: IncomingHttpHeaders = {}) => {
      const list = Object.entries(raw).map(([name, value]): [string, string] => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]);
      client.response = { ...client.response, status, headers: list };
    };
    ws.on("upgrade", (response) => onResponse(response.statusCode, response.headers));
    ws.on("unexpected-response", (_, response) => {
      onResponse(response.statusCode, response.headers);
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("close", () => {
        client.response = { ...client.response, body: Buffer.concat(chunks) };
        resolve(client);
      });
    });
    ws.on("message", (data: Buffer) => client.messages.push(data.toString("utf8")));
    ws.on("close", (code, reason) => {
      client.closed = { code, reason: reason.toString("utf8") };
    });
    ws.on("open", () => resolve(client));
    ws.on("error", reject);
  });
}

/** Polls until a value is there, for two seconds at most. */
export async function eventually<Value>(look: () => Value | undefined): Promise<Value | undefined> {
  for (const until = performance.now() + 2000; ; await sleep(5)) {
    const found = look();
    if (found !== undefined || performance.now() > until) return found;
  }
}
