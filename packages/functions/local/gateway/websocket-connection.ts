import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { WebSocketLimits } from "./websocket-config.ts";
import type { ConnectionFacts } from "./websocket-event.ts";
import { closeCodeOf, guardFrames, textFrame } from "./websocket-frame.ts";

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
  /** Never rejects. */
  onMessage(connection: Connection, body: string): Promise<void>;
  /** Called once, as soon as the connection is gone. */
  onGone(connection: Connection): void;
  /** Called once, after the messages before it. Never rejects. */
  onDisconnect(connection: Connection, ending: Ending): Promise<void>;
}

/**
 * What a close by a client means to `$disconnect`:
 * a missing status has a reason of AWS's own, seen in published events.
 */
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
  let lastActiveAt = facts.connectedAt;
  let ending: Ending | undefined;
  let told = false;

  const connection: Connection = {
    facts,
    get lastActiveAt() {
      return lastActiveAt;
    },
    done: Promise.all([closed.promise, disconnected.promise]).then(() => undefined),
    post(data) {
      if (data.length > limits.message) return "too-large";
      if (ending || ws.readyState !== ws.OPEN) return "gone";
      const unread = socket.writableLength;
      if (unread > 0 && unread + data.length > limits.buffered) {
        connection.terminate();
        return "gone";
      }
      lastActiveAt = clock();
      // Past ws: one buffer and one write, where it makes two of each. Nothing is compressed or
      // masked, so what ws itself sends is whole frames too and the two never mix.
      socket.write(textFrame(data));
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
    lastActiveAt = clock();
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
