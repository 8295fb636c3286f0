import { type Socket, connect } from "node:net";
import { answer } from "../child.ts";

/** The receiving side of section broadcast. */

const AT_ONCE = 200;
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
let wanted = Infinity;
let arrived: ((at: number) => void) | undefined;

function count(chunk: Buffer): void {
  received += chunk.length;
  if (received >= wanted) arrived?.(Number(process.hrtime.bigint()) / 1e6);
}

/** Connects one of 127.0.0.1, 127.0.0.2 and so on: the ports of one address do not suffice. */
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
  for (let made = 0; made < connections; made += AT_ONCE) {
    const address = `127.0.0.${1 + (Math.floor(made / AT_ONCE) % 4)}`;
    const batch = Math.min(AT_ONCE, connections - made);
    await Promise.all(Array.from({ length: batch }, () => open(port, address)));
  }
}

/** When so many bytes had come. */
function receive(bytes: number): Promise<number> {
  received = 0;
  wanted = bytes;
  return new Promise((resolve) => (arrived = resolve));
}

answer({ start, receive });
