import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An HTTP/1.1 connection that sends prepared bytes and reads one response at a time. */
export interface Connection {
  /** Resolves to the status. The response must have a Content-Length. */
  send(request: Buffer): Promise<number>;
  close(): void;
}

/** Opens a connection to 127.0.0.1. A full HTTP client would take CPU time from the server. */
export async function openConnection(port: number): Promise<Connection> {
  const socket: Socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  let pending: PromiseWithResolvers<number> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (error: Error) => pending?.reject(error);
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = received.toString("latin1", 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return fail(new Error(`a response without Content-Length: ${head}`));
    if (received.length < end + 4 + Number(length)) return;
    received = Buffer.alloc(0);
    pending?.resolve(Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)));
  });
  return {
    send(request) {
      pending = Promise.withResolvers();
      socket.write(request);
      return pending.promise;
    },
    close: () => void socket.destroy(),
  };
}

/** A request with the headers of curl. */
export function requestBytes(
  method: string,
  path: string,
  token: string,
  { body, apiKey }: { body?: string | undefined; apiKey?: string } = {},
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    "User-Agent: curl/8.14.1",
    "Accept: */*",
    `Authorization: Bearer ${token}`,
    ...(apiKey === undefined ? [] : [`x-api-key: ${apiKey}`]),
    ...(body === undefined
      ? []
      : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}
