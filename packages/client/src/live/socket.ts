import type { ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";
import { type Timers, bounded } from "../timers.ts";

/** What is used of a WebSocket: the browser's, Node's and that of `ws` all fit. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: { data?: unknown; code?: number; reason?: string }) => void,
  ): void;
}

/** A reply, or undefined if none will come; true ends the question. */
export type Reply = (frame: ServerFrame | undefined) => boolean;

type Unnumbered<F> = F extends ClientFrame ? Omit<F, "id"> : never;

export interface SocketPort {
  opened: () => void;
  frame: (frame: ServerFrame) => void;
  /** Once, whoever ended it, and whether it was ever open or not. */
  closed: (code: number, reason: string) => void;
}

/** Of the codes that are free for use: the server is silent. */
export const SILENT = 4000;

/** One connection: frames, questions and their answers, and timers that end with it. */
export class Socket {
  readonly #ws: WebSocketLike;
  readonly #port: SocketPort;
  readonly #timers: Timers;
  readonly #running = new Set<unknown>();
  readonly #questions = new Map<string, Reply>();
  #count = 0;
  #open = false;
  #ended = false;
  #heardAt = 0;

  constructor(ws: WebSocketLike, timers: Timers, port: SocketPort) {
    this.#ws = ws;
    this.#timers = timers;
    this.#port = port;
    ws.addEventListener("open", () => {
      if (this.#ended) return;
      this.#open = true;
      port.opened();
    });
    ws.addEventListener("message", ({ data }) => this.#receive(data));
    ws.addEventListener("close", ({ code = 1006, reason = "" }) => this.#end(code, reason));
    ws.addEventListener("error", () => undefined); // `close` follows
  }

  get wasOpen(): boolean {
    return this.#open;
  }

  get isOpen(): boolean {
    return this.#open && !this.#ended;
  }

  send(frame: Unnumbered<ClientFrame>, id?: string): void {
    if (this.isOpen) this.#ws.send(JSON.stringify(id === undefined ? frame : { ...frame, id }));
  }

  /** Sends a frame; all that answers it goes to `reply`. Ms of silence end it. */
  ask(frame: Unnumbered<ClientFrame>, within: number, reply: Reply): void {
    if (!this.isOpen) {
      reply(undefined);
      return;
    }
    const id = String(++this.#count);
    const askedAt = this.#timers.now();
    this.#questions.set(id, reply);
    const wait = (ms: number) => {
      this.after(ms, () => {
        if (!this.#questions.has(id)) return;
        const left = Math.max(this.#heardAt, askedAt) + within - this.#timers.now();
        if (left > 0) {
          wait(left);
          return;
        }
        this.#questions.delete(id);
        reply(undefined);
      });
    };
    wait(within);
    this.send(frame, id);
  }

  /** Runs something later, unless the connection ends before. */
  after(ms: number, run: () => void): () => void {
    const timer = this.#timers.setTimeout(() => {
      this.#running.delete(timer);
      run();
    }, bounded(ms));
    this.#running.add(timer);
    return () => {
      this.#running.delete(timer);
      this.#timers.clearTimeout(timer);
    };
  }

  /** Ends it at once: a dead peer answers no closing handshake. */
  close(code = 1000, reason = ""): void {
    if (this.#ended) return;
    try {
      this.#ws.close(code, reason);
    } catch {
      // a socket that is still connecting may refuse to be closed; it is ignored from here on
    }
    this.#end(code, reason);
  }

  #receive(data: unknown): void {
    if (this.#ended || typeof data !== "string") return;
    const frame = parse(data);
    if (frame === undefined) return;
    this.#heardAt = this.#timers.now();
    this.#port.frame(frame);
    const id = "replyTo" in frame ? frame.replyTo : undefined;
    const reply = id === undefined ? undefined : this.#questions.get(id);
    if (id !== undefined && reply?.(frame)) this.#questions.delete(id);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#running) this.#timers.clearTimeout(timer);
    this.#running.clear();
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const reply of questions) reply(undefined);
    this.#port.closed(code, reason);
  }
}

/** Undefined for what is no frame: a later version's, or a gateway's own words. */
function parse(data: string): ServerFrame | undefined {
  try {
    const value: unknown = JSON.parse(data);
    const isFrame = typeof value === "object" && value !== null && "type" in value;
    return isFrame ? (value as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
