/**
 * Keeps one connection open from the first use until `close`, with all subscriptions on it, and
 * hands over to a second connection without a gap. STATES.md draws the states of both.
 */

import type { ServerFrame } from "../api.gen.ts";
import { LiveError } from "../error.ts";
import { backoff, pause, systemTimers, type Timers } from "../timer.ts";
import { type ChannelMessage, createMessageDeduplicator } from "./channel.ts";
import { connectionTable, handoverTable } from "./connection-state.ts";
import { Emitter } from "./emitter.ts";
import { ConnectionSubscriptions, distribute, type FeedSubscription } from "./feed-subscription.ts";
import { createHandshake, type Handshake, type HandshakeOptions } from "./handshake.ts";
import { SILENT, type Socket } from "./socket.ts";
import { StateMachine } from "./state-machine.ts";
import { scheduleRenewal } from "./token-renewal.ts";
import { parseTopic, type Topic } from "./topic.ts";
import { STOPPED } from "./tracker-state.ts";

/** Ms between pings by default. The estimate of costs uses it, too. */
export const PING_EVERY = 60_000;

export type ConnectionOptions = HandshakeOptions & {
  /**
   * Ms between pings, whose answers also reveal lost changes; 60 000. API Gateway ends a connection
   * that was idle for 600 000: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
   */
  pingEvery?: number;
  /** Ms without any frame after a ping before the connection counts as dead; 10 000. */
  pongWithin?: number;
  timers?: Timers;
  /** For jitter: 0 ≤ n < 1. */
  random?: () => number;
};

/** The events of a live client, and what listeners get. */
export interface LiveEvents {
  /** A connection is open: the server's `welcome`. */
  open: Omit<Extract<ServerFrame, { type: "welcome" }>, "type" | "replyTo">;
  /** The connection is lost, with the WebSocket's close code. The client opens another one. */
  down: { code: number; reason: string };
  message: ChannelMessage;
  /** A failure that is tried again, or an error that a listener threw. */
  error: Error;
}

const WAIT = { base: 500, cap: 30_000 }; // ms
/** Ms after which a connection counts as good: the next failure waits as the first one does. */
const STABLE = 10_000;

interface Connection {
  socket: Socket;
  subscriptions: ConnectionSubscriptions;
  openedAt: number; // epoch ms
}

/** A caller that waits for an open connection. */
interface Waiter {
  resolve: (connection: Connection) => void;
  reject: (error: LiveError) => void;
}

