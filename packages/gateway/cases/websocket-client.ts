import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { RawAnswer } from "./raw-http.ts";

/** A client of a WebSocket API that keeps what it received until it is asked for. */
export interface WebSocketClient {
  /** What the handshake was answered with. */
  answer: RawAnswer;
  /** Messages not taken yet, oldest first. */
  messages: string[];
  /** How the connection was closed, once it is. */
  closed: { code: number; reason: string } | undefined;
  /** Sends a message, cut into frames of this many bytes. */
  send(data: Buffer, options?: { binary?: boolean; frameBytes?: number }): void;
  ws: WebSocket;
}

/** Shakes hands; resolves whatever the answer is, rejects if there is none. */
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
      answer: { status: 0, headers: [], body: Buffer.alloc(0) },
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
    const answered = (status = 0, raw: IncomingHttpHeaders = {}) => {
      const list = Object.entries(raw).map(([name, value]): [string, string] => [
        name,
        [value].flat().join(", "),
      ]);
      client.answer = { ...client.answer, status, headers: list };
    };
    ws.on("upgrade", (response) => answered(response.statusCode, response.headers));
    ws.on("unexpected-response", (_, response) => {
      answered(response.statusCode, response.headers);
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("close", () => {
        client.answer = { ...client.answer, body: Buffer.concat(chunks) };
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

/** Asks until there is an answer, and for two seconds at most. */
export async function eventually<Value>(look: () => Value | undefined): Promise<Value | undefined> {
  for (const until = performance.now() + 2000; ; await sleep(5)) {
    const found = look();
    if (found !== undefined || performance.now() > until) return found;
  }
}
