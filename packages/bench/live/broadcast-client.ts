/** The receiving side of section broadcast: WebSocket clients that count bytes. */

import { type Socket, connect } from "node:net";
import { serve } from "../child.ts";

const PARALLEL = 200;
const REQUEST = [
  "GET /bench HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

const sockets: Socket[] = [];
let received = 0;
let expected = Infinity;
/** Resolves when all connections together have received the expected bytes, to the time in ms. */
let arrival = Promise.withResolvers<number>();

function count(chunk: Buffer): void {
  received += chunk.length;
  if (received >= expected) arrival.resolve(Number(process.hrtime.bigint()) / 1e6);
}

/** Connects from 127.0.0.1, 127.0.0.2 and so on, because one address has too few ports. */
function open(port: number, localAddress: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    sockets.push(socket);
    socket.on("error", reject);
    socket.write(REQUEST);
    socket.once("data", (head) => {
      socket.on("data", count);
      if (head.toString("latin1").startsWith("HTTP/1.1 101 ")) resolve();
      else reject(new Error("no 101"));
    });
  });
}

async function start({ port, connections }: { port: number; connections: number }): Promise<void> {
  for (let made = 0; made < connections; made += PARALLEL) {
    const address = `127.0.0.${1 + (Math.floor(made / PARALLEL) % 4)}`;
    const batch = Math.min(PARALLEL, connections - made);
    await Promise.all(Array.from({ length: batch }, () => open(port, address)));
  }
}

/** Starts to count. Must have returned before the sender sends, or bytes are missed. */
function expectBytes(bytes: number): void {
  received = 0;
  expected = bytes;
  arrival = Promise.withResolvers();
}

serve({ start, expectBytes, arrival: () => arrival.promise });
