/**
 * The Live API over a change log in memory, with products only. Its answers are correct; a test
 * decides which frames reach a connection, and when.
 */

import type { Change } from "@stockwire/core/changes/change";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";

export interface Product {
  id: string;
  version: number;
  category: string;
}

/** One connection as the server sees it. */
export interface Peer {
  url: string;
  protocols: string[];
  topics: Map<string, string>;
  /** The frames that the client has sent. */
  received: ClientFrame[];
  send: (frame: ServerFrame) => void;
  drop: (code?: number) => void;
}

type Reply = Extract<ServerFrame, { replyTo?: string | undefined }>;

export class ScriptedLive {
  readonly log: Change[] = [];
  readonly products = new Map<string, Product>();
  readonly peers: Peer[] = [];
  readonly open = new Set<Peer>();
  /** The frames that arrive at a connection for one that is sent: none, the same, two, … */
  deliver = (_peer: Peer, frame: ServerFrame): ServerFrame[] => [frame];
  /** Answers a client's frame in the test's own way; true if it did. */
  intercept = (_peer: Peer, _frame: ClientFrame): boolean => false;
  /** Delays a replay after `subscribed`. */
  replaying: () => Promise<void> | undefined = () => undefined;
  /** Cursors below this seq have expired. */
  expired = 0;
  /** True if the same offset always has the same cursor text. */
  stable = true;
  /** When the connection's token expires. */
  authExpiresAt: string | null = null;
  #count = 0;

