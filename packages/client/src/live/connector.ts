import type { ServerFrame } from "@stockwire/core/live/protocol";
import { backoff } from "../backoff.ts";
import { type ChannelMessage, Twice } from "./channel.ts";
import { Dialer, type DialOptions } from "./dial.ts";
import { Emitter } from "./emitter.ts";
import { LiveError } from "../error.ts";
import { distribute, type Leg, Lines } from "./leg.ts";
import { Renewal } from "./renewal.ts";
import { SILENT, type Socket } from "./socket.ts";
import { delay, systemTimers, type Timers } from "../timers.ts";
import { parseTopic, type Topic } from "./topic.ts";

export type ConnectionOptions = DialOptions & {
  /** Ms between pings, which also find what was lost; 60 000. The server ends an idle connection after 600 000. */
  pingEvery?: number;
  /** Ms of silence after a ping that end a connection; 10 000. */
  pongWithin?: number;
  timers?: Timers;
  /** Of jitter: 0 ≤ n < 1. */
  random?: () => number;
};

export interface LiveEvents {
  open: Omit<Extract<ServerFrame, { type: "welcome" }>, "type" | "replyTo">;
  /** Of the WebSocket's close event; another connection is on its way. */
  down: { code: number; reason: string };
  message: ChannelMessage;
  /** What went wrong and is tried again, and what a listener threw. */
  error: Error;
}

const WAIT = { base: 500, cap: 30_000 }; // ms
/** Ms after which a connection counts as a good one. */
const STABLE = 10_000;
const ANSWER_WITHIN = 30_000; // ms

/** A connection, what it is subscribed to, and since when. */
interface Link {
  socket: Socket;
  lines: Lines;
  openedAt: number; // epoch ms
  closed: Promise<void>;
}

