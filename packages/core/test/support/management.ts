import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A stand-in for the management API that records the frames sent to each connection. */
export interface Management {
  endpoint: string;
  /** The frames of a connection, in the order of arrival. */
  frames: (id: string) => string[];
  /** Sets the status for all later calls to a connection; by default 200. */
  respondWith: (id: string, status: number) => void;
  /** The connection of each frame that was sent. */
  recipients: () => string[];
  reset: () => void;
  close: () => Promise<void>;
}

export async function management(): Promise<Management> {
  const statuses = new Map<string, number>();
  let posts: { id: string; frame: string }[] = [];
  const server = createServer((request, response) => {
    const id = decodeURIComponent(request.url?.split("/@connections/")[1] ?? "");
    const status = statuses.get(id) ?? 200;
    const name = { 410: "GoneException" }[status] ?? "InternalServerErrorException";
    void text(request).then((frame) => {
      if (request.method === "POST") posts.push({ id, frame });
      if (status === 200) return response.end("{}");
      return response.writeHead(status, { "x-amzn-errortype": name }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    frames: (id) => posts.filter((one) => one.id === id).map(({ frame }) => frame),
    respondWith: (id, status) => void statuses.set(id, status),
    recipients: () => posts.map(({ id }) => id),
    reset: () => void (posts = []),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
