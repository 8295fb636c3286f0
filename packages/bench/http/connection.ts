import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** One HTTP/1.1 connection that does nothing but send prepared bytes and wait for the answer. */
export interface Connection {
  /** The answer's status. Answers must say their length. */
  send(request: Buffer): Promise<number>;
  close(): void;
}

/** Costs a fraction of a full client, so that the load does not take the server's core. */
export async function openConnection(port: number): Promise<Connection> {
  const socket: Socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  let waiting: PromiseWithResolvers<number> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (error: Error) => waiting?.reject(error);
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = received.toString("latin1", 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return fail(new Error(`an answer without a length: ${head}`));
    if (received.length < end + 4 + Number(length)) return;
    received = Buffer.alloc(0);
    waiting?.resolve(Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)));
  });
  return {
    send(request) {
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    close: () => void socket.destroy(),
  };
}

/** A request as curl would send it. */
export function requestBytes(method: string, path: string, token: string, body?: string): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    "User-Agent: curl/8.14.1",
    "Accept: */*",
    `Authorization: Bearer ${token}`,
    ...(body === undefined
      ? []
      : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}
