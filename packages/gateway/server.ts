import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** The address cannot be listened on; the message is one line for a person. */
export class ListenError extends Error {
  override name = "ListenError";
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What to listen on, who answers, and how long clients may take. */
export interface ListenOptions {
  port: number; // 0 picks a free one
  host?: string;
  handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** Takes over a connection; without it upgrades are plain requests. */
  upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Which requests to upgrade are taken over; the others are plain requests. All unless told. */
  shouldUpgrade?: (req: IncomingMessage) => boolean;
  /** Learns what `handle` throws. */
  onError?: (error: unknown) => void;
  headersTimeout?: number; // milliseconds
  requestTimeout?: number; // milliseconds
  drainTimeout?: number; // milliseconds
}

/** A server that listens. */
export interface Listening {
  port: number;
  /** Stops accepting, lets requests under way finish for a bounded time, then cuts the rest. */
  close(): Promise<void>;
}

// Larger than any gateway's own limit, so that the gateway's rule answers and not Node's.
const MAX_HEADER_SIZE = 64 * 1024; // bytes
// Node drops headers above its count silently; refused here instead.
const MAX_HEADERS = 1000;
const HOST = /^[A-Za-z0-9._~!$&'()*+,;=:[\]%-]*$/;

/** Opens an HTTP/1.1 server that no client can stop. Rejects with `ListenError`. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { headersTimeout = 10_000, requestTimeout = 60_000, drainTimeout = 1500 } = options;
  let closing = false;
  /** Every open connection and how many answers it waits for. */
  const sockets = new Map<Socket, number>();
  const answers = new WeakMap<Duplex, ServerResponse>();
  const count = (socket: Socket, change: 1 | -1) => {
    const waiting = (sockets.get(socket) ?? 0) + change;
    if (sockets.has(socket)) sockets.set(socket, waiting);
    if (closing && waiting === 0) socket.destroySoon();
  };
  const server = createServer({
    maxHeaderSize: MAX_HEADER_SIZE,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1000, headersTimeout),
    // Checked below, with more than one Host too.
    requireHostHeader: false,
    ...(options.shouldUpgrade && { shouldUpgradeCallback: options.shouldUpgrade }),
  });
  server.maxHeadersCount = MAX_HEADERS;

  server.on("connection", (socket) => {
    sockets.set(socket, 0);
    socket.on("error", ignore);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const last = answers.get(socket);
    // Bad bytes after a whole request must not be answered in that request's place, nor within an
    // answer that has begun.
    const inTheWay = last && !last.writableEnded && (last.headersSent || last.req.complete);
    if (inTheWay) socket.destroy();
    else refuse(socket, statusOf(error.code));
  });
  server.on("request", (req, res) => {
    answers.set(req.socket, res);
    req.on("error", ignore);
    res.on("error", ignore);
    count(req.socket, 1);
    res.on("close", () => count(req.socket, -1));
    if (closing) res.shouldKeepAlive = false;
    const refusal = refusalOf(req);
    if (refusal) return end(res, refusal);
    try {
      options.handle(req, res);
    } catch (error) {
      options.onError?.(error);
      if (res.headersSent) res.destroy();
      else end(res, 500);
    }
  });
  const { upgrade } = options;
  if (upgrade) {
    server.on("upgrade", (req, socket, head) => {
      socket.on("error", ignore);
      // Whoever takes it over also ends it; until then it counts as busy.
      count(req.socket, 1);
      if (refusalOf(req)) return refuse(socket, 400);
      try {
        upgrade(req, socket, head);
      } catch (error) {
        options.onError?.(error);
        socket.destroy();
      }
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explain(error, options.port)));
    server.listen(options.port, options.host, resolve);
  });
  server.on("error", (error) => options.onError?.(error));

  const address = server.address();
  if (address === null || typeof address === "string")
    throw new TypeError("a TCP port was expected");
  return {
    port: address.port,
    close() {
      closing = true;
      return new Promise((resolve) => {
        const cut = setTimeout(() => {
          for (const socket of sockets.keys()) socket.destroy();
        }, drainTimeout);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        // Node's own count of idle connections leaves out those that have not asked anything yet.
        for (const [socket, waiting] of sockets) if (waiting === 0) socket.destroy();
      });
    },
  };
}

const NO_IPV6: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);
const FREE_PORT_TRIES = 5;

/**
 * Listens on both loopback addresses, as `localhost` may mean either: else another program could
 * answer on the one that is left, in this server's name. Rejects with `ListenError`.
 */
export async function listenOnLoopback(options: Omit<ListenOptions, "host">): Promise<Listening> {
  for (let tries = 1; ; tries++) {
    const v4 = await listen({ ...options, host: "127.0.0.1" });
    try {
      const v6 = await listen({ ...options, port: v4.port, host: "::1" });
      const close = async () => void (await Promise.all([v4.close(), v6.close()]));
      return { port: v4.port, close };
    } catch (error) {
      if (error instanceof ListenError && NO_IPV6.has(error.code)) return v4;
      await v4.close();
      if (options.port !== 0 || tries === FREE_PORT_TRIES) throw error;
    }
  }
}

function refusalOf(req: IncomingMessage): 400 | 431 | undefined {
  const { rawHeaders } = req;
  if (rawHeaders.length / 2 >= MAX_HEADERS) return 431;
  const hosts = rawHeaders.filter(
    (_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === "host",
  );
  // RFC 9112, 3.2; HTTP/1.0 knew no Host.
  if (hosts.length > 1 || (hosts.length === 0 && req.httpVersion !== "1.0")) return 400;
  return hosts.every((host) => HOST.test(host)) ? undefined : 400;
}

const REASONS = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Request Entity Too Large",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
} as const;

function statusOf(code: string | undefined): 400 | 408 | 413 | 431 {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return 413;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}

function end(res: ServerResponse, status: keyof typeof REASONS): void {
  const body = JSON.stringify({ message: REASONS[status] });
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    connection: "close",
  };
  res.writeHead(status, headers).end(body);
}

/** Answers where there is no response object, or no understanding of what was sent. */
function refuse(socket: Duplex, status: keyof typeof REASONS): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify({ message: REASONS[status] });
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body, () => socket.destroy());
}

function explain(error: NodeJS.ErrnoException, port: number): ListenError {
  const code = error.code ?? "UNKNOWN";
  if (code === "EADDRINUSE")
    return new ListenError(code, `port ${port} is in use`, { cause: error });
  if (code === "EACCES")
    return new ListenError(code, `port ${port} may not be opened`, { cause: error });
  return new ListenError(code, `cannot listen on port ${port}: ${error.message}`, { cause: error });
}

function ignore(): void {
  // A client that goes away is no error of ours; without a listener it would end the process.
}
