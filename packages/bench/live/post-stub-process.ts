import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { answer } from "../child.ts";

/** A management API that takes every frame, and costs nearly nothing. */

const TAKEN = Buffer.from(
  "HTTP/1.1 200 OK\r\nx-amzn-requestid: 7f1c6a1e-8d1b-4a57-9a3e-0c1d6c3f0a11\r\ncontent-length: 0\r\n\r\n",
);

function start(): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    let waiting = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      waiting += chunk.toString("latin1");
      const head = waiting.indexOf("\r\n\r\n");
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(waiting)?.[1]);
      if (head < 0 || waiting.length < head + 4 + length) return;
      waiting = "";
      socket.write(TAKEN);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/live`);
    });
  });
}

answer({ start });