  cursor(seq = this.log.length): string {
    return `at-${seq}${this.stable ? "" : `-${++this.#count}`}`;
  }

  /** Creates, changes or deletes (undefined) a product, and sends the change to its subscribers. */
  write(id: string, category: string | undefined): Change {
    const change = this.append(id, category);
    this.fanOut(change);
    return change;
  }

  /** As `write`, but sends nothing: the change is lost on its way until `fanOut` sends it. */
  append(id: string, category: string | undefined): Change {
    const old = this.products.get(id);
    const version = (old ?? this.#last(id)).version + 1;
    const data = category === undefined ? undefined : { id, version, category };
    if (data) this.products.set(id, data);
    else this.products.delete(id);
    const seq = this.log.length + 1;
    const change: Change = {
      feed: "products",
      seq,
      cursor: this.cursor(seq),
      op: data ? (old ? "update" : "create") : "delete",
      id,
      version,
      at: "2026-11-21T00:43:40.123Z",
      actor: "ana",
      requestId: "request-1",
      changed: old && data ? ["category"] : [],
      ...(old && { before: data ? { category: old.category } : { ...old } }),
      ...(data && { data: { ...data } }),
    };
    this.log.push(change);
    return change;
  }

  #last = (id: string): { version: number } =>
    this.log.findLast((change) => change.id === id) ?? { version: 0 };

  /** Sends a change to all its subscribers. */
  fanOut(change: Change): void {
    for (const peer of this.open) {
      const own = changeFor(change, [...peer.topics.keys()]);
      if (own === undefined) continue;
      const frame: ServerFrame = { type: "events", events: [own], cursor: own.cursor };
      for (const each of this.deliver(peer, frame)) peer.send(each);
    }
  }

  /** Accepts a new connection. */
  connect(peer: Peer): void {
    this.peers.push(peer);
    this.open.add(peer);
  }

  /** Handles a client's frame. */
  async receive(peer: Peer, frame: ClientFrame): Promise<void> {
    peer.received.push(frame);
    if (this.intercept(peer, frame)) return;
    const { id } = frame;
    const reply = (answer: Reply) =>
      peer.send({ ...answer, ...(id !== undefined && { replyTo: id }) });
    switch (frame.action) {
      case "hello":
        reply({ ...WELCOME, authExpiresAt: this.authExpiresAt });
        return;
      case "subscribe":
        await this.#subscribe(peer, frame.topics, frame.since, reply);
        return;
      case "unsubscribe":
        for (const topic of frame.topics) peer.topics.delete(topic);
        reply({ type: "unsubscribed", topics: frame.topics });
        return;
      case "ping":
        reply({ type: "pong", heads: peer.topics.size > 0 ? { products: this.cursor() } : {} });
        return;
      case "join":
        reply({ type: "joined", channel: frame.channel });
        return;
      case "leave":
        reply({ type: "left", channel: frame.channel });
        return;
      case "auth":
        reply({ type: "ack", authExpiresAt: this.authExpiresAt });
        return;
      case "message": {
        const { channel, message } = frame;
        const by = { id: `m${++this.#count}`, from: "c", sub: "ana" };
        const sent = { type: "message", ...by, channel, message, at: AT } as const;
        for (const each of this.open) each.send(sent);
      }
    }
  }

  async #subscribe(
    peer: Peer,
    topics: string[],
    since: string | undefined,
    reply: (frame: Reply) => void,
  ): Promise<void> {
    for (const topic of topics) peer.topics.set(topic, topic);
    const head = this.log.length;
    const from = since === undefined ? head : Number(/^at-(\d+)/.exec(since)?.[1]);
    const kept = since === undefined || from >= this.expired;
    reply({ type: "subscribed", topics, cursor: this.cursor(kept ? from : head) });
    if (!kept)
      reply({ type: "reset", topics, reason: "cursor_expired", cursor: this.cursor(head) });
    if (since === undefined) return;
    await this.replaying();
    const missed = kept ? this.log.slice(from, head) : [];
    const events = missed.flatMap((change) => changeFor(change, topics) ?? []);
    for (let at = 0; at < events.length; at += 100) {
      const part = events.slice(at, at + 100);
      peer.send({ type: "events", events: part, cursor: this.cursor(head) });
    }
    reply({ type: "caught_up", cursor: this.cursor(head) });
  }
}

const AT = "2026-11-21T00:43:40.123Z";
const WELCOME: Extract<ServerFrame, { type: "welcome" }> = {
  type: "welcome",
  connectionId: "c",
  sub: "ana",
  scopes: ["read:products"],
  authExpiresAt: null,
  limits: {
    topics: 100,
    frameBytes: 32_768,
    messageBytes: 131_072,
    idleSeconds: 600,
    connectionSeconds: 7200,
  },
};

/** A change with the `op` that it has for some topics, as the server's `opFor` decides it. */
function changeFor(change: Change, topics: readonly string[]): Change | undefined {
  if (topics.includes("products") || topics.includes(`products/${change.id}`)) return change;
  const matches = (category: unknown) =>
    typeof category === "string" && topics.includes(`products?category=${category}`);
  const was = matches(change.before?.["category"]);
  const is = matches(change.data?.["category"]);
  if (was && is) return change;
  if (is) return change.op === "create" ? change : { ...change, op: "enter" };
  if (was) return change.op === "delete" ? change : { ...change, op: "leave" };
  return undefined;
}

const PROBE = "/probe";

/** Serves it over real WebSockets. `refuse` answers a handshake with a status. */
export async function serveLive(live: ScriptedLive) {
  const server = createServer();
  let refuse: () => number | undefined = () => undefined;
  let activity = 0; // handshakes, frames and closes of clients, without probes
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => "stockwire.v1",
    verifyClient: ({ req }: { req: IncomingMessage }, answer) => {
      if (req.url === PROBE) return answer(true);
      activity++;
      const status = refuse();
      answer(status === undefined, status);
    },
  });
  sockets.on("connection", (ws, request) => {
    if (request.url === PROBE) return;
    const peer: Peer = {
      url: request.url ?? "",
      protocols: (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/),
      topics: new Map(),
      received: [],
      send: (frame) => ws.send(JSON.stringify(frame)),
      drop: (code) => (code === undefined ? ws.terminate() : ws.close(code)),
    };
    live.connect(peer);
    ws.on("message", (data: Buffer) => {
      activity++;
      void live.receive(peer, JSON.parse(data.toString()) as ClientFrame);
    });
    ws.on("close", () => {
      activity++;
      live.open.delete(peer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** Resolves when all frames and handshakes that were on their way have arrived. */
  async function roundTrip(): Promise<void> {
    const probe = new WebSocket(origin + PROBE, ["stockwire.v1"]);
    await once(probe, "open");
    const open = [...sockets.clients].filter((ws) => ws.readyState === ws.OPEN);
    const ending = new AbortController(); // removes the listeners that are left
    const { signal } = ending;
    await Promise.all(
      open.map((ws) => {
        ws.ping();
        return Promise.race([once(ws, "pong", { signal }), once(ws, "close", { signal })]);
      }),
    );
    ending.abort();
    probe.terminate();
  }

  return {
    url: `${origin}/live`,
    /** Resolves once no client has sent anything during two round trips. */
    async settled(): Promise<void> {
      for (let quiet = 0; quiet < 2;) {
        const before = activity;
        await roundTrip();
        quiet = activity === before ? quiet + 1 : 0;
      }
    },
    refuse: (by: typeof refuse) => (refuse = by),
    close: async () => {
      for (const ws of sockets.clients) ws.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Listener = (event: { data?: unknown; code?: number; reason?: string }) => void;

/** WebSockets without a network: `later` decides when each frame arrives, in order. */
export const inMemory = (live: ScriptedLive, later: (run: () => void) => void) =>
  class {
    readonly #listeners = new Map<string, Listener[]>();
    readonly #peer: Peer;
    #closed = false;

    constructor(url: string, protocols: string[]) {
      this.#peer = {
        url,
        protocols,
        topics: new Map(),
        received: [],
        send: (frame) => later(() => this.#emit("message", { data: JSON.stringify(frame) })),
        drop: (code = 1006) => this.#end(code),
      };
      later(() => {
        if (this.#closed) return;
        live.connect(this.#peer);
        this.#emit("open", {});
      });
    }

    addEventListener(type: string, listener: Listener): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }

    send(data: string): void {
      later(() => {
        if (!this.#closed) void live.receive(this.#peer, JSON.parse(data) as ClientFrame);
      });
    }

    close(code = 1000): void {
      this.#end(code);
    }

    #end(code: number): void {
      if (this.#closed) return;
      this.#closed = true;
      live.open.delete(this.#peer);
      later(() => {
        for (const listener of this.#listeners.get("close") ?? []) listener({ code, reason: "" });
      });
    }

    #emit(type: string, event: Parameters<Listener>[0]): void {
      if (this.#closed) return;
      for (const listener of this.#listeners.get(type) ?? []) listener(event);
    }
  };
