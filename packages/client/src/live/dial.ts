import { LiveError } from "../error.ts";
import { Socket, type SocketPort, type WebSocketLike } from "./socket.ts";
import type { Timers } from "../timers.ts";
import { type Token, tokenOf } from "../token.ts";

/** How a connection shows whose it is: a token, or tickets of `POST /live/tickets`. */
type Credential =
  | { token: Token; ticket?: never }
  | { ticket: () => string | Promise<string>; token?: never };

type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

export type DialOptions = Credential & {
  /** `wss://…` */
  url: string;
  WebSocket?: WebSocketConstructor;
};

const PROTOCOL = "stockwire.v1";
/** Ms within which a handshake is done. */
const OPEN_WITHIN = 15_000;

/** Opens connections, and remembers the token that was refused. */
export class Dialer {
  readonly #options: DialOptions;
  readonly #timers: Timers;
  #last: string | undefined;
  #refused: string | undefined;

  constructor(options: DialOptions, timers: Timers) {
    this.#options = options;
    this.#timers = timers;
  }

  get hasToken(): boolean {
    return this.#options.token !== undefined;
  }

  /** The last token is no good any more. */
  refuse(): void {
    this.#refused = this.#last;
  }

  /** A token that is not the refused one, if the caller has another. */
  async token(refused = this.#refused): Promise<string> {
    const { token = "" } = this.#options;
    this.#last = await tokenOf(token, refused);
    this.#refused = undefined;
    return this.#last;
  }

  /** A fresh one in place of the last. */
  renewed = (): Promise<string> => this.token(this.#last);

  /** Resolves once it is open. Throws `LiveError` if it is refused, and what the credential throws. */
  async dial(ending: AbortSignal, port: (socket: () => Socket) => SocketPort): Promise<Socket> {
    const { url, ticket, WebSocket = globalThis.WebSocket } = this.#options;
    const address = new URL(url);
    const protocols = [PROTOCOL];
    if (ticket) address.searchParams.set("ticket", await ticket());
    else protocols.push(`bearer.${await this.token()}`);
    ending.throwIfAborted();
    return new Promise((resolve, reject) => {
      const { opened, frame, closed } = port(() => socket);
      const end = () => socket.close();
      let cancel = () => {};
      const socket: Socket = new Socket(new WebSocket(address.href, protocols), this.#timers, {
        opened: () => {
          cancel();
          opened();
          resolve(socket);
        },
        frame,
        closed: (code, reason) => {
          ending.removeEventListener("abort", end);
          // A browser doesn't say why; that the token was refused is as likely as anything.
          if (!socket.wasOpen) this.refuse();
          reject(new LiveError("no_answer", `The connection was refused (${code})`));
          closed(code, reason);
        },
      });
      cancel = socket.after(OPEN_WITHIN, end);
      ending.addEventListener("abort", end, { once: true });
    });
  }
}