export class Connector {
  readonly events = new Emitter<LiveEvents>();
  readonly #options: ConnectionOptions;
  readonly #timers: Timers;
  readonly #handshake: Handshake;
  readonly #state = new StateMachine(connectionTable, "idle");
  readonly #handover = new StateMachine(handoverTable, "none");
  readonly #ending = new AbortController();
  readonly #subscriptions = new Set<FeedSubscription>();
  readonly #retrying = new Set<FeedSubscription>();
  readonly #channels = new Set<string>();
  readonly #messages = createMessageDeduplicator();
  readonly #waiters: Waiter[] = [];
  #primary: Connection | undefined;
  #secondary: Connection | undefined;
  #failures = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#handshake = createHandshake(options, this.#timers);
  }

  /** Keeps a subscription on each connection until it is removed. */
  add(subscription: FeedSubscription): void {
    if (this.#state.state === "closed") {
      subscription.refused(this.#ending.signal.reason as LiveError);
      return;
    }
    this.#subscriptions.add(subscription);
    this.subscribe(subscription);
    this.#use();
  }

  remove(subscription: FeedSubscription): void {
    this.#subscriptions.delete(subscription);
    for (const connection of [this.#primary, this.#secondary]) {
      void connection?.subscriptions.unsubscribe(subscription);
    }
  }

  /** Subscribes on the open connection. The next connection takes all subscriptions anyway. */
  subscribe(subscription: FeedSubscription): void {
    if (this.#primary && this.#subscriptions.has(subscription)) {
      void this.#subscribe(this.#primary, subscription);
    }
  }

  /** Sends a message once a connection is open. Throws `LiveError` `closed`. */
  async send(message: string, channel: string): Promise<void> {
    const { socket } = await this.#connection();
    socket.send({ action: "message", message, channel });
  }

  /** Joins a channel on this and each later connection. Throws `LiveError` if it is refused. */
  join(channel: string): Promise<void> {
    this.#channels.add(channel);
    return this.#request({ action: "join", channel });
  }

  leave(channel: string): Promise<void> {
    this.#channels.delete(channel);
    return this.#request({ action: "leave", channel });
  }

  /** Final: closes all sockets, ends all waits and refuses later uses with `closed`. */
  close(): void {
    const closed = new LiveError("closed", "This client was closed");
    this.#state.fire("close"); // first: what the signal ends must not start a new try
    this.#ending.abort(closed);
    for (const { reject } of this.#waiters.splice(0)) reject(closed);
    this.#subscriptions.clear();
    this.events.clear();
  }

  async #connection(): Promise<Connection> {
    this.#ending.signal.throwIfAborted();
    this.#use();
    const waiting = (resolve: Waiter["resolve"], reject: Waiter["reject"]) =>
      this.#waiters.push({ resolve, reject });
    return this.#primary ?? new Promise<Connection>(waiting);
  }

  async #request(frame: { action: "join" | "leave"; channel: string }): Promise<void> {
    const { socket } = await this.#connection();
    const reply = await new Promise<ServerFrame | undefined>((resolve) => {
      socket.request(frame, (answer) => {
        resolve(answer);
        return true;
      });
    });
    if (reply === undefined) throw new LiveError("no_answer", "The connection was lost");
    if (reply.type !== "error") return;
    this.#channels.delete(frame.channel);
    throw new LiveError(reply.code, reply.detail);
  }

  #use(): void {
    if (this.#state.fire("use")) void this.#connect();
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#open();
      // It may have ended between its handshake and this line.
      if (connection.socket.isOpen()) {
        this.#begin(connection);
        return;
      }
    } catch (error) {
      if (this.#state.state !== "closed") this.events.report("No connection", error);
    }
    this.#failures++;
    this.#state.fire("failed");
    await this.#retry();
  }

  async #retry(): Promise<void> {
    const waited = await this.#pause(this.#failures);
    if (waited && this.#state.fire("retry")) void this.#connect();
  }

  #begin(connection: Connection): void {
    this.#primary = connection;
    this.#state.fire("opened");
    for (const { resolve } of this.#waiters.splice(0)) resolve(connection);
    for (const subscription of this.#subscriptions) void this.#subscribe(connection, subscription);
  }

  /** Waits after some failures in a row; false once the client is closed. */
  #pause(failures: number): Promise<boolean> {
    const { random = Math.random } = this.#options;
    return pause(backoff(failures, { ...WAIT, random }), this.#timers, this.#ending.signal);
  }

  async #open(): Promise<Connection> {
    const socket = await this.#handshake.open(this.#ending.signal, (self) => ({
      frame: (frame) => this.#receive(self(), frame),
      closed: (code, reason) => this.#ended(self(), code, reason),
    }));
    const subscriptions = new ConnectionSubscriptions(socket, this.#subscriptions);
    // The server cannot send during the handshake, so `hello` asks for the `welcome`.
    socket.request({ action: "hello" }, () => true);
    for (const channel of this.#channels) socket.send({ action: "join", channel });
    this.#schedulePing(socket);
    return { socket, subscriptions, openedAt: this.#timers.now() };
  }

  /** A second connection that is open already takes the place of a primary one that has ended. */
  #ended(socket: Socket, code: number, reason: string): void {
    if (this.#secondary?.socket === socket) this.#secondary = undefined;
    if (this.#primary?.socket !== socket) return;
    const lasted = this.#timers.now() - this.#primary.openedAt;
    this.#primary = this.#secondary;
    this.#secondary = undefined;
    this.#state.fire(this.#primary ? "replaced" : "lost");
    if (this.#state.state !== "waiting") return;
    this.#failures = lasted > STABLE ? 1 : this.#failures + 1;
    this.events.emit("down", { code, reason });
    void this.#retry();
  }

  #receive(socket: Socket, frame: ServerFrame): void {
    switch (frame.type) {
      case "events":
        distribute(frame.events, this.#subscriptions);
        return;
      case "message": {
        const { type: _type, ...message } = frame;
        if (!this.#messages.has(message)) this.events.emit("message", message);
        return;
      }
      case "welcome": {
        const { type: _type, replyTo: _replyTo, ...welcome } = frame;
        scheduleRenewal(socket, welcome.authExpiresAt, {
          handshake: this.#handshake,
          timers: this.#timers,
          move: () => void this.#handOver(),
          lost: (topics) => this.#refuse(topics),
          report: (detail, cause) => this.events.report(detail, cause),
          pause: (failures) => this.#pause(failures),
        });
        this.events.emit("open", welcome);
        return;
      }
      case "error":
        if (frame.code === "unauthenticated") this.#handshake.refuse();
        this.events.emit("error", new LiveError(frame.code, frame.detail));
        return;
      case "pong":
      case "goaway":
        // Only the primary connection has all subscriptions, so only its heads reveal lost changes.
        if (socket !== this.#primary?.socket) return;
        for (const { feed, tracker } of this.#subscriptions) {
          const head = frame.heads[feed];
          if (head !== undefined) tracker.head(head);
        }
        if (frame.type === "goaway") void this.#handOver();
        return;
      default:
    }
  }

  /** Subscribes, and tries a transient failure again. False if another connection is needed. */
  async #subscribe(connection: Connection, subscription: FeedSubscription): Promise<boolean> {
    const result = await connection.subscriptions.subscribe(subscription);
    switch (result) {
      case "done":
      case "refused": // the subscription is closed
        return true;
      case "unauthenticated":
        connection.socket.close(SILENT, "unauthenticated");
        this.subscribe(subscription); // the first connection of a handover is still open
        return false;
      case "invalid_cursor":
        subscription.tracker.restart("invalid_cursor");
        return this.#subscribe(connection, subscription);
      default:
        if (connection === this.#primary) void this.#subscribeLater(subscription);
        else this.subscribe(subscription); // on the primary one, if there is one
        return false;
    }
  }

  async #subscribeLater(subscription: FeedSubscription): Promise<void> {
    if (this.#retrying.has(subscription)) return;
    this.#retrying.add(subscription);
    const waited = await this.#pause(3);
    this.#retrying.delete(subscription);
    if (waited) this.subscribe(subscription);
  }

  /** Moves to a second connection. The first one delivers until the second has caught up. */
  async #handOver(): Promise<void> {
    if (!this.#handover.fire("start")) return;
    const old = this.#primary;
    for (let failures = 1; ; failures++) {
      const replaced = await this.#replace(old).catch((error: unknown) => {
        this.events.report("No second connection", error);
        return false;
      });
      if (replaced) break;
      this.#handover.fire("failed");
      if (!(await this.#pause(failures)) || this.#primary !== old) break;
      this.#handover.fire("retry");
    }
    this.#handover.fire("end");
  }

  /** One try of a handover; true if it is over, because the old connection is the primary no more. */
  async #replace(old: Connection | undefined): Promise<boolean> {
    const connection = await this.#open();
    if (this.#primary !== old) {
      connection.socket.close(); // the first was lost meanwhile, and is replaced by a retry
      return true;
    }
    this.#handover.fire("opened");
    this.#secondary = connection;
    const missing = () =>
      [...this.#subscriptions].filter(
        (one) => !STOPPED.has(one.tracker.state) && !connection.subscriptions.done.has(one),
      );
    while (connection.socket.isOpen()) {
      const results = await Promise.all(missing().map((one) => this.#subscribe(connection, one)));
      if (results.includes(false)) break;
      if (missing().length > 0) continue; // new subscriptions, or some that were paused
      if (this.#secondary === connection) {
        this.#secondary = undefined;
        this.#primary = connection;
        this.#state.fire("replaced");
      }
      old?.socket.close();
      return true;
    }
    // If the first was lost meanwhile, this one is the primary already.
    if (this.#primary === connection) {
      for (const subscription of missing()) this.subscribe(subscription);
      return true;
    }
    this.#secondary = undefined;
    connection.socket.close();
    return false;
  }

  #schedulePing(socket: Socket): void {
    const { pingEvery = PING_EVERY, pongWithin = 10_000 } = this.#options;
    socket.after(pingEvery, () => {
      const reply = (pong: ServerFrame | undefined) => {
        if (pong === undefined) socket.close(SILENT, "no answer to a ping");
        return true;
      };
      socket.request({ action: "ping" }, reply, pongWithin);
      this.#schedulePing(socket);
    });
  }

  /** Ends the subscriptions to topics that a new token does not permit. */
  #refuse(topics: readonly string[]): void {
    const keys = new Set(topics.map((text) => parseTopic(text as Topic).key));
    for (const subscription of this.#subscriptions) {
      if (!subscription.topics.some(({ key }) => keys.has(key))) continue;
      const detail = "The new token's scopes do not permit this topic";
      subscription.refused(new LiveError("forbidden_topic", detail));
    }
  }
}
