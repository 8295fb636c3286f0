/**
 * One open connection: it queues the messages of its client, sends frames to it, and closes. Routes run
 * in the order of AWS: `$disconnect` runs exactly once, after all messages before it, and no message is
 * accepted or sent after the connection began to close.
 */

import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { WebSocketLimits } from "./config.ts";
import type { CloseStatus, ConnectionInfo } from "./event.ts";

/** The result of sending. `gone`: the connection is closed or closing, or it was terminated now. */
export type SendResult = "sent" | "gone" | "too-large";

/** An open connection. */
export interface Connection {
  readonly info: ConnectionInfo;
  /** The time of the last message in either direction. */
  readonly lastActiveAt: number; // epoch milliseconds
  /** Sends a text message. Terminates a connection whose client has left too much unread. */
  send(data: Buffer): SendResult;
  /** Sends a close frame. The connection is gone as soon as this returns. */
  close(status: CloseStatus): void;
  /** Destroys the socket. `$disconnect` gets the code 1006. */
  terminate(): void;
  /** Resolves when `$disconnect` has run and the socket is closed. */
  readonly done: Promise<void>;
}

/** The parts of an API that its connections need. */
export interface ConnectionOptions {
  limits: WebSocketLimits;
  concurrent: boolean;
  clock: () => number;
  /** Makes the frame of a text message. */
  frame(payload: Buffer): Buffer;
  /** Runs the route of a message. Never rejects. */
  onMessage(connection: Connection, body: string): Promise<void>;
  /** Called once, as soon as the connection is gone. */
  onGone(): void;
  /** Runs `$disconnect`. Called once, after all messages have run. Never rejects. */
  onDisconnect(status: CloseStatus): Promise<void>;
}

/** A close frame without a status code; the reason is the one in published events of AWS. */
const NO_STATUS: CloseStatus = { code: 1005, reason: "Client-side close frame status not set" };
const ABORTED: CloseStatus = { code: 1006, reason: "" };

/** Creates the connection of a WebSocket whose handshake is complete. `socket` is its TCP socket. */
export function createConnection(
  info: ConnectionInfo,
  ws: WebSocket,
  socket: Duplex,
  options: ConnectionOptions,
): Connection {
  const { limits, clock } = options;
  const maxRunning = options.concurrent ? limits.queued : 1;
  const waiting: string[] = [];
  const closed = Promise.withResolvers<void>();
  const disconnected = Promise.withResolvers<void>();
  let running = 0;
  let closeStatus: CloseStatus | undefined;
  let isDisconnecting = false;

  const connection: Connection & { lastActiveAt: number } = {
    info,
    lastActiveAt: info.connectedAt,
    done: Promise.all([closed.promise, disconnected.promise]).then(() => undefined),
    send(data) {
      if (data.length > limits.message) return "too-large";
      // `ws` closes by itself after a close frame or an error of the client.
      if (closeStatus || ws.readyState !== ws.OPEN || !socket.writable) return "gone";
      const unread = socket.writableLength;
      if (unread > 0 && unread + data.length > limits.buffered) {
        connection.terminate();
        return "gone";
      }
      connection.lastActiveAt = clock();
      // Directly to the socket, because `ws` would make two buffers and two writes of each message.
      // `ws` writes whole frames too (pongs and close frames), so frames never mix.
      socket.write(options.frame(data));
      return "sent";
    },
    close(status) {
      markGone(status);
      ws.close(status.code, status.reason);
      // While paused, the unread messages of the client would hold up its close frame.
      ws.resume();
    },
    terminate() {
      markGone(ABORTED);
      ws.terminate();
    },
  };

  function markGone(status: CloseStatus): void {
    if (closeStatus) return;
    closeStatus = status;
    options.onGone();
    runNext();
  }

  function runNext(): void {
    while (running < maxRunning) {
      const body = waiting.shift();
      if (body === undefined) break;
      running++;
      void options.onMessage(connection, body).then(onSettled);
    }
    if (!closeStatus || isDisconnecting || running > 0) return;
    isDisconnecting = true;
    void options.onDisconnect(closeStatus).then(disconnected.resolve);
  }

  function onSettled(): void {
    running--;
    if (running + waiting.length < limits.queued) ws.resume();
    runNext();
  }

  ws.on("message", (data: Buffer) => {
    // The client may send until it has read the close frame. AWS ignores these messages too.
    if (closeStatus) return;
    connection.lastActiveAt = clock();
    waiting.push(data.toString("utf8"));
    runNext();
    // TCP then slows the client down.
    if (running + waiting.length >= limits.queued) ws.pause();
  });
  // `ws` sends the close frame itself before it emits this event.
  ws.on("error", (error) => markGone({ code: closeCodeOf(error), reason: "" }));
  ws.on("close", (code, reason) => {
    markGone(code === NO_STATUS.code ? NO_STATUS : { code, reason: reason.toString("utf8") });
    closed.resolve();
  });
  return connection;
}

// https://github.com/websockets/ws/blob/8.23.0/doc/ws.md#ws-error-codes
const CLOSE_CODES: ReadonlyMap<string, number> = new Map([
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", 1009],
  ["WS_ERR_INVALID_UTF8", 1007],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008],
]);

/** The code with which `ws` closes a connection after an error of the client. */
export function closeCodeOf(error: NodeJS.ErrnoException): number {
  return CLOSE_CODES.get(error.code ?? "") ?? 1002;
}
