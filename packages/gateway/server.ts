/**
 * An HTTP/1.1 server in front of one or more APIs. No client can stop it, keep it from closing, or make
 * it answer a request that another client sent.
 */

import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** The server cannot listen on its address. `code` is Node's, the message is one line for a person. */
export class ListenError extends Error {
  override name = "ListenError";
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The address, the handlers, and how long clients may take. */
export interface ListenOptions {
  /** 0 lets the operating system choose a free port. */
  port: number;
  host?: string;
  handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** Takes over the socket of an upgrade request. Without it, such requests go to `handle`. */
  upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Selects the upgrade requests for `upgrade`; the others go to `handle`. Default: all. */
  shouldUpgrade?: (req: IncomingMessage) => boolean;
  /** Called with errors that `handle` and `upgrade` throw, and with errors of the server. */
  onError?: (error: unknown) => void;
  headersTimeout?: number; // milliseconds
  requestTimeout?: number; // milliseconds
  /** How long `close` waits for requests that are not answered yet. Then it answers 503. */
  drainTimeout?: number; // milliseconds
}

/** A server that accepts connections. */
export interface Listening {
  port: number;
  /**
   * Stops accepting, and waits for open requests up to `drainTimeout`. Each request is answered with
   * `Connection: close`, those that are still open at the end with 503.
   */
  close(): Promise<void>;
}

// How long a kept connection may still send a request that has crossed with the start of `close`.
const IDLE_GRACE = 50; // milliseconds
// How long the last responses may take to reach their clients.
const FLUSH = 100; // milliseconds
// Larger than the limit of every API, so that the API answers and not Node.
const MAX_HEADER_SIZE = 64 * 1024; // bytes
// Node silently drops headers above its limit. Such a request is refused instead.
const MAX_HEADERS = 1000;
// A name or an address, and a port (RFC 3986, section 3.2.2). Only an IPv6 address has brackets.
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::\d*)?$/;

/** Opens a server. Rejects with `ListenError`. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { headersTimeout = 10_000, requestTimeout = 60_000, drainTimeout = 1500 } = options;
  let closing = false;
  /** The number of open requests of each socket. */
  const sockets = new Map<Socket, number>();
  const openResponses = new Set<ServerResponse>();
  const lastResponse = new WeakMap<Duplex, ServerResponse>();
  const countRequests = (socket: Socket, change: 1 | -1) => {
    const open = (sockets.get(socket) ?? 0) + change;
    if (sockets.has(socket)) sockets.set(socket, open);
    if (closing && open === 0) socket.destroySoon();
  };
  const server = createServer({
    maxHeaderSize: MAX_HEADER_SIZE,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1000, headersTimeout),
    // `checkRequest` does this, and refuses a second Host as well.
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
    const last = lastResponse.get(socket);
    // An error response must not be taken for the response to an earlier, complete request, and must
    // not be written into the middle of another response.
    const pending = last && !last.writableEnded && (last.headersSent || last.req.complete);
    if (pending) socket.destroy();
    else writeError(socket, statusOf(error.code));
  });
  server.on("request", (req, res) => {
    lastResponse.set(req.socket, res);
    req.on("error", ignore);
    res.on("error", ignore);
    countRequests(req.socket, 1);
    openResponses.add(res);
    res.on("close", () => {
      openResponses.delete(res);
      countRequests(req.socket, -1);
    });
    if (closing) res.shouldKeepAlive = false;
    const refusal = checkRequest(req);
    if (refusal) return respondError(res, refusal);
    try {
      options.handle(req, res);
    } catch (error) {
      options.onError?.(error);
      if (res.headersSent) res.destroy();
      else respondError(res, 500);
    }
  });
  const { upgrade } = options;
  if (upgrade) {
    server.on("upgrade", (req, socket, head) => {
      socket.on("error", ignore);
      // The socket counts as busy until `upgrade`'s owner ends it, so `close` gives it time.
      countRequests(req.socket, 1);
      if (checkRequest(req)) return writeError(socket, 400);
      try {
        upgrade(req, socket, head);
      } catch (error) {
        options.onError?.(error);
        socket.destroy();
      }
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(listenError(error, options.port)),
    );
    server.listen(options.port, options.host, resolve);
  });
  server.on("error", (error) => options.onError?.(error));

  const address = server.address();
  return {
    // The address of a TCP server is an object; it is a string for a pipe and null before listening.
    port: typeof address === "object" && address ? address.port : options.port,
    async close() {
      closing = true;
      // A client must not send another request on a connection that is about to end.
      for (const res of openResponses) res.shouldKeepAlive = false;
      const idle = () => [...sockets].flatMap(([socket, open]) => (open === 0 ? socket : []));
      for (const socket of idle()) if (!lastResponse.has(socket)) socket.destroy();
      if (idle().length > 0) await sleep(Math.min(IDLE_GRACE, drainTimeout));
      // Node's `close` would miss the sockets that have not sent a request yet.
      for (const socket of idle()) socket.destroy();
      const closed = new Promise((resolve) => server.close(resolve));
      if (await isWithin(drainTimeout, closed)) return;
      for (const res of openResponses) if (!res.headersSent) respondError(res, 503);
      if (await isWithin(FLUSH, closed)) return;
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
}

/** True if the promise resolves within so many milliseconds. */
async function isWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const timeout = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([promise.then(() => true), timeout]);
  timer.abort();
  return inTime;
}

const NO_IPV6: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);
const FREE_PORT_TRIES = 5;

/**
 * Listens on both loopback addresses, because `localhost` can mean either. Another program could
 * otherwise listen on the free one and receive requests for this server. Rejects with `ListenError`.
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

/** The status with which a request must be refused before any handler sees it. */
function checkRequest(req: IncomingMessage): 400 | 431 | undefined {
  const { rawHeaders } = req;
  if (rawHeaders.length / 2 >= MAX_HEADERS) return 431;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    hosts++;
    if (!HOST.test(rawHeaders[at + 1] ?? "")) return 400;
  }
  // Exactly one Host (RFC 9112, section 3.2); HTTP/1.0 has no Host.
  return hosts === 1 || (hosts === 0 && req.httpVersion === "1.0") ? undefined : 400;
}

const REASONS = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Request Entity Too Large",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

function statusOf(code: string | undefined): 400 | 408 | 413 | 431 {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return 413;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}

function respondError(res: ServerResponse, status: keyof typeof REASONS): void {
  const body = JSON.stringify({ message: REASONS[status] });
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    connection: "close",
  };
  res.writeHead(status, headers).end(body);
}

/** Writes an error where Node has no response object: upgrades and bytes that are not HTTP. */
function writeError(socket: Duplex, status: keyof typeof REASONS): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify({ message: REASONS[status] });
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body, () => socket.destroy());
}

function listenError(error: NodeJS.ErrnoException, port: number): ListenError {
  const code = error.code ?? "UNKNOWN";
  if (code === "EADDRINUSE")
    return new ListenError(code, `port ${port} is in use`, { cause: error });
  if (code === "EACCES")
    return new ListenError(code, `no permission to listen on port ${port}`, { cause: error });
  return new ListenError(code, `cannot listen on port ${port}: ${error.message}`, { cause: error });
}

function ignore(): void {
  // A client that disconnects is not an error of the server, but without a listener it would end the
  // process.
}
