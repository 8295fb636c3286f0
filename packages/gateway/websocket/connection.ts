import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { WebSocketLimits } from "./config.ts";
import type { ConnectionFacts } from "./event.ts";
import { closeCodeOf, guardFrames } from "./frame.ts";

/** What became of a message for a connection. */
export type Posted = "sent" | "gone" | "too-large";

/** Why a connection ended, as `$disconnect` is told. */
export interface Ending {
  code: number;
  reason: string;
}

/** An open connection of a client. */
export interface Connection {
  readonly facts: ConnectionFacts;
  /** When the last message went either way. */
  readonly lastActiveAt: number; // epoch milliseconds
  /** Sends a text message; a client that leaves too much unread is cut off instead. */
  post(data: Buffer): Posted;
  /** Closes it; from now on it is gone. */
  end(ending: Ending): void;
  /** Cuts the socket off. */
  terminate(): void;
  /** Settles when `$disconnect` has run and the socket is closed. */
  readonly done: Promise<void>;
}

/** What a connection needs of its API. */
export interface ConnectionOptions {
  limits: WebSocketLimits;
  concurrent: boolean;
  clock: () => number;
  /** A text message as it goes over the wire. */
  frame(payload: Buffer): Buffer;
  /** Never rejects. */
  onMessage(connection: Connection, body: string): Promise<void>;
  /** Called once, as soon as the connection is gone. */
  onGone(connection: Connection): void;
  /** Called once, after the messages before it. Never rejects. */
  onDisconnect(connection: Connection, ending: Ending): Promise<void>;
}

/** A client that closes without a status; the reason is AWS's, as published events have it. */
const NO_STATUS: Ending = { code: 1005, reason: "Client-side close frame status not set" };

/** Takes over a socket that ws has just shaken hands with. */
export function createConnection(
  facts: ConnectionFacts,
  ws: WebSocket,
  socket: Duplex,
  options: ConnectionOptions,
): Connection {
  const { limits, clock } = options;
  const atOnce = options.concurrent ? limits.queued : 1;
  const waiting: string[] = [];
  const closed = Promise.withResolvers<void>();
  const disconnected = Promise.withResolvers<void>();
  let running = 0;
  let ending: Ending | undefined;
  let told = false;

  const connection: Connection & { lastActiveAt: number } = {
    facts,
    lastActiveAt: facts.connectedAt,
    done: Promise.all([closed.promise, disconnected.promise]).then(() => undefined),
    post(data) {
      if (data.length > limits.message) return "too-large";
      if (ending || !socket.writable) return "gone";
      const unread = socket.writableLength;
      if (unread > 0) {
        // ws may have a close frame in the queue already.
        if (ws.readyState !== ws.OPEN) return "gone";
        if (unread + data.length > limits.buffered) {
          connection.terminate();
          return "gone";
        }
      }
      connection.lastActiveAt = clock();
      // Past ws: one buffer and one write, where it makes two of each. Nothing is compressed or
      // masked, so what ws itself sends is whole frames too and the two never mix.
      socket.write(options.frame(data));
      return "sent";
    },
    end(why) {
      gone(why);
      ws.close(why.code, why.reason);
      // Else what the client sent could hold up its answer to the close frame.
      ws.resume();
    },
    terminate() {
      gone({ code: 1006, reason: "" });
      ws.terminate();
    },
  };

  function gone(why: Ending): void {
    if (ending) return;
    ending = why;
    options.onGone(connection);
    proceed();
  }

  function proceed(): void {
    while (running < atOnce) {
      const body = waiting.shift();
      if (body === undefined) break;
      running++;
      void options.onMessage(connection, body).then(settled);
    }
    if (!ending || told || running > 0) return;
    told = true;
    void options.onDisconnect(connection, ending).then(disconnected.resolve);
  }

  function settled(): void {
    running--;
    if (running + waiting.length < limits.queued) ws.resume();
    proceed();
  }

  guardFrames(ws, limits.frame);
  ws.on("message", (data: Buffer) => {
    // What still arrives after the close frame is no concern of anybody.
    if (ending) return;
    connection.lastActiveAt = clock();
    waiting.push(data.toString("utf8"));
    proceed();
    if (running + waiting.length >= limits.queued) ws.pause();
  });
  // ws has sent the close frame by now.
  ws.on("error", (error) => gone({ code: closeCodeOf(error), reason: "" }));
  ws.on("close", (code, reason) => {
    gone(code === NO_STATUS.code ? NO_STATUS : { code, reason: reason.toString("utf8") });
    closed.resolve();
  });
  return connection;
}
