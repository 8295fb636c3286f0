/**
 * The transport to an engine on this machine: HTTP/1.1 on a few plain sockets, at less than half the
 * CPU time of node:http for both sides. Requests of one turn of the event loop are one write, and
 * their replies are read without streams. A connection carries several requests, which the engine
 * answers in their order (RFC 9112, section 9.3.2). Every request ends as with core's transport. A
 * reply must have a Content-Length, as those of dynoxide have; one that is chunked is refused.
 */

import { connect, type Socket } from "node:net";
import type { OpenTransport } from "@stockwire/core/aws/client";
import {
  aborted,
  CONNECTION_TIMEOUT,
  type HttpReply,
  type HttpRequest,
  named,
  networkError,
  openTransport,
  timedOut,
  type Transport,
} from "@stockwire/core/aws/http";
import { createReplyReader } from "./reply-reader.ts";

/**
 * More would not make an engine faster that does one thing at a time. Callers limit the number of
 * requests in progress.
 */
const CONNECTIONS = 4;
const READ_BUFFER = 64 * 1024; // bytes
/** Ms after a reply until it is acknowledged, if another is waited for. */
const ACKNOWLEDGE_AFTER = 1;

/** A request that has been sent, until its reply is complete. */
interface Exchange {
  /** Settles the caller's promise, the first time. */
  end(outcome: HttpReply | Error): void;
  hasEnded: boolean;
  /** Starts the time-out again. */
  refresh(): void;
}

interface Connection {
  socket: Socket;
  /** Requests that the next write sends. */
  unsent: string;
  /** Runs while a reply has come after which nothing was sent, and another is waited for. */
  acknowledging: NodeJS.Timeout | undefined;
  /** The oldest first. Those that have timed out stay, since their replies come before the next. */
  inProgress: Exchange[];
  /** It gets no further request, and is closed once all in progress have ended. */
  isClosing: boolean;
}

/** Opens a transport. An endpoint that is not plain HTTP gets that of core. */
export const openSocketTransport: OpenTransport = (endpoint, maxSockets) =>
  endpoint.protocol === "http:"
    ? openSockets(endpoint, Math.min(CONNECTIONS, maxSockets))
    : openTransport(endpoint, maxSockets);

function openSockets(endpoint: URL, maxSockets: number): Transport {
  const connections = new Set<Connection>();

  /** The connection with the fewest requests; a new one instead of one with any, while there may be more. */
  function leastBusy(): Connection {
    let best: Connection | undefined;
    for (const each of connections) {
      // `close` comes some turns of the event loop after a socket was destroyed.
      if (each.isClosing || each.socket.destroyed) continue;
      if (best === undefined || each.inProgress.length < best.inProgress.length) best = each;
    }
    if (best !== undefined && (best.inProgress.length === 0 || connections.size >= maxSockets)) {
      return best;
    }
    const opened = openConnection(endpoint, () => connections.delete(opened));
    connections.add(opened);
    return opened;
  }

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const { timeout, abortSignal } = request;
        if (abortSignal?.aborted) return reject(aborted());
        const text = textOf(request);
        const connection = leastBusy();
        const onAbort = () => exchange.end(aborted());
        const timer = setTimeout(() => exchange.end(timedOut(timeout)), timeout);
        const exchange: Exchange = {
          hasEnded: false,
          refresh: () => timer.refresh(),
          end(outcome) {
            if (exchange.hasEnded) return;
            exchange.hasEnded = true;
            clearTimeout(timer);
            abortSignal?.removeEventListener("abort", onAbort);
            if (!(outcome instanceof Error)) return resolve(outcome);
            reject(outcome);
            close(connection);
          },
        };
        abortSignal?.addEventListener("abort", onAbort, { once: true });
        connection.inProgress.push(exchange);
        if (connection.unsent === "") setImmediate(sendAll, connection);
        connection.unsent += text;
      }),
    close() {
      for (const { socket } of connections) socket.destroy();
    },
  };
}

function sendAll(connection: Connection): void {
  const { unsent } = connection;
  connection.unsent = "";
  clearTimeout(connection.acknowledging);
  connection.acknowledging = undefined;
  connection.socket.write(unsent);
}

/**
 * Sends an empty line, which servers ignore before a request (RFC 9112, section 2.2), and with it TCP's
 * acknowledgement of the last reply. Without one the system waits 40 ms for something to send, and an
 * engine without TCP_NODELAY, such as dynoxide, keeps back the next reply until then.
 */
function acknowledge(connection: Connection): void {
  connection.acknowledging = undefined;
  if (connection.inProgress.length > 0) connection.socket.write("\r\n");
}

/** Closes a connection as soon as nothing is waited for. */
function close(connection: Connection): void {
  connection.isClosing = true;
  if (connection.inProgress.every(({ hasEnded }) => hasEnded)) connection.socket.destroy();
}

function openConnection({ hostname, port }: URL, onClose: () => void): Connection {
  const reader = createReplyReader();
  let failure: NodeJS.ErrnoException = named("Error", "socket hang up", { code: "ECONNRESET" });

  const receive = (bytes: Buffer) => {
    for (const exchange of inProgress) exchange.refresh();
    for (let from = 0; from < bytes.length;) {
      const read = reader.read(bytes, from);
      if (read === undefined) return;
      from = read.end;
      const exchange = inProgress.shift();
      if (exchange === undefined) throw new Error("a reply without a request");
      exchange.end(read.reply);
      if (!read.keepsAlive || connection.isClosing) close(connection);
    }
    if (inProgress.length > 0 && connection.unsent === "") {
      connection.acknowledging ??= setTimeout(acknowledge, ACKNOWLEDGE_AFTER, connection);
    }
  };
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER),
    callback: (size: number, buffer: Uint8Array) => {
      try {
        receive((buffer as Buffer).subarray(0, size));
      } catch (cause) {
        connection.isClosing = true;
        socket.destroy(named("ProtocolError", String(cause), { code: "EPROTO" }));
      }
      return true;
    },
  };
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ""), // of an IPv6 address
    port: Number(port || 80),
    noDelay: true,
    onread,
  });
  const inProgress: Exchange[] = [];
  const connection: Connection = {
    socket,
    unsent: "",
    acknowledging: undefined,
    inProgress,
    isClosing: false,
  };
  const connecting = setTimeout(
    () => socket.destroy(named("TimeoutError", `no connection in ${CONNECTION_TIMEOUT} ms`)),
    CONNECTION_TIMEOUT,
  );
  socket.once("connect", () => clearTimeout(connecting));
  socket.on("end", () => socket.destroy());
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    clearTimeout(connecting);
    clearTimeout(connection.acknowledging);
    connection.isClosing = true;
    onClose();
    const error = networkError(failure);
    const broken = reader.close(error);
    if (broken !== undefined) inProgress.shift()?.end(broken);
    for (const exchange of inProgress.splice(0)) exchange.end(error);
  });
  return connection;
}

const UNSAFE = /[^\t\x20-\x7e]/;

/** A request as it is sent. Throws at a header that HTTP cannot carry. */
function textOf({ method, path, headers, body }: HttpRequest): string {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && UNSAFE.test(value))
      throw new TypeError(`${name} is not a header`);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n${body}`;
}