/** Keeps one connection open as long as it is used, and moves to another without a gap. */
export class Connector {
  readonly events = new Emitter<LiveEvents>();
  readonly #options: ConnectionOptions;
  readonly #timers: Timers;
  readonly #dialer: Dialer;
  readonly #ending = new AbortController();
  readonly #legs = new Set<Leg>();
  readonly #channels = new Set<string>();
  readonly #twice = new Twice();
  readonly #renewal: Renewal;
  readonly #retrying = new Set<Leg>();
  #main: Link | undefined;
  #next: Link | undefined;
  #opened = Promise.withResolvers<Link>();
  #running = false;
  #moving = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#dialer = new Dialer(options, this.#timers);
    this.#opened.promise.catch(() => undefined);
    this.#renewal = new Renewal(this.#dialer, this.#timers, {
      move: () => void this.#move(),
      lost: (topics) => this.#endTopics(topics),
      report: (detail, cause) => this.events.report(detail, cause),
      pause: (failures) => this.#pause(failures),
    });
  }

  add(leg: Leg): void {
    if (this.#ending.signal.aborted) {
      leg.refused(this.#ending.signal.reason as LiveError);
      return;
    }
    this.#legs.add(leg);
    this.subscribe(leg);
    void this.#run();
  }

  remove(leg: Leg): void {
    this.#legs.delete(leg);
    for (const link of [this.#main, this.#next]) void link?.lines.unsubscribe(leg);
  }

  /** On the connection that is open; one that comes takes all legs anyway. */
  subscribe(leg: Leg): void {
    if (this.#main && this.#legs.has(leg)) void this.#place(this.#main, leg);
  }

  async send(message: string, channel: string): Promise<void> {
    const { socket } = await this.#link();
    socket.send({ action: "message", message, channel });
  }

  join(channel: string): Promise<void> {
    this.#channels.add(channel);
    return this.#ask({ action: "join", channel });
  }

  leave(channel: string): Promise<void> {
    this.#channels.delete(channel);
    return this.#ask({ action: "leave", channel });
  }

  close(): void {
    const closed = new LiveError("closed", "This client was closed");
    this.#ending.abort(closed);
    this.#opened.reject(closed);
    this.#legs.clear();
    this.events.clear();
  }

  async #link(): Promise<Link> {
    this.#ending.signal.throwIfAborted();
    void this.#run();
    return this.#main ?? this.#opened.promise;
  }

  async #ask(frame: { action: "join" | "leave"; channel: string }): Promise<void> {
    const { socket } = await this.#link();
    const reply = await new Promise<ServerFrame | undefined>((done) => {
      socket.ask(frame, ANSWER_WITHIN, (answer) => {
        done(answer);
        return true;
      });
    });
    if (reply === undefined) throw new LiveError("no_answer", "The connection was lost");
    if (reply.type !== "error") return;
    this.#channels.delete(frame.channel);
    throw new LiveError(reply.code, reply.detail);
  }

  /** Opens one connection after the other until the end. */
  async #run(): Promise<void> {
    if (this.#running || this.#ending.signal.aborted) return;
    this.#running = true;
    let failures = 0;
    for (;;) {
      try {
        const link = await this.#open();
        if (link.socket.isOpen) this.#begin(link);
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        this.events.report("no connection", error);
      }
      let last = 0;
      while (this.#main) {
        const { openedAt, closed }: Link = this.#main;
        await closed;
        last = this.#timers.now() - openedAt;
      }
      if (this.#ending.signal.aborted) return;
      failures = last > STABLE ? 1 : failures + 1;
      if (!(await this.#pause(failures))) return;
    }
  }

  #begin(link: Link): void {
    this.#main = link;
    this.#opened.resolve(link);
    for (const leg of this.#legs) void this.#place(link, leg);
  }

  /** A second connection that is open already takes the place of one that is lost. */
  #lost(code: number, reason: string): void {
    this.#main = this.#next;
    this.#next = undefined;
    if (this.#main || this.#ending.signal.aborted) return;
    this.#opened = Promise.withResolvers();
    this.#opened.promise.catch(() => undefined);
    this.events.emit("down", { code, reason });
  }

  /** False at the end of all. */
  async #pause(failures: number): Promise<boolean> {
    const { random = Math.random } = this.#options;
    const wait = backoff(failures, { ...WAIT, random });
    return delay(wait, this.#timers, this.#ending.signal).then(
      () => true,
      () => false,
    );
  }

  async #open(): Promise<Link> {
    const closed = Promise.withResolvers<void>();
    const socket = await this.#dialer.dial(this.#ending.signal, (self) => ({
      opened: () => undefined,
      frame: (frame) => this.#receive(self(), frame),
      closed: (code, reason) => {
        closed.resolve();
        if (this.#next?.socket === self()) this.#next = undefined;
        if (this.#main?.socket === self()) this.#lost(code, reason);
      },
    }));
    const lines = new Lines(socket, this.#legs);
    const link = { socket, lines, openedAt: this.#timers.now(), closed: closed.promise };
    socket.ask({ action: "hello" }, ANSWER_WITHIN, () => true);
    for (const channel of this.#channels) socket.send({ action: "join", channel });
    this.#pingLater(link);
    return link;
  }

  #receive(socket: Socket, frame: ServerFrame): void {
    switch (frame.type) {
      case "events":
        distribute(frame.events, this.#legs);
        return;
      case "message": {
        const { type: _type, ...message } = frame;
        if (!this.#moving || !this.#twice.has(message, socket))
          this.events.emit("message", message);
        return;
      }
      case "welcome": {
        const { type: _type, replyTo: _replyTo, ...welcome } = frame;
        this.#renewal.later(socket, welcome.authExpiresAt);
        this.events.emit("open", welcome);
        return;
      }
      case "error":
        if (frame.code === "unauthenticated") this.#dialer.refuse();
        this.events.emit("error", new LiveError(frame.code, frame.detail));
        return;
      case "pong":
      case "goaway":
        if (socket !== this.#main?.socket) return;
        for (const { feed, track } of this.#legs) {
          const head = frame.heads[feed];
          if (head !== undefined) track.head(head);
        }
        if (frame.type === "goaway") void this.#move();
        return;
      default:
    }
  }

  /** Subscribes a leg, and tries again what fails for now. */
  async #place(link: Link, leg: Leg): Promise<boolean> {
    const placement = await link.lines.subscribe(leg);
    switch (placement) {
      case "done":
      case "refused": // it has ended
        return true;
      case "unauthenticated":
        link.socket.close(SILENT, "unauthenticated");
        return false;
      case "invalid_cursor":
        leg.track.restart("invalid_cursor");
        return this.#place(link, leg);
      default:
        if (link === this.#main) void this.#placeLater(leg);
        else this.subscribe(leg); // on the one that took over
        return false;
    }
  }

  async #placeLater(leg: Leg): Promise<void> {
    if (this.#retrying.has(leg)) return;
    this.#retrying.add(leg);
    const goesOn = await this.#pause(3);
    this.#retrying.delete(leg);
    if (goesOn) this.subscribe(leg);
  }

  /** Moves to a second connection: the first goes on until the second has caught up. */
  async #move(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    const old = this.#main;
    for (let failures = 1; this.#main === old; failures++) {
      const done = await this.#takeOver(old).catch((error: unknown) => {
        this.events.report("no second connection", error);
        return false;
      });
      if (done || !(await this.#pause(failures))) break;
    }
    this.#moving = false;
    this.#twice.clear();
  }

  async #takeOver(old: Link | undefined): Promise<boolean> {
    const link = await this.#open();
    if (this.#main !== old) {
      link.socket.close(); // the first was lost, and is replaced already
      return true;
    }
    this.#next = link;
    const missing = () =>
      [...this.#legs].filter((leg) => !leg.track.stalled && !link.lines.placed.has(leg));
    while (link.socket.isOpen) {
      const placed = await Promise.all(missing().map((leg) => this.#place(link, leg)));
      if (placed.includes(false)) break;
      if (missing().length > 0) continue;
      if (this.#next === link) this.#next = undefined;
      this.#main = link;
      old?.socket.close();
      return true;
    }
    if (this.#main === link) {
      for (const leg of missing()) this.subscribe(leg);
      return true;
    }
    this.#next = undefined;
    link.socket.close();
    return false;
  }

  #pingLater(link: Link): void {
    const { pingEvery = 60_000, pongWithin = 10_000 } = this.#options;
    link.socket.after(pingEvery, () => {
      link.socket.ask({ action: "ping" }, pongWithin, (reply) => {
        if (reply === undefined) link.socket.close(SILENT, "no answer to a ping");
        return true;
      });
      this.#pingLater(link);
    });
  }

  /** The new token does not permit these. */
  #endTopics(topics: readonly string[]): void {
    const keys = new Set(topics.map((text) => parseTopic(text as Topic).key));
    for (const leg of this.#legs) {
      if (!leg.topics.some(({ key }) => keys.has(key))) continue;
      leg.refused(new LiveError("forbidden_topic", "The token's scopes permit it no more"));
    }
  }
}
