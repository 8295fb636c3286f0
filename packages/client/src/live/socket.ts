/**
 * One WebSocket: frames, requests with their replies, and timers that end with it. When it is
 * closed, every open request gets a last reply of undefined, and no timer is left.
 */

import type { ClientFrame, ServerFrame } from "../api.gen.ts";
import { type Timers, clampDelay } from "../timer.ts";

/** The part of a WebSocket that is used. Those of browsers, of Node ≥ 22 and of `ws` have it. */
export interface WebSocketClient {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: { type?: string; data?: unknown; code?: number; reason?: string }) => void,
  ): void;
}

/** Takes each reply to a request, or undefined if none will come. True ends the request. */
type ReplyHandler = (frame: ServerFrame | undefined) => boolean;

type WithoutId<F> = F extends ClientFrame ? Omit<F, "id"> : never;

export interface SocketPort {
  opened: () => void;
  frame: (frame: ServerFrame) => void;
  /** Called once, also if the handshake failed (`wasOpen` is false) or `close` was called. */
  closed: (code: number, reason: string, wasOpen: boolean) => void;
}

export interface Socket {
  isOpen: () => boolean;
  /** Sends a frame; does nothing if the socket is not open. */
  send: (frame: WithoutId<ClientFrame>) => void;
  /**
   * Sends a frame and passes all its replies to `reply`. `within` is in ms: a long replay may take
   * longer, so only silence of the whole connection counts.
   */
  request: (frame: WithoutId<ClientFrame>, reply: ReplyHandler, within?: number) => void;
  /** Runs something after some ms, unless the socket is closed before. Returns what cancels it. */
  after: (ms: number, run: () => void) => () => void;
  /** Ends without waiting for the closing handshake, which a dead peer never answers. */
  close: (code?: number, reason?: string) => void;
}

/** The close code for a silent server. Codes from 4000 are free for applications. */
export const SILENT = 4000;
/** Ms without any frame after which a request gets no reply any more. */
const REPLY_WITHIN = 30_000;

export function createSocket(ws: WebSocketClient, timers: Timers, port: SocketPort): Socket {
  const running = new Set<unknown>();
  const requests = new Map<string, ReplyHandler>();
  let count = 0;
  let opened = false;
  let ended = false;
  let receivedAt = 0; // epoch ms

  const isOpen = () => opened && !ended;
  const send = (frame: object) => {
    if (isOpen()) ws.send(JSON.stringify(frame));
  };
  const after = (ms: number, run: () => void) => {
    const timer = timers.setTimeout(() => {
      running.delete(timer);
      run();
    }, clampDelay(ms));
    running.add(timer);
    return () => {
      running.delete(timer);
      timers.clearTimeout(timer);
    };
  };
  const end = (code: number, reason: string) => {
    if (ended) return;
    ended = true;
    for (const timer of running) timers.clearTimeout(timer);
    running.clear();
    const replies = [...requests.values()];
    requests.clear();
    for (const reply of replies) reply(undefined);
    port.closed(code, reason, opened);
  };

  ws.addEventListener("open", () => {
    if (ended) return;
    opened = true;
    port.opened();
  });
  ws.addEventListener("message", ({ data }) => {
    const frame = ended ? undefined : parse(data);
    if (frame === undefined) return;
    receivedAt = timers.now();
    port.frame(frame);
    const id = "replyTo" in frame ? frame.replyTo : undefined;
    if (id !== undefined && requests.get(id)?.(frame)) requests.delete(id);
  });
  ws.addEventListener("close", ({ code = 1006, reason = "" }) => end(code, reason));
  ws.addEventListener("error", () => undefined); // a close event follows

  return {
    isOpen,
    send,
    after,
    request(frame, reply, within = REPLY_WITHIN) {
      if (!isOpen()) {
        reply(undefined);
        return;
      }
      const id = String(++count);
      const sentAt = timers.now();
      requests.set(id, reply);
      const wait = (ms: number) => {
        after(ms, () => {
          if (!requests.has(id)) return;
          const left = Math.max(receivedAt, sentAt) + within - timers.now();
          if (left > 0) {
            wait(left);
            return;
          }
          requests.delete(id);
          reply(undefined);
        });
      };
      wait(within);
      send({ ...frame, id });
    },
    close(code = 1000, reason = "") {
      if (ended) return;
      try {
        ws.close(code, reason);
      } catch {
        // a socket that is still connecting may refuse; its events are ignored from here on
      }
      end(code, reason);
    },
  };
}

/** Undefined for a message that is not a frame, such as API Gateway's own error messages. */
function parse(data: unknown): ServerFrame | undefined {
  try {
    const value: unknown = typeof data === "string" && JSON.parse(data);
    const isFrame = typeof value === "object" && value !== null && "type" in value;
    return isFrame ? (value as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
