/** A stub of the connections API that accepts every frame and needs almost no time. */

import { type AddressInfo, createServer } from "node:net";
import { serve } from "../child.ts";

const ACCEPTED = Buffer.from(
  "HTTP/1.1 200 OK\r\nx-amzn-requestid: 7f1c6a1e-8d1b-4a57-9a3e-0c1d6c3f0a11\r\ncontent-length: 0\r\n\r\n",
);

function start(): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    let received = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const head = received.indexOf("\r\n\r\n");
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received)?.[1]);
      if (head < 0 || received.length < head + 4 + length) return;
      received = "";
      socket.write(ACCEPTED);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/live`);
    });
  });
}

serve({ start });
