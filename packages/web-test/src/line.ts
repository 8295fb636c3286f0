import type { LiveOptions } from "@stockwire/client/live";
import { signal } from "@preact/signals";

type WebSocketConstructor = NonNullable<LiveOptions["WebSocket"]>;
type Like = InstanceType<WebSocketConstructor>;
type Listener = Parameters<Like["addEventListener"]>[1];

/** Until when no connection gets through; epoch ms. */
export const cutUntil = signal(0);

const open = new Set<CuttableSocket>();

/** Breaks off what is open; what dials waits until the time is over, as on a dead line. */
export function cut(ms: number): void {
  cutUntil.value = Date.now() + ms;
  for (const socket of open) socket.break();
}

/** A WebSocket whose line can be cut. */
export class CuttableSocket implements Like {
  readonly #listeners = new Map<string, Listener[]>();
  readonly #url: string;
  readonly #protocols: string[];
  #inner: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(url: string, protocols: string[]) {
    this.#url = url;
    this.#protocols = protocols;
    open.add(this);
    this.#dial();
  }

  #dial(): void {
    const wait = cutUntil.peek() - Date.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#dial(), wait);
      return;
    }
    const inner = new WebSocket(this.#url, this.#protocols);
    this.#inner = inner;
    inner.addEventListener("open", () => this.#tell("open", {}));
    inner.addEventListener("message", ({ data }) => this.#tell("message", { data }));
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

  break(): void {
    this.#end(1006, "the line was cut");
    this.#inner?.close();
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#tell("close", { code, reason });
    this.#ended = true;
    open.delete(this);
  }

  #tell(type: string, event: Parameters<Listener>[0]): void {
    if (this.#ended) return;
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
