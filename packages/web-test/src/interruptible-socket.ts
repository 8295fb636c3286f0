/** A WebSocket for the Live client whose network can be interrupted, to show how it recovers. */

import { signal } from "@preact/signals";
import type { LiveOptions } from "@stockwire/client/live";

type WebSocketConstructor = NonNullable<LiveOptions["WebSocket"]>;
type WebSocketLike = InstanceType<WebSocketConstructor>;
type Listener = Parameters<WebSocketLike["addEventListener"]>[1];

/** Epoch ms until which no connection opens. */
export const interruptedUntil = signal(0);

const sockets = new Set<InterruptibleSocket>();

/** Breaks all open connections for `ms`. New ones wait until then, as on a dead network. */
export function interrupt(ms: number): void {
  interruptedUntil.value = Date.now() + ms;
  for (const socket of sockets) socket.break();
}

export class InterruptibleSocket implements WebSocketLike {
  readonly #listeners = new Map<string, Listener[]>();
  readonly #url: string;
  readonly #protocols: string[];
  #inner: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(url: string, protocols: string[]) {
    this.#url = url;
    this.#protocols = protocols;
    sockets.add(this);
    this.#connect();
  }

  #connect(): void {
    const wait = interruptedUntil.peek() - Date.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#connect(), wait);
      return;
    }
    const inner = new WebSocket(this.#url, this.#protocols);
    this.#inner = inner;
    inner.addEventListener("open", () => this.#dispatch("open", {}));
    inner.addEventListener("message", ({ data }) => this.#dispatch("message", { data }));
    inner.addEventListener("close", ({ code, reason }) => this.#end(code, reason));
  }

  addEventListener(type: "open" | "message" | "close" | "error", listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: string): void {
    this.#inner?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#inner?.close(code, reason);
    this.#end(code ?? 1000, reason ?? "");
  }

  /** Closes as browsers do when the network fails: 1006, and without the server's close frame. */
  break(): void {
    this.#end(1006, "the connection was interrupted");
    this.#inner?.close();
  }

  /** Dispatches `close` once; afterwards the socket dispatches nothing. */
  #end(code: number, reason: string): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#dispatch("close", { code, reason });
    this.#isClosed = true;
    sockets.delete(this);
  }

  #dispatch(type: string, event: Parameters<Listener>[0]): void {
    if (this.#isClosed) return;
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
