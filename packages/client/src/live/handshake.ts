/**
 * Opens WebSockets with the caller's credential, and remembers which token was refused, so that the
 * caller is asked for another one.
 */

import { LiveError } from "../error.ts";
import type { Token } from "../http.ts";
import type { Timers } from "../timer.ts";
import { createSocket, type Socket, type SocketPort, type WebSocketClient } from "./socket.ts";

/** The caller's identity: a token, or tickets of `POST /live/tickets` (60 s, for one handshake). */
type Credential =
  | { token: Token; ticket?: never }
  | { ticket: () => string | Promise<string>; token?: never };

type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketClient;

export type HandshakeOptions = Credential & {
  /** The URL of the Live API: `wss://…` */
  url: string;
  /** The runtime's own, which Node has since version 22; before, the one of `ws`. */
  WebSocket?: WebSocketConstructor;
};

/** The callbacks of a socket that is being opened. */
type OpenPort = Omit<SocketPort, "opened">;

export interface Handshake {
  /** False if the caller gives tickets: a connection's token cannot be replaced then. */
  hasToken: boolean;
  /** Marks the last token as refused: the caller's function gets it at the next call. */
  refuse: () => void;
  /** A token to replace the last one, which is about to expire. */
  renewedToken: () => Promise<string>;
  /**
   * Resolves with an open socket; an aborted signal closes it, then and later. Throws `LiveError`
   * `no_answer` if the handshake fails, and the credential's own error.
   */
  open: (ending: AbortSignal, port: (socket: () => Socket) => OpenPort) => Promise<Socket>;
}

const PROTOCOL = "stockwire.v1";
/** Ms within which a handshake must succeed. */
const OPEN_WITHIN = 15_000;

/** Throws `TypeError` if there is no WebSocket: without `options.WebSocket` on Node 20. */
export function createHandshake(options: HandshakeOptions, timers: Timers): Handshake {
  const { token, ticket, url } = options;
  if ((options.WebSocket ?? globalThis.WebSocket) === undefined) {
    throw new TypeError('This runtime has no WebSocket: npm install ws, and pass its "WebSocket"');
  }
  let last: string | undefined;
  let refused: string | undefined;

  const next = async (instead = refused): Promise<string> => {
    last = typeof token === "function" ? await token(instead) : (token ?? "");
    refused = undefined;
    return last;
  };
  const refuse = () => (refused = last);

  return {
    hasToken: token !== undefined,
    refuse,
    renewedToken: () => next(last),
    async open(ending, port) {
      const { WebSocket = globalThis.WebSocket } = options;
      const address = new URL(url);
      const protocols = [PROTOCOL];
      // A browser cannot set headers of a handshake: the token travels as a subprotocol.
      if (ticket) address.searchParams.set("ticket", await ticket());
      else protocols.push(`bearer.${await next()}`);
      ending.throwIfAborted();
      return new Promise((resolve, reject) => {
        const { frame, closed } = port(() => socket);
        const end = () => socket.close();
        let cancel = () => {};
        const socket: Socket = createSocket(new WebSocket(address.href, protocols), timers, {
          opened: () => {
            cancel();
            resolve(socket);
          },
          frame,
          closed: (code, reason, wasOpen) => {
            ending.removeEventListener("abort", end);
            // A browser does not say why a handshake failed. It may be the token.
            if (!wasOpen) refuse();
            reject(new LiveError("no_answer", `The connection was refused (${code})`));
            closed(code, reason, wasOpen);
          },
        });
        cancel = socket.after(OPEN_WITHIN, end);
        ending.addEventListener("abort", end, { once: true });
      });
    },
  };
}
