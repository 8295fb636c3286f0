import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** Stands for whoever owns the sockets: it keeps what is posted to each connection. */
export interface Management {
  endpoint: string;
  /** Frames of a connection, in the order in which they came. */
  frames: (id: string) => string[];
  /** What a connection answers from now on; 200 if nothing else was said. */
  answers: (id: string, status: number) => void;
  /** Those that were posted to, once for each post. */
  posted: () => string[];
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
    answers: (id, status) => void statuses.set(id, status),
    posted: () => posts.map(({ id }) => id),
    reset: () => void (posts = []),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
